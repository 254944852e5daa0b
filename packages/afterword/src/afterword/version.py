"""Versions: the engine's own, and the public part of an application's."""

__version__ = "0.1.0"

MOST = 64
"""Characters of a version."""

RULE = (
    "a version begins with a number, as releases do (1.4.0, v2, 1.0rc1); "
    "where it is not known, pass '0'"
)

_WORDS = frozenset((
    "a", "alpha", "b", "beta", "c", "canary", "dev", "final", "nightly", "next", "p", "post", "pre",
    "preview", "r", "rc", "release", "rev", "snapshot",
))  # fmt: skip


def public_part(version: object) -> str | None:
    """The beginning of a version that says nothing but which release it is; None if there is none.

    Numbers and the usual words for stages (`rc`, `dev`, …) with `.`, `-`, `_` or `!` between them.
    A leading `v` is left out. The rest is cut: a local part (`+jane.laptop`), the hash of a commit,
    a branch's name would tell about the person's machine. Grammar: PEP 440, read generously.
    """
    if not isinstance(version, str):
        return None
    text = str.__str__(version).strip()
    if text[:1] in ("v", "V"):
        text = text[1:]
    if not _is_digit(text[:1]):
        return None
    at = kept = 0
    while at < len(text):
        start = at
        if text[at] in ".-_!":
            at += 1
            continue
        same_kind = _is_digit if _is_digit(text[at]) else _is_letter
        while at < len(text) and same_kind(text[at]):
            at += 1
        known = same_kind is _is_digit or text[start:at].lower() in _WORDS
        if at > MOST or at == start or not known:
            break
        kept = at
    return text[:kept] or None


def _is_digit(character: str) -> bool:
    return character.isascii() and character.isdecimal()


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()
