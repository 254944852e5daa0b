"""`docs/reliability.md` names tests for what it says: each is there, and each promise has some."""

import re
from pathlib import Path

PACKAGES = Path(__file__).parents[3]
DOCS = PACKAGES.parent / "docs"
PAGE = (DOCS / "reliability.md").read_text()
PROMISES = re.findall(r"^### (Promise \d: .*)$", (DOCS / "telemetry.md").read_text(), re.MULTILINE)


def named_in(text: str) -> set[str]:
    return set(re.findall(r"`(test_\w+|Test\w+)`", text))


def test_every_test_that_the_page_names_exists() -> None:
    source = "\n".join(path.read_text() for path in PACKAGES.rglob("tests/**/test_*.py"))
    there = set(re.findall(r"^(?:def (test_\w+)\(|(Test\w+) = )", source, re.MULTILINE))
    assert len(named_in(PAGE)) > 100
    assert named_in(PAGE) - {name for pair in there for name in pair} == set()


def test_every_promise_has_its_tests() -> None:
    assert len(PROMISES) == 8
    for promise in PROMISES:
        (section,) = re.findall(rf"^### {promise}$(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
        assert len(named_in(section)) >= 3, promise
