"""The page for a browser: what it shows, and that nothing in it is obeyed."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from afterword_sink import LocalSink

EVIL = "<script>alert(1)</script>\" onload='x'"


class Tags(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(call: Callable[..., Any]) -> Callable[..., Tags]:
    def page(question: str = "") -> Tags:
        path = f"/?{urlencode({'q': question})}" if question else "/"
        shown = call("GET", path, headers={"Accept": "text/html,*/*", "Sec-Fetch-Site": "none"})
        assert shown.status == 200
        assert shown.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        return Tags(shown.body.decode())

    return page


def test_an_empty_sink(sink: LocalSink, page: Callable[..., Tags]) -> None:
    text = page().text
    assert sink.connection_string.replace("127.0.0.1", "127.0.0.1") in text
    assert "Nothing has arrived yet." in text
    assert "None has come yet." in text


def test_what_came_and_what_is_asked(
    sink: LocalSink, track: Callable[..., Any], envelope: Callable[..., Any],
    page: Callable[..., Tags],
) -> None:  # fmt: skip
    sink.set_faults("503 times=1")
    track(envelope("a"))
    track(envelope("a"), envelope("b"))
    shown = page("customEvents | project id = tostring(customDimensions.event_id)")
    assert "customEvents2" in shown.text.replace("\n", "")
    assert "idab" in shown.text.replace("\n", "")
    assert "503 times=1" in shown.text
    assert "POST //v2.1/track" in shown.text
    assert "there is no table 'nope'" in page("nope").text
    assert "No rows." in page("customEvents | where false").text
    assert "200 rows of 300." in page("range x from 1 to 300 step 1").text


def test_nothing_that_came_is_obeyed(
    sink: LocalSink, call: Callable[..., Any], envelope: Callable[..., Any],
    page: Callable[..., Tags],
) -> None:  # fmt: skip
    event = envelope("a", event=EVIL, tags={"ai.user.id": EVIL})
    event["data"]["baseData"]["properties"][EVIL] = EVIL
    assert call("POST", "/v2.1/track", json.dumps([event])).status == 200
    call("POST", "/<script>alert(1)</script>", "{}")
    plain = page().tags
    for question in ("customEvents", f"print x = '{EVIL}'", EVIL, f"print ['{EVIL}'] = 1"):
        shown = page(question)
        assert "script" not in shown.tags
        assert shown.tags <= plain | {"a", "p", "table", "tr", "th", "td"}
        assert not {name for name in shown.attributes if name.startswith("on")}


def test_other_sites_cannot_ask_by_it(call: Callable[..., Any]) -> None:
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert call("GET", "/?q=customEvents", headers=headers).status == 403
