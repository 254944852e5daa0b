"""Declared events: what can be recorded at all. No field can hold free text.

A text field is one word out of a closed list, a range, or an id the engine makes. Everything else
an event carries (its id, its moment, the anonymous id, platform, version) the engine writes itself.
On the startup path where telemetry is on.
"""

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeGuard

    from afterword.folder import Value as Scalar

# What every event carries, in this order, before its own fields; `version` follows, under the
# application's name. Names as in the buffer; on the wire they are written in snake_case.
EVENT_ID, EVENT_TYPE, TIMESTAMP = "eventId", "eventType", "timestamp"
ANONYMOUS_ID, PLATFORM = "anonymousId", "platform"
PLATFORMS = ("darwin", "linux", "win32", "other")

MOST_COUNT = 2**53 - 1
"""Whole numbers beyond that are not the same in every reader of JSON (RFC 8259, section 6)."""

VALUE_MOST = 8192
"""Characters of a value: Application Insights cuts longer ones (service limits page)."""

_WORD_MOST = 64
_NAME_MOST = 64
_HEX = frozenset("0123456789abcdef")

KINDS = ("word", "words", "range", "count", "flag", "id")
"""What a field can hold: one word or several out of a closed vocabulary, a number as the range in
which it lies or as itself, a yes or no, an id made by the engine. Free text is not among them."""

OUTCOMES = ("ok", "failed", "usage_error", "interrupted", "broken_pipe")
AGENTS = (
    "none", "claude", "codex", "cursor", "gemini", "copilot", "opencode", "antigravity", "augment",
    "amp", "goose", "pi", "cline", "droid", "kimi", "other",
)  # fmt: skip
_DURATIONS = ("<100ms", "100ms-1s", "1s-10s", "10s-1min", "1min-10min", "10min-1h", ">1h")
_DURATION_BOUNDS = (0.1, 1, 10, 60, 600, 3600)


