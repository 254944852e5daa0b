"""The connection string: what it may say, and that its rules are told without its secrets."""

import pytest
from support import KEY

from afterword.destination import is_console, parts, shown, why_not
from afterword.errors import DestinationError
from afterword.exporters import choose

AZURE = f"InstrumentationKey={KEY};IngestionEndpoint="


def ask(text: str) -> None:
    choose.make(text, role="app", role_version="1", silence=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";;",
        "somebody's secret",
        "InstrumentationKey=x;IngestionEndpoint=https://h/",
        f"InstrumentationKey={KEY[:-1]}g;IngestionEndpoint=https://h/",
        f"InstrumentationKey={KEY}",
        f"InstrumentationKey={KEY};IngestionEndpoint=",
        f"{AZURE}http://h/",
        f"{AZURE}http://127.0.0.1.evil.example/",
        f"{AZURE}http://127.0.0.1@evil.example/",
        f"{AZURE}ftp://127.0.0.1/",
        f"{AZURE}https://somebody:secret@h/",
        f"{AZURE}https://[/",
        f"{AZURE}https://h/?q",
        f"{AZURE}https://h/#f",
        f"{AZURE}https://h:0/",
        f"{AZURE}https://h:65536/",
        f"{AZURE}https://h:٣/",
        f"{AZURE}https://h:/",
        f"{AZURE}https://h\\evil.example/",
        f"{AZURE}https://h\r\nX: y/",
        f"{AZURE}https://hö/",
        f"{AZURE}https:// h/",
        f"{AZURE}https://h..example/",
        f"{AZURE}//h/",
        f"{AZURE}h",
        f"{AZURE}https://h/;IngestionEndpoint=https://other/",
        f"{AZURE}https://h/;OtlpEndpoint=https://h/",
        "OtlpEndpoint=",
        "OtlpEndpoint=http://collector.example:4318",
        "OtlpEndpoint=https://h;Header.=x",
        "OtlpEndpoint=https://h;Header.a b=x",
        "OtlpEndpoint=https://h;Header.x=",
        "OtlpEndpoint=https://h;Header.x=a\nb",
        "OtlpEndpoint=https://h;Header.x=ä",
        "OtlpEndpoint=https://h;Header.Host=other",
        "OtlpEndpoint=https://h;Header.content-length=1",
        "OtlpEndpoint=https://h;authorization=secret",
        "OtlpEndpoint=https://h;Header.x=1;header.X=2",
        "Console=stdout",
        "Console=stderr;Header.x=1",
        f"Console=stderr;InstrumentationKey={KEY}",
    ],
)
def test_what_cannot_be_sent_to_is_refused_with_the_rule(text: str) -> None:
    rule = why_not(text)
    assert rule is not None
    assert "secret" not in rule
    with pytest.raises(DestinationError, match="the connection string cannot be used: "):
        ask(text)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        (f"{AZURE}https://h.example", "https://h.example"),
        (f"instrumentationkey={KEY.upper()}; INGESTIONENDPOINT=https://h.example//;x=y",
         "https://h.example//"),
        (f"{AZURE}http://127.0.0.1:8080;LiveEndpoint=https://l/", "http://127.0.0.1:8080"),
        (f"{AZURE}http://[::1]:1/", "http://[::1]:1/"),
        (f"{AZURE}HTTPS://H.example:65535/a/b", "HTTPS://H.example:65535/a/b"),
        ("OtlpEndpoint=https://c.example:4318/pre/fix", "https://c.example:4318/pre/fix"),
        ("OtlpEndpoint=http://localhost:4318;Header.authorization=Bearer secret=;Header.x-a=b",
         "http://localhost:4318"),
        ("Console=stderr", "stderr"),
    ],
)  # fmt: skip
def test_what_can_and_what_of_it_is_shown(text: str, endpoint: str) -> None:
    assert why_not(text) is None
    assert shown(text) == endpoint
    ask(text)


def test_parts_that_hold_an_equals_sign() -> None:
    assert parts("OtlpEndpoint=https://h;Header.authorization=Basic dTpw==") == {
        "otlpendpoint": "https://h",
        "header.authorization": "Basic dTpw==",
    }


def test_which_one_is_the_console() -> None:
    assert is_console("Console=stderr")
    assert not is_console(None)
    assert not is_console(f"{AZURE}https://h.example")
