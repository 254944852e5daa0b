"""`docs/reliability.md` names a test for what it says; each of them is there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parents[2] / "docs" / "reliability.md"


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+|Test\w+)`", PAGE.read_text()))
    source = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"^(?:def (test_\w+)\(|(Test\w+) = )", source, re.MULTILINE))
    assert len(named) > 50
    assert named - {name for pair in there for name in pair} == set()
