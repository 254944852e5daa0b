"""The uploader's quick ways, against the plain ones: reading an id, calling with a time limit."""

import json
import re
import threading
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import wait_until

from afterword import Event, Flag
from afterword.schema import is_uuid4, uuid4
from afterword.upload.deadline import Caller, Overdue
from afterword.upload.reading import OLD_BY_CLOCK, Reader, Unfit

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\n?")


@given(st.from_regex(UUID, fullmatch=True) | st.uuids(version=4).map(str) | st.text(max_size=40))
def test_an_id_is_read_as_strictly_as_it_is_declared(some: str) -> None:
    line = (
        b'{"eventType":"done","eventId":%s,"anonymousId":"%s","platform":"linux",'
        b'"timestamp":"2026-01-01T00:00:00.000Z","appVersion":"1","ok":true}\n'
    ) % (json.dumps(some).encode(), uuid4().encode())
    reader = Reader({"done": Event("done", ok=Flag())}, "appVersion", "1")
    try:
        reader.read(line, time.time())
        fit = True
    except Unfit as why:
        fit = why.args[0] == OLD_BY_CLOCK
    assert fit is is_uuid4(some)


def test_a_call_that_hangs_is_left_behind_and_its_thread_ends_when_it_comes_back() -> None:
    before = set(threading.enumerate())
    caller, gate = Caller[int](), threading.Event()
    assert [caller.call(partial(abs, n), 5.0) for n in range(3)] == [0, 1, 2]
    with pytest.raises(Overdue):
        caller.call(lambda: int(gate.wait(20)), 0.05)
    assert set(threading.enumerate()) - before
    gate.set()
    wait_until(lambda: not set(threading.enumerate()) - before)


def test_closing_ends_the_thread() -> None:
    before = set(threading.enumerate())
    caller = Caller[int]()
    caller.close()
    wait_until(lambda: not set(threading.enumerate()) - before)
