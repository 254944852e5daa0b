"""Each question of `docs/queries` gives the known answer over known events, in KQL and in SQL.

KQL is asked of the local sink. SQL needs chdb, half a gigabyte of ClickHouse in a library: it has
an environment of its own, which `make test-sql` makes and names in CHDB_PYTHON.
"""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from afterword_sink import LocalSink

QUERIES = Path(__file__).parents[1] / "docs" / "queries"
NAMES = sorted(path.stem for path in QUERIES.glob("*.kql"))
PYTHON_WITH_CHDB = os.environ.get("CHDB_PYTHON", "")  # read before `home` empties the environment
NOW = datetime.now(UTC)

Row = dict[str, Any]


class Occurrence(NamedTuple):
    """An event as a tool would have recorded it, `age` days ago."""

    id: str
    name: str
    user: str
    age: int
    platform: str
    version: str
    fields: dict[str, str | int | bool]

    @property
    def at(self) -> datetime:
        return NOW - timedelta(days=self.age)

    @property
    def timestamp(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def command(
    key: str, user: str, age: int, system: tuple[str, str], ran: str, **more: str
) -> Occurrence:
    name, _, outcome = ran.partition(": ")
    fields: dict[str, str | int | bool] = {
        "command": name,
        "outcome": outcome,
        "duration": "100ms-1s",
    }
    fields |= more
    return Occurrence(key, "command", user, age, *system, fields)


def atomic(key: str, name: str, age: int, **fields: str | bool | int) -> Occurrence:
    return Occurrence(key, name, "ada", age, *LINUX, fields)


LINUX, LINUX_OLD = ("linux", "1.1"), ("linux", "1.0")
DARWIN, WINDOWS_OLD = ("darwin", "1.1"), ("win32", "1.0")
_TWICE = command("c5", "bob", 2, DARWIN, "build: interrupted", agent="claude")
_SESSION = atomic(
    "s2", "agent_session", 2, agent_type="opencode", commands="commit,create-spec", command_count=2
)
EVENTS = [
    command("c1", "ada", 1, LINUX, "build: ok"),
    command("c2", "ada", 1, LINUX, "build: failed", duration="1s-10s"),
    command("c3", "ada", 9, LINUX_OLD, "remote add: ok", duration="<100ms"),
    command("c4", "bob", 2, DARWIN, "build: ok", agent="claude"),
    _TWICE,
    _TWICE,
    command("c6", "cleo", 10, WINDOWS_OLD, "build: failed"),
    command("c7", "cleo", 2, WINDOWS_OLD, "remote add: usage_error"),
    command("c8", "dan", 40, LINUX_OLD, "build: ok"),
    atomic("a1", "atomic_command", 3, command="init", agent_type="claude", success=True),
    atomic("a2", "atomic_command", 3, command="init", agent_type="claude", success=False),
    atomic("a3", "atomic_command", 3, command="update", success=True),
    atomic("k1", "cli_command", 3, agent_type="claude", commands="commit,commit,create-spec"),
    atomic("s1", "agent_session", 3, agent_type="claude", commands="commit", command_count=1),
    _SESSION,
    _SESSION,
]  # fmt: skip


def _day(age: int) -> str:
    return (NOW - timedelta(days=age)).date().isoformat()


def _week(age: int) -> str:
    """The Sunday on or before the day."""
    day = (NOW - timedelta(days=age)).date()
    return (day - timedelta(days=(day.weekday() + 1) % 7)).isoformat()


def _per(keys: dict[int, set[str]], of: Any, name: str) -> list[Row]:
    """Rows of distinct users, by day or week."""
    found: dict[str, set[str]] = {}
    for age, users in keys.items():
        found.setdefault(of(age), set()).update(users)
    return [{name: key, "installations": len(found[key])} for key in sorted(found)]


_USERS = {1: {"ada"}, 2: {"ada", "bob", "cleo"}, 3: {"ada"}, 9: {"ada"}, 10: {"cleo"}}


def _adoption() -> list[Row]:
    runs: dict[tuple[str, str], int] = {}
    for event in {event.id: event for event in EVENTS if event.name == "command"}.values():
        key = _week(event.age), str(event.fields["command"])
        runs[key] = runs.get(key, 0) + 1
    return [
        {"week": week, "command": name, "runs": runs[week, name]} for week, name in sorted(runs)
    ]


ANSWERS: dict[str, list[Row]] = {
    "commands-by-outcome": [
        {"command": "build", "runs": 5, "ok": 2, "failed": 2, "wrong_usage": 0, "interrupted": 1},
        {
            "command": "remote add",
            "runs": 2,
            "ok": 1,
            "failed": 0,
            "wrong_usage": 1,
            "interrupted": 0,
        },
    ],
    "commands-by-duration": [
        {"command": "build", "duration": "100ms-1s", "runs": 4},
        {"command": "build", "duration": "1s-10s", "runs": 1},
        {"command": "remote add", "duration": "<100ms", "runs": 1},
        {"command": "remote add", "duration": "100ms-1s", "runs": 1},
    ],
    "agents-and-people": [
        {"command": "build", "by_people": 3, "by_agents": 2},
        {"command": "remote add", "by_people": 2, "by_agents": 0},
    ],
    "versions-in-use": [
        {"version": "1.1", "installations": 2},
        {"version": "1.0", "installations": 1},
    ],
    "platforms": [
        {"platform": "darwin", "installations": 1},
        {"platform": "linux", "installations": 1},
        {"platform": "win32", "installations": 1},
    ],
    "failures-by-platform": [
        {"platform": "darwin", "runs": 2, "failed": 0, "percent_failed": 0.0},
        {"platform": "linux", "runs": 3, "failed": 1, "percent_failed": 33.3},
        {"platform": "win32", "runs": 2, "failed": 1, "percent_failed": 50.0},
    ],
    "failures-by-version": [
        {"command": "build", "version": "1.0", "runs": 1, "failed": 1, "percent_failed": 100.0},
        {"command": "build", "version": "1.1", "runs": 4, "failed": 1, "percent_failed": 25.0},
        {"command": "remote add", "version": "1.0", "runs": 2, "failed": 0, "percent_failed": 0.0},
    ],
    "retention-within-a-month": [
        {"week": 0, "installations": 4},
        {"week": 1, "installations": 2},
    ],
    "duplicates": [{"events": 14, "arrived_more_than_once": 2, "copies_too_many": 2}],
    "without-duplicates": [
        {"name": "agent_session", "events": 2},
        {"name": "atomic_command", "events": 3},
        {"name": "cli_command", "events": 1},
        {"name": "command", "events": 8},
    ],
    "installations-per-day": _per(_USERS, _day, "day"),
    "installations-per-week": _per(_USERS | {40: {"dan"}}, _week, "week"),
    "adoption": _adoption(),
    "atomic-commands": [
        {"command": "init", "agent": "claude", "runs": 2, "failed": 1},
        {"command": "update", "agent": "", "runs": 1, "failed": 0},
    ],
    "slash-commands": [
        {"command": "commit", "agent": "claude", "times": 3},
        {"command": "commit", "agent": "opencode", "times": 1},
        {"command": "create-spec", "agent": "claude", "times": 1},
        {"command": "create-spec", "agent": "opencode", "times": 1},
    ],
    "agent-sessions": [
        {"agent": "claude", "sessions": 1, "commands": 1, "commands_per_session": 1.0},
        {"agent": "opencode", "sessions": 1, "commands": 2, "commands_per_session": 2.0},
    ],
}


def _comparable(rows: list[Row]) -> list[Row]:
    """Moments as their day, so that both languages' forms are one."""
    return [
        {key: value[:10] if key in ("day", "week") and isinstance(value, str) else value}
        | {other: row[other] for other in row if other != key}
        for row in rows
        for key, value in [next(iter(row.items()))]
    ]


def test_every_question_is_asked_here_and_in_both_languages() -> None:
    assert set(NAMES) == set(ANSWERS)
    assert {path.stem for path in QUERIES.glob("*.sql")} == set(ANSWERS)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_answer_the_same_sentence(name: str) -> None:
    kql, sql = (QUERIES / f"{name}.{kind}" for kind in ("kql", "sql"))
    question = kql.read_text().partition("\n")[0].removeprefix("// ")
    assert "?" in question
    assert sql.read_text().startswith(f"-- {question}\n")


@pytest.fixture(scope="module", params=["azure", "otlp"])
def sink(request: pytest.FixtureRequest) -> Iterator[LocalSink]:
    """A sink that the events have reached over one of the two protocols."""
    azure = request.param == "azure"
    with LocalSink() as running:
        content = [_envelope(event) for event in EVENTS] if azure else _otlp()
        path = "v2.1/track" if azure else "v1/logs"
        posted = urllib.request.Request(  # noqa: S310  # loopback
            f"{running.endpoint.rstrip('/')}/{path}",
            json.dumps(content).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(posted) as reply:  # noqa: S310  # loopback
            assert reply.status == 200
        assert running.query("customEvents | count") == [{"Count": len(EVENTS)}]
        yield running


def _otlp() -> Row:
    """The events as OTLP has them, with typed values."""

    def value(held: str | int | bool) -> Row:
        if isinstance(held, bool):
            return {"boolValue": held}
        return {"intValue": str(held)} if isinstance(held, int) else {"stringValue": held}

    def log_record(event: Occurrence) -> Row:
        held: dict[str, str | int | bool] = {
            "enduser.pseudo.id": event.user,
            "event_id": event.id,
            "timestamp": event.timestamp,
            "platform": event.platform,
            "version": event.version,
            **event.fields,
        }
        return {
            "timeUnixNano": str(int(NOW.timestamp()) * 10**9),
            "eventName": event.name,
            "attributes": [{"key": key, "value": value(one)} for key, one in held.items()],
        }

    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [log_record(one) for one in EVENTS]}]}]}


