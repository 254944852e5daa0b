"""Read faults from text. The grammar stands in `faults`; an error says what to write instead."""

import shlex
from collections.abc import Callable
from typing import NoReturn, TypeVar

from afterword_sink.faults import MALFORMED, Fault, Selection, Travel

_ITEM_WORDS = ("item", "206")
_ANSWER_WORDS = ("ok", "warning", *_ITEM_WORDS, "malformed-206", "not-json", "redirect")
_TRAVEL_WORDS = tuple(travel.value for travel in Travel if travel is not Travel.WHOLE)
_WARNING = "taken, but please write shorter names"
_FARTHEST_DATE = 10**9  # seconds from now, some thirty years
_T = TypeVar("_T")


class FaultSyntaxError(ValueError):
    """A fault is not written correctly; the message says what is wrong and what to write."""


def parse(script: str) -> list[Fault]:
    """Read a script of faults.

    Raises:
        FaultSyntaxError: It is not written correctly.
    """
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";")
    lexer.whitespace_split = True
    lexer.commenters = ""
    faults: list[list[str]] = [[]]
    try:
        for token in lexer:
            if set(token) == {";"}:
                faults.append([])
            else:
                faults[-1].append(token)
    except ValueError as error:  # an unclosed quotation
        raise FaultSyntaxError(f"fault '{script}': {error}") from error
    parsed = [_fault(tokens) for tokens in faults if tokens]
    if not parsed:
        raise FaultSyntaxError("a fault is empty: say what to do, for example '500 times=2'")
    return parsed


def _fault(tokens: list[str]) -> Fault:
    text = shlex.join(tokens)
    answer, travel, code = _words(text, [token for token in tokens if "=" not in token])
    options = _Options(text, [token for token in tokens if "=" in token])
    fault = Fault(
        text=text,
        status=_status(options, answer, code),
        retry_after=options.take("retry-after", _retry_after, "") if code else "",
        location=options.take("to", _header, "") if code or answer == "redirect" else "",
        warning=_WARNING if answer == "warning" else "",
        selection=_selection(options, answer) if answer in _ITEM_WORDS else None,
        malformed=(
            options.take("how", _one_of(*MALFORMED), "counts") if answer == "malformed-206" else ""
        ),
        html=answer == "not-json",
        travel=travel,
        delay=options.take("delay", _seconds, 0.0),
        keep=options.take("keep", _natural, None) if travel is Travel.CUT else None,
        pace=options.take("pace", _seconds, 1.0) if travel is Travel.DRIP else 1.0,
        refusal=options.take("for", _seconds, 1.0) if travel is Travel.REFUSE else 1.0,
        store=options.take("after", _one_of("store"), "") == "store",
        times=options.take("times", _natural, None),
        chance=options.take("chance", _chance, 1.0),
    )
    options.end()
    if answer == "redirect" and not fault.location:
        _refuse(text, "a redirect needs to=URL")
    return fault


def _words(text: str, words: list[str]) -> tuple[str, Travel, int | None]:
    """The word for the answer, the word for how it is sent, and the status; each may be missing."""
    answers = [word for word in words if word in _ANSWER_WORDS]
    travels = [Travel(word) for word in words if word in _TRAVEL_WORDS]
    codes = [word for word in words if word.isdecimal() and word not in _ANSWER_WORDS]
    for word in words:
        if word not in (*answers, *travels, *codes):
            known = ", ".join((*_ANSWER_WORDS, *_TRAVEL_WORDS))
            _refuse(text, f"'{word}' is unknown; known are a status from 300 to 599, {known}")
    if len(answers) > 1 or len(travels) > 1 or len(codes) > 1:
        _refuse(text, "says one thing twice; put ';' between two faults")
    return (
        answers[0] if answers else "",
        travels[0] if travels else Travel.WHOLE,
        int(codes[0]) if codes else None,
    )


def _status(options: "_Options", answer: str, code: int | None) -> int | None:
    """The status for the whole request."""
    if code is not None:
        if answer not in {"", "not-json", "redirect"}:
            _refuse(options.text, f"'{answer}' has its own status, not {code}")
        lowest = 200 if answer == "not-json" else 300
        if not lowest <= code <= 599:  # noqa: PLR2004  # the last status of HTTP
            _refuse(options.text, f"{code} is no status from {lowest} to 599")
        return code
    return {"redirect": 307, "not-json": 200, "malformed-206": 206}.get(answer)


def _selection(options: "_Options", answer: str) -> Selection:
    every = options.take("every", _positive, 0)
    at: tuple[int, ...] = options.take("at", _list_of(_natural), ())
    share = options.take("share", _chance, 0.0)
    match = options.take("match", str, "")
    if not (every or at or share or match):
        every = 2 if answer == "206" else 1
    return Selection(
        statuses=options.take("status", _list_of(_item_status), (503,)),
        every=every,
        at=frozenset(at),
        share=share,
        match=match,
        always_206=answer == "206",
    )


class _Options:
    """The options of one fault; an option that is never taken does not belong to it."""

    def __init__(self, text: str, options: list[str]) -> None:
        self.text = text
        self._left: dict[str, str] = {}
        for option in options:
            key, _, value = option.partition("=")
            if key in self._left:
                _refuse(text, f"'{key}' is said twice")
            self._left[key] = value

    def take(self, key: str, convert: Callable[[str], _T], otherwise: _T) -> _T:
        if key not in self._left:
            return otherwise
        value = self._left.pop(key)
        try:
            return convert(value)
        except ValueError as error:
            _refuse(self.text, f"{key}={value}: {error}")

    def end(self) -> None:
        if self._left:
            _refuse(self.text, f"'{next(iter(self._left))}' does not go with the rest of it")


def _refuse(text: str, reason: str) -> NoReturn:
    raise FaultSyntaxError(f"fault '{text}': {reason}")


def _natural(value: str) -> int:
    if not value.isdecimal():
        raise ValueError("a whole number is wanted")
    return int(value)


def _positive(value: str) -> int:
    number = _natural(value)
    if number == 0:
        raise ValueError("a number from 1 on is wanted")
    return number


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1
    if not 0 <= number <= _FARTHEST_DATE:
        raise ValueError("seconds are wanted")
    return number


def _chance(value: str) -> float:
    number = _seconds(value)
    if number > 1:
        raise ValueError("a chance from 0 to 1 is wanted")
    return number


def _item_status(value: str) -> int:
    number = _natural(value)
    if not 206 <= number <= 599:  # noqa: PLR2004  # 206 is the status of an item sampled out
        raise ValueError("a status from 206 to 599 is wanted")
    return number


def _retry_after(value: str) -> str:
    if value.startswith("date+"):
        _seconds(value.removeprefix("date+"))
    return _header(value)


def _header(value: str) -> str:
    if not value.isprintable() or not value.isascii():
        raise ValueError("a header's value is wanted")
    return value


def _list_of(convert: Callable[[str], _T]) -> Callable[[str], tuple[_T, ...]]:
    return lambda value: tuple(convert(part) for part in value.split(","))


def _one_of(*names: str) -> Callable[[str], str]:
    def convert(value: str) -> str:
        if value not in names:
            raise ValueError(f"one of {', '.join(names)} is wanted")
        return value

    return convert
