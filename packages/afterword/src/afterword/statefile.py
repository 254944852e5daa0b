"""Small flat JSON files (state, last upload): read without `json` where we wrote them ourselves.

`json` costs 12 ms to import, more than everything else a command does here. A file that stands
just as `write` leaves it, one plain key a line, is read by hand; anything else (edited, damaged,
another program's) goes to the real parser.
"""

import os

Value = str | int | bool | None
Flat = dict[str, Value]

_MOST = 65536
_WORDS: Flat = {"true": True, "false": False, "null": None}
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)


def read(path: str) -> Flat | None:
    """The object in the file; None if there is none, or it is no flat JSON object. Never raises."""
    try:
        fd = os.open(path, os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        text = os.read(fd, _MOST).decode()
    except (OSError, ValueError):
        return None
    finally:
        os.close(fd)
    found = _read_own_form(text)
    return _read_any_form(text) if found is None else found


def write(path: str, values: Flat) -> None:
    """Replace the file as a whole: written beside it, then renamed. Raise OSError if it fails."""
    lines = [f"  {_quote(key)}: {_quote(value)}" for key, value in values.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    beside = f"{path}.{os.getpid()}.tmp"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
    try:
        try:
            data = text.encode()
            if os.write(fd, data) < len(data):
                raise OSError(28, "no space left for", beside)
        finally:
            os.close(fd)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _quote(value: Value) -> str:
    if isinstance(value, str):
        if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
            return f'"{value}"'
        import json

        return json.dumps(value)
    if value is None:
        return "null"
    return str(value).lower()  # True, False, and integers


def _read_own_form(text: str) -> Flat | None:
    lines = text.split("\n")
    if lines[0] != "{" or lines[-2:] != ["}", ""] or "\\" in text:
        return None
    found: Flat = {}
    for line in lines[1:-2]:
        key, colon, rest = line.removesuffix(",").partition('": ')
        if not colon or not key.startswith('  "'):
            return None
        if rest in _WORDS:
            found[key[3:]] = _WORDS[rest]
        elif rest.isdecimal():
            found[key[3:]] = int(rest)
        elif len(rest) > 1 and rest[0] == rest[-1] == '"' and '"' not in rest[1:-1]:
            found[key[3:]] = rest[1:-1]
        else:
            return None
    return found


def _read_any_form(text: str) -> Flat | None:
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {k: v for k, v in found.items() if v is None or isinstance(v, str | int | bool)}
