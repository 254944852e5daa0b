"""`docs/specification.md` names files and tests; each of them is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "specification.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    folders = [ROOT / "tests", *ROOT.glob("packages/*/tests")]
    sources = [path.read_text(encoding="utf-8") for one in folders for path in one.rglob("*.py")]
    there = {name for text in sources for name in re.findall(r"def (test_\w+)\(", text)}
    assert len(named) > 40
    assert named - there == set()


def test_every_file_that_the_page_names_exists() -> None:
    named = re.findall(r"`((?:afterword|atomic|docs)/[\w./-]+)`", PAGE)
    assert len(named) > 50
    folders = [ROOT, *ROOT.glob("packages/*/src")]
    assert [one for one in named if not any((folder / one).is_file() for folder in folders)] == []
