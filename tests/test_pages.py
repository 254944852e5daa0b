"""What the pages print works as printed: the tutorial, and the programs of the how-to guides."""

import ast
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import wait_until

from afterword_sink import LocalSink

DOCS = Path(__file__).parents[1] / "docs"
BIN = Path(sys.executable).parent
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if "_build" not in path.parts
)
TREE = textwrap.dedent(
    """
    @{0}.command()
    {1}
    def send(thing{2}):
        print(f"{{thing}} is on its way")
    """
)


@pytest.fixture(scope="module")
def sink() -> Iterator[LocalSink]:
    with LocalSink() as running:
        yield running


@pytest.fixture
def variables(home: Path, sink: LocalSink) -> dict[str, str]:
    """The environment of a person who follows a page, in a folder of their own."""
    sink.clear()
    return {
        "PATH": f"{home}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PYTHONPATH": str(home / "src"),
        "AFTERWORD_SINK": sink.connection_string,
        "SHIPIT_TELEMETRY_CONNECTION_STRING": sink.connection_string,
    }


Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(home: Path, variables: dict[str, str]) -> Shell:
    """Runs a line as a person types it; `shipit` is what pip would have made of the script."""

    def run(line: str, expected: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            ["bash", "-c", line], env=variables, cwd=home, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == expected, f"{line}\n{done.stdout}{done.stderr}"
        return done

    script = home / "shipit"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom shipit.cli import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    return run


def outcomes(sink: LocalSink) -> list[tuple[str, str]]:
    rows = sink.query("customEvents | order by timestamp asc | project customDimensions")
    return sorted(
        (one["customDimensions"]["command"], one["customDimensions"]["outcome"]) for one in rows
    )


@pytest.mark.parametrize("page", PAGES)
def test_programs_are_python(page: str) -> None:
    for program in FENCE.findall((DOCS / page).read_text(encoding="utf-8")):
        ast.parse(program)


@pytest.mark.xdist_group("pages")
def test_the_tutorial(home: Path, sink: LocalSink, shell: Shell) -> None:
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    for path, text in re.findall(
        r"`([\w./]+)`:\n\n```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    ):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    top, bottom = re.findall(
        r"At the (?:top|bottom):\n\n```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    program = home / "src" / "shipit" / "cli.py"
    program.write_text(program.read_text().replace("import click\n", top, 1) + "\n" + bottom)

    typed = re.findall(r"^\$ ((?:shipit|afterword-sink query) .*)$", page, re.MULTILINE)
    assert [line for line in typed if "send parcel" in line]
    shell("shipit telemetry on")  # on a terminal it asks, see test_the_question
    for line in typed:
        failing = "track" in line
        if "afterword-sink query" in line:
            wait_until(lambda: len(outcomes(sink)) == 2)
        done = shell(line, 1 if failing else 0)
        if failing:
            assert done.stderr == "Error: nobody knows where parcel is\n"
        if "show --sent" in line:
            wait_until(lambda: "track" in shell("shipit telemetry show --sent").stdout)
            assert "parcel" not in shell(line).stdout
    assert outcomes(sink) == [("send", "ok"), ("track", "failed")]


def program_of(page: str, sink: LocalSink, tree: str = "") -> str:
    """The first program of a how-to guide, with commands where it leaves a place for them."""
    program = FENCE.findall((DOCS / page).read_text(encoding="utf-8"))[0]
    program = re.sub(r'"InstrumentationKey=[^"]*"', repr(sink.connection_string), program)
    return str(program).replace("# ... your commands ...\n", tree)


COMMANDS = {
    "../README.md": "",
    "index.md": "",
    "how-to/click.md": TREE.format("main", '@click.argument("thing")', ""),
    "how-to/typer.md": TREE.format("app", "", ": str") + "@app.command()\ndef track(): ...\n",
    "how-to/argparse.md": "",
}
"""What stands where a guide leaves a place for commands."""


@pytest.mark.xdist_group("pages")
@pytest.mark.parametrize("page", COMMANDS)
def test_the_programs_of_the_guides(home: Path, sink: LocalSink, shell: Shell, page: str) -> None:
    folder = home / "src" / "shipit"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('__version__ = "1.0.0"\n')
    entry = "main = app\n" if "typer" in page else ""
    if "telemetry.click(cli)" in (program := program_of(page, sink, COMMANDS[page])):
        tree = TREE.format("main", '@click.argument("thing")', "")
        group = "import click\nfrom shipit import __version__\n@click.group()\ndef main(): ...\n"
        program = f"{group}{tree}cli = main\n{program}"
    (folder / "cli.py").write_text(program + entry)
    shell("shipit telemetry on")
    assert shell("shipit send parcel").stdout == "parcel is on its way\n"
    shell("shipit send", 2)
    wait_until(lambda: len(outcomes(sink)) == 2)
    assert outcomes(sink) == [("send", "ok"), ("send", "usage_error")]
    wait_until(lambda: "usage_error" in shell("shipit telemetry show --sent").stdout)


def test_every_variable_is_on_its_page() -> None:
    """Those that the engine and the sink have of their own, and those by which agents are told."""
    page = (DOCS / "reference" / "variables.md").read_text(encoding="utf-8")
    sources = [path.read_text("utf-8") for path in DOCS.parent.glob("packages/*/src/**/*.py")]
    found = {name for text in sources for name in re.findall(r"_TELEMETRY_[A-Z_]+", text)}
    found |= {name for text in sources for name in re.findall(r'"(AFTERWORD_[A-Z]+)"', text)}
    agents = DOCS.parent / "packages/afterword/src/afterword/integrations/agents.py"
    code = agents.read_text("utf-8").partition('"""\n\n')[2]
    found |= set(re.findall(r'"([A-Z]+_[A-Z_]+)"', code))
    assert len(found) > 20
    assert {name for name in found if name not in page} == set()


def test_every_file_is_on_its_page() -> None:
    page = (DOCS / "reference" / "files.md").read_text(encoding="utf-8")
    sources = DOCS.parent.glob("packages/afterword/src/**/*.py")
    found = {
        name
        for path in sources
        for name in re.findall(
            r'"(telemetry[-.][a-z-]+(?:\.jsonl?|\.lock)?)"', path.read_text("utf-8")
        )
    }
    assert len(found) >= 6
    assert {name for name in found if name not in page} == set()