def _envelope(event: Occurrence) -> Row:
    """As it stands on the wire of Application Insights: each value a string."""
    properties = {
        "event_id": event.id,
        "timestamp": event.timestamp,
        "platform": event.platform,
        "version": event.version,
        **{key: str(value) for key, value in event.fields.items()},
    }
    return {
        "name": "Microsoft.ApplicationInsights.Event",
        "iKey": "6c6b0d3e-8f0d-4b2e-9d53-1f6b6f4b7a10",
        "time": NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "tags": {"ai.user.id": event.user},
        "data": {
            "baseType": "EventData",
            "baseData": {"ver": 2, "name": event.name, "properties": properties},
        },
    }


@pytest.mark.xdist_group("queries")
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_in_kql(sink: LocalSink, name: str) -> None:
    answer = sink.query((QUERIES / f"{name}.kql").read_text())
    assert _comparable(answer) == ANSWERS[name]


# The table that clickhouseexporter makes (v0.155), without its indexes and codecs.
_TABLE = """
CREATE TABLE otel_logs (
    Timestamp DateTime64(9), TraceId String, SpanId String, TraceFlags UInt8, SeverityText String,
    SeverityNumber UInt8, ServiceName String, Body String, ResourceSchemaUrl String,
    ResourceAttributes Map(LowCardinality(String), String), ScopeSchemaUrl String, ScopeName String,
    ScopeVersion String, ScopeAttributes Map(LowCardinality(String), String),
    LogAttributes Map(LowCardinality(String), String), EventName String
) ENGINE = Memory
"""
_PROGRAM = """
import json, sys
from chdb.session import Session
given, session = json.load(sys.stdin), Session()
session.query(given["table"])
rows = "\\n".join(map(json.dumps, given["rows"]))
session.query("INSERT INTO otel_logs FORMAT JSONEachRow " + rows)
ask = lambda sql: json.loads(session.query(sql, "JSON").bytes())["data"]
settings = " SETTINGS output_format_json_quote_64bit_integers=0"
json.dump({name: ask(sql + settings) for name, sql in given["questions"].items()}, sys.stdout)
"""


def _log_row(event: Occurrence) -> Row:
    """As a Collector writes it: attributes of any type as text."""
    attributes = {
        "enduser.pseudo.id": event.user,
        "event_id": event.id,
        "timestamp": event.timestamp,
        "platform": event.platform,
        "version": event.version,
        **{key: str(value).lower() if isinstance(value, bool) else str(value)
           for key, value in event.fields.items()},
    }  # fmt: skip
    moment = event.at.strftime("%Y-%m-%d %H:%M:%S")
    return {"Timestamp": moment, "EventName": event.name, "LogAttributes": attributes}


@pytest.mark.skipif(not PYTHON_WITH_CHDB, reason="needs chdb (534 MB): `make test-sql` runs it")
def test_the_answers_in_sql() -> None:
    given = {
        "table": _TABLE,
        "rows": [_log_row(event) for event in EVENTS],
        "questions": {name: (QUERIES / f"{name}.sql").read_text() for name in NAMES},
    }
    done = subprocess.run(
        [PYTHON_WITH_CHDB, "-c", _PROGRAM],
        input=json.dumps(given), capture_output=True, text=True, timeout=55, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert {name: _comparable(answers[name]) for name in NAMES} == ANSWERS
