"""Promises 2 and 3: what `Telemetry` takes and `record` writes, the uploader reads and sends."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import Server, wait_until

from afterword import Count, Event, Flag, Id, ListOf, OneOf, Telemetry, destination
from afterword.consent import is_usual_destination
from afterword.control import report as reports
from afterword.control import words
from afterword.control.report import as_json, report
from afterword.errors import DeclarationError, DestinationError
from afterword.schema import MOST_COUNT, Field
from afterword.version import public_part


@pytest.mark.parametrize(
    ("version", "public"),
    [
        ("1", "1"),
        ("1.2.3", "1.2.3"),
        ("2026.11.24", "2026.11.24"),
        ("v1.2", "1.2"),
        ("V1.2", "1.2"),
        (" 1.2\n", "1.2"),
        ("1.0.0_1", "1.0.0_1"),
        ("1!2.0rc1.post2.dev3", "1!2.0rc1.post2.dev3"),
        ("1.0.0-SNAPSHOT", "1.0.0-SNAPSHOT"),
        ("1.2.3-beta.4", "1.2.3-beta.4"),
        ("1.0+jane.laptop", "1.0"),
        ("1.2.4.dev5+g3f2a1c.d20261124", "1.2.4.dev5"),
        ("1.2.3-5-g3f2a1c", "1.2.3-5"),
        ("1.2.3-janes-laptop", "1.2.3"),
        ("1.2.3-jane", "1.2.3"),
        ('1.2"', "1.2"),
        ("1.2\n1", "1.2"),
        ("1.2\x00", "1.2"),
        ("1.2é", "1.2"),
        ("1.2.٣", "1.2"),
        ("1." * 40, ("1." * 32)[:-1]),
        ("9" * 65, None),
        ("dev", None),
        ("unknown", None),
        ("main-3f2a1c", None),
        ("", None),
        ("v", None),
        ("٣.1", None),
        ("-1", None),
        (None, None),
        (1.2, None),
    ],
)
def test_a_version_is_public_and_no_free_text(
    make: Callable[..., Telemetry], home: Path, version: Any, public: str | None
) -> None:
    assert public_part(version) == public
    if public is None:
        with pytest.raises(DeclarationError, match="begins with a number"):
            make(version=version)
        return
    telemetry = make(version=version)
    telemetry.turn_on()
    telemetry.record("done", what="build")
    (line,) = (home / ".local/share/app/telemetry-events.jsonl").read_text().splitlines()
    assert json.loads(line)["appVersion"] == telemetry.version == public


@pytest.mark.parametrize(
    "name",
    [
        "",
        "my.tool",
        "../x",
        "a/b",
        "a b",
        "7zip",
        "-x",
        "_x",
        "é",
        "x" * 65,
        "a\n",
        'a"b',
        None,
        ".",
        "con",
        "LPT1",
    ],
)
def test_a_name_makes_a_folder_and_a_variable_of_a_shell(name: Any) -> None:
    with pytest.raises(DeclarationError, match="ASCII letter"):
        Telemetry(name, version="1", events=[], connection_string=None)


@pytest.mark.parametrize(
    ("name", "prefix"), [("app", "APP"), ("my-tool", "MY_TOOL"), ("my_tool2", "MY_TOOL2")]
)
def test_the_variables_are_named_after_the_application(name: str, prefix: str) -> None:
    telemetry = Telemetry(name, version="1", events=[], connection_string=None)
    assert telemetry.prefix == prefix


def test_an_event_is_declared_once(make: Callable[..., Telemetry]) -> None:
    with pytest.raises(DeclarationError, match="'done' is declared twice"):
        make(events=[Event("done"), Event("done", what=OneOf("a"))])


def test_no_field_takes_the_place_of_the_version(make: Callable[..., Telemetry]) -> None:
    with pytest.raises(DeclarationError, match="app_version"):
        make(events=[Event("done", app_version=OneOf("a"))])
    make(events=[Event("done", tool_version=OneOf("a"))])


def test_two_fields_have_two_keys() -> None:
    with pytest.raises(DeclarationError, match="a_1"):
        Event("done", a1=Flag(), a_1=Flag())


@pytest.mark.parametrize("name", ["é", "x" * 65, "", "A", "a b", "a-b"])
def test_names_of_events_and_fields_can_stand_on_the_wire(name: str) -> None:
    with pytest.raises(DeclarationError):
        Event(name)
    with pytest.raises(DeclarationError):
        Event("done", **{name: Flag()})


@pytest.mark.parametrize("most", [-1, 2**53, 1.5, True, "9"])
def test_a_number_arrives_as_it_was_recorded(most: Any) -> None:
    """JSON has no whole numbers beyond 2**53 that every reader keeps (RFC 8259, section 6)."""
    with pytest.raises(DeclarationError):
        Count(most=most)


def test_declarations_made_late_are_checked_and_told_in_development(
    make: Callable[..., Telemetry],
) -> None:
    make().turn_on()
    late = make(events=lambda: [Event("done"), Event("done")], strict=True)
    assert late.decision().cause == "declarations"
    with pytest.raises(DeclarationError):
        late.record("done")
    make(events=lambda: [Event("done"), Event("done")], strict=False).record("done")


def test_a_relative_folder_is_where_it_was_when_telemetry_was_made(
    make: Callable[..., Telemetry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    telemetry = make(folder="data", policy="policy.json")
    monkeypatch.chdir("/")
    assert telemetry.folder is not None
    assert telemetry.folder.path == str(tmp_path / "data")
    assert telemetry.policy == str(tmp_path / "policy.json")


KEY = "00000000-0000-4000-8000-000000000001"
USUAL = f"InstrumentationKey={KEY};IngestionEndpoint=https://"


@pytest.mark.parametrize(
    "text",
    [
        "x", "my secret", f"InstrumentationKey={KEY}", f"{USUAL}", f"{USUAL}?", f"{USUAL}a..b/",
        f"InstrumentationKey={KEY[:-1]};IngestionEndpoint=https://a/",
        f"InstrumentationKey={KEY[:-1]}g;IngestionEndpoint=https://a/",
        f"InstrumentationKey={KEY};IngestionEndpoint=http://a/", f"{USUAL}a@b/", f"{USUAL}é/",
        f"{USUAL}-a/", f"{USUAL}{'a' * 254}/",
    ],
)  # fmt: skip
def test_a_connection_string_is_looked_at_where_telemetry_is_made(
    make: Callable[..., Telemetry], text: str
) -> None:
    with pytest.raises(DestinationError) as refused:
        make(connection_string=text)
    assert "secret" not in str(refused.value)
    variable = {"HOME": "/x", "APP_TELEMETRY_CONNECTION_STRING": text}
    decision = make(environment=variable).decision()  # a person's: no fault of the program
    assert (decision.on, decision.cause) == (False, "no-destination")
    assert decision.reason == str(refused.value)


def test_the_quick_look_at_a_connection_string_takes_what_the_whole_one_takes() -> None:
    fit = f"{USUAL}westeurope-5.in.applicationinsights.azure.com/"
    assert is_usual_destination(fit)
    assert destination.why_not(fit) is None


@given(st.from_regex(r"[0-9a-fA-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", fullmatch=True) | st.text(),
       st.text(alphabet="aB0.-:/;=@[]é ", max_size=8) | st.just("a.invalid"))  # fmt: skip
def test_the_quick_look_takes_nothing_that_the_whole_one_refuses(key: str, host: str) -> None:
    text = f"InstrumentationKey={key};IngestionEndpoint=https://{host}"
    if is_usual_destination(text):
        assert destination.why_not(text) is None
        assert destination.why_no_upload(text) is None


@pytest.mark.parametrize("host", ["a.invalid", "A.Invalid.", "invalid", "a.invalid:443/v2"])
def test_where_no_host_can_be_no_uploader_is_started_and_the_status_says_why(
    make: Callable[..., Telemetry], tmp_path: Path, host: str
) -> None:
    started = tmp_path / "started"
    telemetry = make(
        connection_string=f"{USUAL}{host}",
        uploader=[sys.executable, "-c", f"open({str(started)!r}, 'w')"],
    )
    telemetry.turn_on()
    telemetry.record("done", what="build")
    assert not telemetry.start_upload()
    told = report(telemetry)
    assert "no host" in words.status(told, 0, "app telemetry")
    assert "no host" in str(as_json(told)["whyNoUpload"])
    fit = make(uploader=telemetry.uploader)
    assert fit.start_upload()
    wait_until(started.exists)
    assert report(fit).why_no_upload is None


def accepts(make: Callable[[Any], object], value: object) -> bool:
    """Does the engine take the value, or refuse it with its own error?"""
    try:
        make(value)
    except DeclarationError:
        return False
    return True


def taken(make: Callable[[Any], object], usual: str) -> st.SearchStrategy[str]:
    """Values that the engine takes: of the usual form, and whatever else it does not refuse."""
    odd = st.text(alphabet='abAB01._-+:!, "\\\n/\0é٣', max_size=4)
    values = st.from_regex(usual, fullmatch=True) | odd
    return values.filter(lambda value: accepts(make, value))


def application(name: str = "app", version: str = "1") -> Telemetry:
    return Telemetry(name, version=version, events=[], connection_string=None)


NAMES = taken(application, r"[A-Za-z][A-Za-z0-9_-]{0,20}")
VERSIONS = taken(
    lambda version: application(version=version),
    r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}([.-]?(a|b|rc|dev|post|jane)[0-9]{0,2})?(\+[a-z.]{1,9})?",
)
WORDS = taken(OneOf, r"[A-Za-z0-9._:+-]{1,12}")
EVENT_NAMES = taken(Event, r"[a-z]{1,4}(_[a-z0-9]{1,3}){0,2}")
KEYS = taken(lambda key: Event("e", **{key: Flag()}), r"[a-z]{1,4}(_[a-z0-9]{1,3}){0,2}")


@st.composite
def declared(draw: st.DrawFn) -> tuple[Event, dict[str, object]]:
    """An event, and what is recorded of it."""
    fields: dict[str, Field] = {}
    values: dict[str, object] = {}
    for key in draw(st.lists(KEYS, max_size=4, unique=True)):
        kind = draw(st.sampled_from(["word", "words", "count", "flag", "id"]))
        words = draw(st.lists(WORDS, min_size=1, max_size=4))
        if kind == "word":
            fields[key], values[key] = OneOf(*words), draw(st.sampled_from(words))
        elif kind == "words":
            fields[key] = ListOf(*words)
            values[key] = draw(st.lists(st.sampled_from(words), min_size=1, max_size=5))
        elif kind == "count":
            most = draw(st.integers(min_value=0, max_value=MOST_COUNT))
            fields[key], values[key] = Count(most=most), draw(st.integers(0, most))
        elif kind == "flag":
            fields[key], values[key] = Flag(), draw(st.booleans())
        else:
            fields[key] = Id()
    return Event(draw(EVENT_NAMES), **fields), values


@pytest.fixture(scope="module")
def quick_server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@given(name=NAMES, version=VERSIONS, declaration=declared())
@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
def test_what_is_accepted_and_recorded_is_read_and_sent_byte_for_byte(
    quick_server: Server, name: str, version: str, declaration: tuple[Event, dict[str, object]]
) -> None:
    event, values = declaration
    quick_server.requests.clear()
    with tempfile.TemporaryDirectory() as folder:
        telemetry = Telemetry(
            name, version=version, events=[event], folder=folder, policy=f"{folder}/none",
            connection_string=quick_server.connection_string, environment={},
        )  # fmt: skip
        telemetry.turn_on()
        telemetry.record(event.name, **values)
        line = json.loads((Path(folder) / "telemetry-events.jsonl").read_text())
        status = telemetry.upload()
        assert (status and status.sent, status and status.dropped) == (1, {})
    (envelope,) = quick_server.requests[0].envelopes
    sent = envelope["data"]["baseData"]["properties"]
    assert envelope["data"]["baseData"]["name"] == line["eventType"] == event.name
    assert sent["version"] == line[telemetry.version_key] == telemetry.version
    assert version.strip().lstrip("vV").startswith(sent["version"])
    expected = {
        key: ",".join(value) if isinstance(value, list) else str(value)
        for key, value in values.items()
    }
    assert {key: sent[key] for key in values} == expected
    ids = {key for key, field in event.fields.items() if field.kind == "id"}
    own = {"anonymous_id", "event_id", "timestamp", "platform", "version"}
    assert sent.keys() == {*values, *ids, *own}


def test_a_renamed_word_that_waits_is_sent_by_the_version_that_has_retired_it(
    make: Callable[..., Telemetry], server: Server
) -> None:
    older = make(version="1.0", events=[Event("done", what=OneOf("old", "both"))])
    older.turn_on()
    older.record("done", what="old")
    newer = make(version="2.0", events=[Event("done", what=OneOf("new", "both", retired=("old",)))])
    newer.record("done", what="new")
    newer.record("done", what="both")
    newer.upload()
    sent = [(event["what"], event["version"]) for event in server.events()]
    assert sent == [("old", "1.0"), ("new", "2.0"), ("both", "2.0")]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("keeps", "sessions"), ("keeps", [""]), ("keeps", ["."]), ("keeps", [".."]),
        ("keeps", ["../x"]), ("keeps", ["/etc"]), ("keeps", ["a/b"]), ("keeps", ["telemetry.json"]),
        ("keeps", [1]), ("keeps", None), ("exporter", "azure_offical"), ("exporter", ":"),
        ("exporter", "module:"), ("exporter", 1), ("uploader", "/bin/true"), ("uploader", [1]),
        ("cap", 0), ("cap", "5"), ("cap", 1.5), ("cap", True),
    ],
)  # fmt: skip
def test_an_argument_that_breaks_its_rule_is_named(
    make: Callable[..., Telemetry], argument: str, value: Any
) -> None:
    """Most of all `keeps`: what it names is deleted."""
    with pytest.raises(DeclarationError, match=f"{argument}="):
        make(**{argument: value})


@pytest.mark.posix("making a link needs a privilege there")
def test_what_is_kept_is_deleted_with_what_waits_and_links_are_not_followed(
    make: Callable[..., Telemetry], home: Path, tmp_path: Path
) -> None:
    telemetry = make(keeps=["sessions", "notes.json", "link"])
    telemetry.turn_on()
    data, precious = home / ".local/share/app", tmp_path / "precious"
    (data / "sessions").mkdir()
    (data / "sessions" / "one").touch()
    (data / "notes.json").touch()
    precious.mkdir()
    (precious / "file").touch()
    (data / "link").symlink_to(precious)
    telemetry.turn_off()
    assert [path.name for path in data.iterdir()] == ["telemetry.json"]
    assert (precious / "file").exists()


class _Disguised(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "jane"

    def __format__(self, _how: str) -> str:
        return "jane"


def test_a_text_that_prints_as_another_is_taken_as_it_is(
    make: Callable[..., Telemetry], home: Path
) -> None:
    telemetry = make(version=_Disguised("1.0"), events=[Event("done", what=OneOf(_Disguised("a")))])
    telemetry.turn_on()
    telemetry.record("done", what=_Disguised("a"))
    assert "jane" not in (home / ".local/share/app/telemetry-events.jsonl").read_text()
    assert Telemetry(_Disguised("app"), version="1").version_key == "appVersion"


@pytest.mark.parametrize(
    ("now", "kept"),
    [(0.0, 1), (1e9, 1), (32e9, 1), (253_402_300_800.0, 0), (1e18, 0), (-1.0, 0),
     (float("nan"), 0), (float("inf"), 0)],
)  # fmt: skip
def test_whatever_the_clock_says_what_is_recorded_can_be_read(
    make: Callable[..., Telemetry], now: float, kept: int
) -> None:
    telemetry = make()
    telemetry.turn_on()
    odd = make(clock=lambda: now)
    odd.record("done", what="build")
    found = reports.waiting(telemetry)
    assert (len(found.records), found.unfit) == (kept, {})
