"""What can be recorded, as data, as a JSON Schema of the wire, as text, as a page for users."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from afterword import Count, Duration, Event, Flag, Id, ListOf, Notice, OneOf, Range, Telemetry
from afterword.control import describe, page
from afterword.exporters import choose
from afterword.exporters.base import Record
from afterword.schema import PLATFORMS

SENT = Event(
    "sent",
    "A parcel was sent.",
    why="Which sizes are used?",
    until="2027-06-30",
    size=OneOf("small", "very large", other="other", why="Which sizes are used?"),
    extras=ListOf("a.b", "c+d", "<1s", optional=True),
    weight=Range(1, 10, unit="kg"),
    took=Duration(until="2.1"),
    parts=Count(most=500),
    fragile=Flag(),
    session_id=Id(),
)
UUID = "0b9c7a52-3c0d-4d5e-8f00-1234567890ab"


def record(**changed: object) -> Record:
    """An event as the uploader reads it."""
    attributes: dict[str, Any] = {
        "anonymous_id": UUID, "event_id": UUID, "timestamp": "2026-11-24T20:15:03.120Z",
        "size": "small", "extras": "a.b,c+d", "weight": "<1kg", "took": "<100ms", "parts": 3,
        "fragile": True, "session_id": UUID, "platform": "linux", "version": "1.0",
    }  # fmt: skip
    return Record("sent", 1_795_000_000.0, UUID, attributes | changed)


def rendered(connection_string: str, one: Record) -> list[Any]:
    """The record as it would be on the wire."""
    exporter = choose.make(
        connection_string, exporter=None, role="shipit", role_version="1.0", silence=1.0,
        own_process=False, clock=lambda: one.time,
    )  # fmt: skip
    return list(exporter.render([one]))


def on_azure(one: Record) -> dict[str, Any]:
    (envelope,) = rendered(f"InstrumentationKey={UUID};IngestionEndpoint=https://a.example", one)
    data = envelope["data"]["baseData"]
    return {"name": data["name"], "properties": data["properties"]}


def on_otlp(one: Record) -> dict[str, Any]:
    (resource,) = rendered("OtlpEndpoint=https://a.example", one)
    (log,) = resource["scopeLogs"][0]["logRecords"]
    values = {each["key"]: plain(each["value"]) for each in log["attributes"]}
    for name in ("enduser.pseudo.id", "session.id"):
        values.pop(name)
    return {"name": log["eventName"], "properties": values}


def plain(value: dict[str, Any]) -> object:
    ((kind, held),) = value.items()
    return int(held) if kind == "intValue" else held


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = describe.as_json([SENT, Event("other", n=Count())])["wire"]
    assert isinstance(schema, dict)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(json.loads(json.dumps(schema)))


def test_the_data_has_all_that_was_declared() -> None:
    told = json.loads(json.dumps(describe.as_json([SENT])))
    (event,) = told["events"]
    assert (event["name"], event["why"], event["until"]) == (
        "sent", "Which sizes are used?", "2027-06-30",
    )  # fmt: skip
    fields = {field["name"]: field for field in event["fields"]}
    assert fields["size"] == {
        "name": "size", "kind": "word", "optional": False, "why": "Which sizes are used?",
        "words": ["small", "very large", "other"], "other": "other", "until": None,
    }  # fmt: skip
    assert fields["took"]["until"] == "2.1"
    assert fields["weight"]["bounds"] == [1, 10]
    assert fields["parts"]["most"] == 500
    assert fields["extras"]["optional"] is True
    assert [one["name"] for one in told["every_event"]] == [
        "event_id", "timestamp", "anonymous_id", "platform", "version",
    ]  # fmt: skip


def test_what_is_sent_is_as_the_schema_of_the_wire_says(validator: Draft202012Validator) -> None:
    validator.validate(on_azure(record()))
    validator.validate(on_otlp(record()))


@given(
    size=st.sampled_from(SENT.fields["size"].words),
    extras=st.lists(st.sampled_from(SENT.fields["extras"].words), min_size=1, max_size=5),
    weight=st.sampled_from(SENT.fields["weight"].words),
    parts=st.integers(0, 500),
    fragile=st.booleans(),
    platform=st.sampled_from(PLATFORMS),
)
def test_whatever_is_declared_is_as_the_schema_says(
    validator: Draft202012Validator, extras: list[str], **values: object
) -> None:
    one = record(extras=",".join(extras), **values)
    validator.validate(on_azure(one))
    validator.validate(on_otlp(one))


@pytest.mark.parametrize(
    "changed",
    [
        {"size": "huge"}, {"extras": "a.b,x"}, {"extras": "aXb"}, {"extras": ""}, {"parts": 501},
        {"parts": -1}, {"fragile": "yes"}, {"session_id": "jane"}, {"platform": "beos"},
        {"version": "jane's"}, {"timestamp": "today"}, {"more": 1}, {"weight": "5kg"},
    ],
    ids=str,
)  # fmt: skip
def test_anything_else_is_not(validator: Draft202012Validator, changed: dict[str, object]) -> None:
    assert not validator.is_valid(on_otlp(record(**changed)))


def test_a_page_shows_why_and_until() -> None:
    told = describe.markdown([SENT])
    assert "**`sent`** A parcel was sent. Why: Which sizes are used? Until 2027-06-30." in told
    assert "| `size` | one of small, very large, other | Which sizes are used? |" in told
    assert "| Until 2.1. |" in told


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_gets_a_table_as_wide_as_it_is(width: int) -> None:
    lines = describe.table([SENT], width).splitlines()
    assert all(len(line) <= width for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "size one of small, very large, other" in text
    assert "Why: Which sizes are used?" in text
    assert "Until 2027-06-30." in text
    assert "|" not in text


def test_the_page_for_users_is_made_from_the_declarations(tmp_path: Path) -> None:
    (tmp_path / "shipit.py").write_text(
        "import afterword\n"
        "telemetry = afterword.Telemetry('ship-it', version='1.0', events=[\n"
        "    afterword.Event('sent', 'A parcel was sent.', size=afterword.OneOf('small'))],\n"
        "    connection_string='OtlpEndpoint=https://collector.example',\n"
        "    notice=afterword.Notice(where='our Collector', more='https://ship.example'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "afterword.control.page", "shipit:telemetry"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "# What ship-it records about its use" in done.stdout
    assert "| `size` | always small |" in done.stdout
    assert "SHIP_IT_TELEMETRY=0" in done.stdout
    assert "our Collector (`https://collector.example`)" in done.stdout
    assert not re.findall(r"(?<!\[)\{\w+\}", done.stdout)


def test_the_page_can_be_made_without_a_notice_or_a_destination() -> None:
    told = page.page(Telemetry("shipit", version="1.0", environment={}))
    assert "[fill in: where]" in told
    assert isinstance(Notice(where="a", more="b").where, str)
