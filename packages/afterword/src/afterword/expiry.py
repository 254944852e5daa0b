"""When a declaration ends: `until` a day or a version, that one included.

Loaded only by applications whose declarations have an end.
"""

_DAY = "0000-00-00"


def why_not(until: str) -> str | None:
    """Why a declaration cannot end so; None if it can."""
    if _is_day(until):
        if "01" <= until[5:7] <= "12" and "01" <= until[8:] <= "31":
            return None
    elif until[:1].isdecimal() and not until.strip("0123456789."):
        parts = until.split(".")
        if len(parts) != 3 or len(parts[2]) != 4:  # noqa: PLR2004  # 24.11.2026 is meant as a day
            return None
    return "until is a day (2027-06-30) or a version (2.1), the last for which it holds"


def has_ended(until: str, moment: str, version: str) -> bool:
    """Is it over?

    Args:
        until: as declared; empty for no end.
        moment: when the event is, or was, recorded: ISO 8601, UTC.
        version: of the application that records it.
    """
    if not until:
        return False
    if _is_day(until):
        return moment[: len(_DAY)] > until
    return _release(version) > _release(until)


def _is_day(text: str) -> bool:
    return len(text) == len(_DAY) and all(
        character == "-" if mark == "-" else character.isdecimal()
        for character, mark in zip(text, _DAY, strict=True)
    )


def _release(version: str) -> tuple[int, ...]:
    """The numbers at the beginning of a version, without zeros at their end; `1.10rc1`: (1, 10)."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = len(part) - len(part.lstrip("0123456789"))
        if not digits:
            break
        numbers.append(int(part[:digits]))
        if digits < len(part):
            break
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
