"""Which of two versions is newer, by the order of PEP 440 as far as releases need it. Pure."""

import re

_FORM = r"v?(\d+(?:\.\d+)*)[-_.]?(a|b|c|rc|alpha|beta|pre|post|dev)?[-_.]?(\d*)"
_RANK = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2, "c": -1, "rc": -1, "pre": -1}
_POST = 1


def is_newer(one: str, other: str) -> bool:
    """Is the version `one` newer than `other`? False where either is no version."""
    if one == other or not one:
        return False
    first, second = _key(one), _key(other)
    return first is not None and second is not None and first > second


def _key(version: str) -> tuple[list[int], int, int] | None:
    found = re.match(_FORM, version.strip(), re.IGNORECASE)
    if found is None:
        return None
    numbers = [int(part) for part in found.group(1).split(".")]
    while len(numbers) > 1 and not numbers[-1]:  # 1.0 is 1
        numbers.pop()
    word = (found.group(2) or "").lower()
    rank = _RANK.get(word, _POST if word else 0)
    return numbers, rank, int(found.group(3) or 0)
