"""The documentation site builds without a warning, and documents everything public."""

import importlib
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PUBLIC = (
    "afterword",
    "afterword.errors",
    "afterword.exporters",
    "afterword.testing",
    "afterword_sink",
)
"""Modules whose public names are ours to keep, and have to be explained."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning"]
    command += ["--keep-going", "--quiet", str(ROOT / "docs"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def public_names(module: str) -> set[str]:
    """What `from module import *` gives; without `__all__`, what it defines itself."""
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", None)
    if names is None:
        names = [
            name
            for name, value in vars(loaded).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module
        ]
    return {f"{module}.{name}" for name in names}


def inventory(path: Path) -> set[str]:
    """Every Python name that the site explains (four lines of text, then the list, compressed)."""
    lines = zlib.decompress(path.read_bytes().split(b"\n", 4)[4]).decode().splitlines()
    return {line.split(" ")[0] for line in lines if " py:" in line}


@pytest.mark.xdist_group("site")
def test_nothing_public_is_missing(site: Path) -> None:
    documented = inventory(site / "objects.inv")
    for module in PUBLIC:
        missing = public_names(module) - documented
        assert not missing, f"not in docs/reference/api.md: {sorted(missing)}"


@pytest.mark.xdist_group("site")
@pytest.mark.parametrize(
    ("page", "heading"),
    [
        ("telemetry.html#turning-it-off", "Turning it off"),
        ("telemetry.html#what-is-recorded", "What is recorded"),
        ("how-to/typer.html", "Add it to a typer tool"),
        ("how-to/nothing-arrives.html", "Nothing arrives"),
    ],
)
def test_what_people_look_for_is_one_click_away(site: Path, page: str, heading: str) -> None:
    assert f'href="{page}"' in (site / "index.html").read_text(encoding="utf-8")
    assert f">{heading}<" in (site / page.partition("#")[0]).read_text(encoding="utf-8")


@pytest.mark.xdist_group("site")
def test_the_site_says_nothing_of_the_machine_that_built_it(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert str(ROOT) not in page.read_text(encoding="utf-8"), page.relative_to(site)


def test_generated_parts_are_as_their_sources() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "docs.py"), "--check"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