class Field:
    """What a field may hold; made by `OneOf`, `ListOf`, `Range`, `Count`, `Flag`, `Id` and others.

    `kind`: out of `KINDS`, a closed list, so that nobody adds free text to it. `optional`: an event
    may be recorded without it. `retired`: words that only older versions have recorded, and that
    are still sent. `other`: the word that stands for any that is not in `words`; empty where an
    unknown word is refused. `bounds`: of ranges, where the next of `words` begins. `why`:
    the question that it answers. `until`: the last day or version for which it is recorded. One
    class for all kinds, because making a class takes as long as recording an event.

    Raises:
        DeclarationError: there is no such kind, a word is no word, or the bounds do not rise.
    """

    __slots__ = ("bounds", "kind", "most", "optional", "other", "retired", "until", "why", "words")

    def __init__(
        self,
        kind: str,
        *,
        words: tuple[str, ...] = (),
        most: int = 0,
        optional: bool = False,
        other: str = "",
        bounds: tuple[float, ...] = (),
        retired: tuple[str, ...] = (),
        why: str = "",
        until: str = "",
    ) -> None:
        if other and other not in words:
            words = (*words, other)
        why_not = _why_no_field(kind, words, retired, most, bounds)
        if why_not is not None:
            raise _declaration_error(why_not)
        if kind == "words":  # so many of the longest, with commas between them, still fit
            longest = max([len(word) for word in (*words, *retired)])
            most = min(most, (VALUE_MOST + 1) // (longest + 1))
        if until:
            _check_end(until)
        self.kind = kind
        self.words = words
        self.most = most
        self.optional = optional
        self.other = other
        self.bounds = bounds
        self.retired = retired
        self.why = why
        self.until = until

    def __init_subclass__(cls) -> None:
        raise TypeError("the kinds of fields are a closed list")

    def accepts(self, value: object, *, made: bool = False) -> bool:
        """Can this value be recorded? A subclass cannot change what it is compared with.

        `made`: it has been recorded, perhaps by another version: can it be sent?
        """
        if self.kind == "word":
            return self._knows(value, made=made)
        if self.kind == "words":
            if not isinstance(value, list | tuple) or not 0 < len(value) <= self.most:
                return False
            return all(self._knows(word, made=made) for word in value)
        if self.kind == "range":  # a number when it is recorded, its range when it is sent
            if isinstance(value, str):
                return str.__str__(value) in self.words
            return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124  # NaN lies in no range
        if self.kind == "count":
            if isinstance(value, bool) or not isinstance(value, int):
                return False
            return 0 <= int.__pos__(value) <= self.most
        if self.kind == "flag":
            return isinstance(value, bool)
        return self.kind == "id" and is_uuid4(value)

    def _knows(self, word: object, *, made: bool) -> bool:
        if not isinstance(word, str):
            return False
        if self.other or str.__str__(word) in self.words:
            return True
        return made and str.__str__(word) in self.retired

    def encode(self, value: object) -> str:
        """The JSON text of an accepted value, for the buffer. No word needs escaping.

        An enum may print something else than its value: its own `__str__` is not used.
        """
        if isinstance(value, list | tuple):
            return '["' + '","'.join([self._word(word) for word in value]) + '"]'
        if isinstance(value, bool):
            return "true" if value else "false"
        if self.kind == "range":
            return f'"{self._range(value)}"'
        if isinstance(value, int):
            return int.__repr__(value)
        return f'"{self._word(value)}"'

    def rule(self) -> str:
        """What the field may hold, in words: `one of red, green`."""
        older = f" (of older versions also {', '.join(self.retired)})" if self.retired else ""
        if self.kind == "word":
            return "one of " + ", ".join(self.words) + older
        if self.kind == "words":
            return "any of " + ", ".join(self.words) + older
        if self.kind == "range":
            return "a number, kept as one of " + ", ".join(self.words)
        if self.kind == "count":
            return "a whole number" + (f" up to {self.most}" if self.most < MOST_COUNT else "")
        return "true or false" if self.kind == "flag" else "a random id made for this event alone"

    def wire(self, value: object) -> "Scalar":
        """An accepted value as it is sent: words joined by commas, as no property is a list."""
        if isinstance(value, list | tuple):
            return ",".join([self._word(word, made=True) for word in value])
        if self.kind == "range":
            return self._range(value)
        if self.kind == "word":
            return self._word(value, made=True)
        assert isinstance(value, str | int)  # noqa: S101  # accepts() said so
        return value

    def _word(self, value: object, *, made: bool = False) -> str:
        """The word to keep for an accepted one."""
        assert isinstance(value, str)  # noqa: S101  # accepts() said so
        word = str.__str__(value)
        known = not self.other or word in self.words or (made and word in self.retired)
        return word if known else self.other

    def _range(self, value: object) -> str:
        """The range in which a number lies; a range stays as it is."""
        if isinstance(value, str):
            return str.__str__(value)
        assert isinstance(value, int | float)  # noqa: S101  # accepts() said so
        for bound, word in zip(self.bounds, self.words, strict=False):
            if value < bound:
                return word
        return self.words[-1]


def _why_no_field(
    kind: str,
    words: tuple[str, ...],
    retired: tuple[str, ...],
    most: int,
    bounds: tuple[float, ...],
) -> str | None:
    """Which rule of declarations a field would break; None if none."""
    if kind not in KINDS:
        return f"there is no kind {kind!r}"
    if kind in ("word", "words") and not words:
        return "a vocabulary needs at least one word"
    if type(most) is not int or not 0 <= most <= MOST_COUNT:
        return f"{most!r}: the most is a whole number up to {MOST_COUNT}"
    if kind == "range" and (not bounds or list(bounds) != sorted(set(bounds))):
        return "a range needs bounds, each greater than the one before"
    if not all(-MOST_COUNT <= bound <= MOST_COUNT for bound in bounds):
        return f"a bound lies between -{MOST_COUNT} and {MOST_COUNT}"
    for word in (*words, *retired):
        if not is_word(word):
            return f"{word!r} is no word for a vocabulary"
    for word in retired:
        if word in words:
            return f"{word!r} cannot be retired and in use"
    return None


def OneOf(  # noqa: N802  # reads as a declaration
    *words: str,
    optional: bool = False,
    other: str = "",
    retired: "Sequence[str]" = (),
    why: str = "",
    until: str = "",
) -> Field:
    """One word out of a closed vocabulary.

    `other` stands for every word that is not in it. `retired`: words that only older versions have
    recorded; they are still sent.
    """
    return Field(
        "word", words=words, optional=optional, other=other, retired=tuple(retired), why=why,
        until=until,
    )  # fmt: skip


def ListOf(  # noqa: N802  # the same
    *words: str,
    optional: bool = False,
    other: str = "",
    retired: "Sequence[str]" = (),
    why: str = "",
    until: str = "",
) -> Field:
    """Words out of a closed vocabulary, in order, repeats included; `other`, `retired` as there.

    At most 1,000, and no more than fit into 8,192 characters if all are the longest: 409 of 19
    characters. A longer list is refused when it is recorded.
    """
    return Field(
        "words", words=words, most=1000, optional=optional, other=other, retired=tuple(retired),
        why=why, until=until,
    )  # fmt: skip


def Range(  # noqa: N802  # the same
    *bounds: float, unit: str = "", optional: bool = False, why: str = "", until: str = ""
) -> Field:
    """A number, of which only the range in which it lies is kept.

    `Range(10, 100, unit="MB")` keeps `<10MB`, `10-100MB` or `>=100MB`.
    """
    inner = [f"{bounds[at]}-{bounds[at + 1]}{unit}" for at in range(len(bounds) - 1)]
    words = (f"<{bounds[0]}{unit}", *inner, f">={bounds[-1]}{unit}") if bounds else ()
    return Field("range", words=words, bounds=bounds, optional=optional, why=why, until=until)


def Duration(  # noqa: N802  # the same
    *, optional: bool = False, why: str = "", until: str = ""
) -> Field:
    """How long something took, in seconds; kept as one of seven ranges, `<100ms` to `>1h`."""
    return Field(
        "range", words=_DURATIONS, bounds=_DURATION_BOUNDS, optional=optional, why=why, until=until
    )


def Outcome(  # noqa: N802  # the same
    *, optional: bool = False, why: str = "", until: str = ""
) -> Field:
    """How a command ended: `ok`, `failed`, `usage_error`, `interrupted` or `broken_pipe`."""
    return Field("word", words=OUTCOMES, optional=optional, why=why, until=until)


def Agent(  # noqa: N802  # the same
    *, optional: bool = False, why: str = "", until: str = ""
) -> Field:
    """Which coding agent runs the command, as `Telemetry.agent` tells; `none` for a person."""
    return Field("word", words=AGENTS, optional=optional, other="other", why=why, until=until)


def Count(  # noqa: N802  # the same
    *, most: int = MOST_COUNT, optional: bool = False, why: str = "", until: str = ""
) -> Field:
    """A whole number from 0 to `most`."""
    return Field("count", most=most, optional=optional, why=why, until=until)


def Flag(  # noqa: N802  # the same
    *, optional: bool = False, why: str = "", until: str = ""
) -> Field:
    """True or false."""
    return Field("flag", optional=optional, why=why, until=until)


def Id(  # noqa: N802  # the same
    *, optional: bool = False, why: str = "", until: str = ""
) -> Field:
    """A random UUID that the engine makes for each event recorded; nobody can pass one in."""
    return Field("id", optional=optional, why=why, until=until)


class Event:
    """The declaration of one event.

    Args:
        name: as it is in the buffer and on the wire: lower-case words joined by `_`.
        about: when it is recorded, in a sentence for users.
        why: the question that it answers, for users.
        until: the last day (`2027-06-30`) or version (`2.1`) for which it is recorded.
        fields: its own fields by their names; every event also has an id, a moment, the anonymous
            id, the platform and the version.

    Raises:
        DeclarationError: a name that cannot be used in the buffer or on the wire, or an end that
            is neither a day nor a version.
    """

    __slots__ = ("about", "ends", "fields", "name", "until", "why")

    def __init__(
        self,
        name: str,
        about: str = "",
        /,
        *,
        why: "str | Field" = "",
        until: "str | Field" = "",
        **fields: Field,
    ) -> None:
        if not isinstance(why, str) or not isinstance(until, str):  # where fields come by `**`
            raise _declaration_error(f"{name}: no field can be called why or until")
        if not _is_name(name):
            raise _declaration_error(f"{name!r} is no name for an event: {_NAME_RULE}")
        keys: dict[str, str] = {}
        ends = bool(until)
        for key, field in fields.items():
            if not _is_name(key) or "" in key.split("_"):
                raise _declaration_error(f"{key!r} is no name for a field: {_NAME_RULE}")
            if key in _RESERVED:
                raise _declaration_error(f"{name}.{key}: the engine itself writes {key!r}")
            if not isinstance(field, Field):
                raise _declaration_error(f"{name}.{key} is no field")
            other = keys.setdefault(buffer_key(key), key)
            if other != key:
                raise _declaration_error(f"{name}.{key} and {name}.{other} are too much alike")
            ends = ends or bool(field.until)
        if until:
            _check_end(until)
        self.name = name
        self.about = about
        self.why = why
        self.until = until
        self.fields = fields
        self.ends = ends

    def cut(
        self, values: "Mapping[str, object]", moment: str, version: str
    ) -> "tuple[Event | None, Mapping[str, object], str | None]":
        """The event and its values without what had ended at a moment, and what that was.

        Args:
            values: of its fields.
            moment: ISO 8601, UTC.
            version: of the application that recorded it.

        Returns:
            the event, None if it has ended itself; the values that are left; what ended and has a
            value here, None if nothing.
        """
        from afterword.expiry import has_ended

        if has_ended(self.until, moment, version):
            return None, {}, f"{self.name} has ended: until {self.until}"
        fields = {
            key: field
            for key, field in self.fields.items()
            if not has_ended(field.until, moment, version)
        }
        gone = [key for key in values if key in self.fields and key not in fields]
        left = Event(self.name, self.about, why=self.why, until=self.until, **fields)
        kept = {key: value for key, value in values.items() if key not in gone}
        ended = [f"{self.name}.{key} has ended: until {self.fields[key].until}" for key in gone]
        return left, kept, ended[0] if ended else None

    def why_not(self, values: "Mapping[str, object]", *, made: bool = False) -> str | None:
        """Why these values cannot be recorded for this event; None if they can.

        `made`: the engine's own fields (`Id`) have been filled in, and must be there; before that
        they must not be, since nobody passes one in.
        """
        why = self.why_not_some(values, made=made)
        if why is not None:
            return why
        for key, field in self.fields.items():
            if key not in values and not field.optional and (made or field.kind != "id"):
                return f"{self.name} needs its field {key!r}"
        return None

    def why_not_some(self, values: "Mapping[str, object]", *, made: bool = False) -> str | None:
        """As `why_not`, if more values may follow."""
        for key in values:
            field = self.fields.get(key)
            if field is None:
                fields = ", ".join(self.fields) or "none"
                return f"{self.name} declares no field {key!r}; its fields: {fields}"
            if field.kind == "id" and not made:
                return f"{self.name}.{key} is made by the engine"
            if not field.accepts(values[key], made=made):
                most = f", at most {field.most:,} words" if field.kind == "words" else ""
                was = _shown(values[key])
                return f"{self.name}.{key} must be {field.rule()}{most}; it was {was}"
        return None


def by_name(events: "Iterable[Event]", version_key: str) -> "dict[str, Event]":
    """The events of one application by their names.

    `version_key`: the buffer's key of the application's version, which is no field's.

    Raises:
        DeclarationError: two events have one name, or a field the version's key.
    """
    found: dict[str, Event] = {}
    for event in events:
        if not isinstance(event, Event):
            raise _declaration_error(f"{event!r} is no event")
        if event.name in found:
            raise _declaration_error(f"{event.name!r} is declared twice")
        for key in event.fields:
            if buffer_key(key) == version_key:
                raise _declaration_error(
                    f"{event.name}.{key}: the engine itself writes the version"
                )
        found[event.name] = event
    return found


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and len(name) <= _NAME_MOST
        and name.isascii()
        and name.isidentifier()
        and name == name.lower()
    )


def _shown(value: object) -> str:
    """A value that was not declared, for the developer who recorded it; not too long."""
    text = repr(value)
    return text if len(text) <= _WORD_MOST else f"{text[:_WORD_MOST]}..."


_NAME_RULE = "a word or several_words, in lower-case ASCII letters and digits, at most 64"


def fingerprint(events: "Iterable[Event]") -> str:
    """What can be recorded, as readable text: `event.field:kind`, separated by spaces.

    Words of vocabularies are left out: a new command of the application is nothing new to agree to.
    """
    return " ".join(
        [
            part
            for event in events
            for part in (
                f"{event.name}:event",
                *[f"{event.name}.{key}:{field.kind}" for key, field in event.fields.items()],
            )
        ]
    )


_RESERVED = frozenset(
    ("event_id", "event_type", "timestamp", "anonymous_id", "platform", "version")
)


def buffer_key(field: str) -> str:
    """A field's name in the buffer: `agent_type` is `agentType` there."""
    if "_" not in field:
        return field
    first, *rest = field.split("_")
    return first + "".join([word.capitalize() for word in rest])


def uuid4() -> str:
    """A random UUID, version 4 (RFC 9562, section 5.4), without the `uuid` module's import."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def is_uuid4(value: object) -> "TypeGuard[str]":
    """Is this a lower-case UUID of version 4, and nothing else?"""
    if not isinstance(value, str) or len(value) != 36:  # noqa: PLR2004  # a UUID's length
        return False
    groups = value.split("-")
    return (
        [len(group) for group in groups] == [8, 4, 4, 4, 12]
        and _HEX.issuperset("".join(groups))
        and groups[2][0] == "4"
        and groups[3][0] in "89ab"
    )


def id_of_month(state: "Mapping[str, Scalar]", now: float) -> str | None:
    """The anonymous id in the state, if it was made in this UTC month; None if a new one is due."""
    known, made = state.get("anonymousId"), state.get("rotatedAt")
    if is_uuid4(known) and isinstance(made, str) and made[:7] == timestamp(now)[:7]:
        return known
    return None


END = 253_402_300_800.0
"""The first moment of the year 10000, which no timestamp can name; in seconds since 1970."""

_of_second: dict[int, str] = {}
"""The text of the second asked for last: each event asks twice, and a burst for each of its own."""


def timestamp(now: float) -> str:
    """A moment (seconds since 1970) as ISO 8601 in UTC with milliseconds, as events carry it."""
    seconds, millis = divmod(int(now * 1000), 1000)
    text = _of_second.get(seconds)
    if text is None:
        _of_second.clear()
        text = _of_second[seconds] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{millis:03d}Z"


def is_word(word: object) -> bool:
    """Can it be written into JSON without escaping, and be joined by commas?

    ASCII letters, digits, `._:+-<>=`, and spaces between them.
    """
    return (
        isinstance(word, str)
        and 0 < len(word) <= _WORD_MOST
        and word.isascii()
        and word == word.strip()
        and word.translate(_PUNCTUATION).isalnum()
    )


_PUNCTUATION = {ord(mark): "x" for mark in "._:+-<>= "}


def _check_end(until: str) -> None:
    """Raise DeclarationError if a declaration cannot end so."""
    from afterword.expiry import why_not

    no = why_not(until)
    if no is not None:
        raise _declaration_error(f"{until!r}: {no}")


def _declaration_error(message: str) -> Exception:
    from afterword.errors import DeclarationError

    return DeclarationError(message)
