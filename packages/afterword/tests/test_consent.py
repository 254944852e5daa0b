"""Promise 1, asked first: off unless the person said yes, and off for each of the reasons."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Server

from afterword import Event, Flag, OneOf, Telemetry, consent
from afterword.consent import ci_variable, forbidden_by_environment, of_person

FILE = {"enabled": True, "consentGiven": True, "createdAt": "2026-01-02T00:00:00.000Z"}


@pytest.mark.parametrize(
    ("environment", "cause"),
    [
        ({}, None),
        ({"CI": "true"}, "ci"),
        ({"CI": "1"}, "ci"),
        ({"CI": "false"}, None),
        ({"CI": "false", "GITHUB_ACTIONS": "true"}, None),
        ({"CI": ""}, None),
        ({"GITHUB_ACTIONS": "true"}, "ci"),
        ({"JENKINS_URL": "x", "BUILD_ID": "7"}, "ci"),
        ({"NODE": "/app/.heroku/node/bin/node"}, "ci"),
        ({"NODE": "/usr/bin/node"}, None),
        ({"APP_TELEMETRY": "0"}, "variable"),
        ({"APP_TELEMETRY": "False"}, "variable"),
        ({"APP_TELEMETRY": "no"}, "variable"),
        ({"APP_TELEMETRY": "OFF"}, "variable"),
        ({"APP_TELEMETRY": "disabled"}, "variable"),
        ({"APP_TELEMETRY": "n"}, "variable"),
        ({"APP_TELEMETRY": "1"}, None),
        ({"APP_TELEMETRY": "Yes"}, None),
        ({"APP_TELEMETRY": ""}, None),
        ({"DO_NOT_TRACK": "1"}, "do-not-track"),
        ({"DO_NOT_TRACK": "true"}, "do-not-track"),
        ({"DO_NOT_TRACK": "yes please"}, "do-not-track"),
        ({"DO_NOT_TRACK": "0"}, None),
        ({"DO_NOT_TRACK": "False"}, None),
        ({"DO_NOT_TRACK": ""}, None),
        ({"PYTEST_VERSION": "9.0"}, "test"),
        ({"PYTEST_CURRENT_TEST": "test_x (call)"}, "test"),
        ({"PYTEST_CURRENT_TEST": "test_x", "AFTERWORD_TESTING": "1"}, None),
        ({"PYTEST_CURRENT_TEST": "test_x", "AFTERWORD_TESTING": ""}, "test"),
        ({"CI": "1", "APP_TELEMETRY": "0", "DO_NOT_TRACK": "1"}, "ci"),
        ({"APP_TELEMETRY": "0", "DO_NOT_TRACK": "1"}, "variable"),
    ],
)
def test_variables(environment: dict[str, str], cause: str | None) -> None:
    decision = forbidden_by_environment("APP", environment, ci_variable(environment))
    assert (decision and decision.cause) == cause


@pytest.mark.parametrize("variable", sorted(consent._CI))
def test_each_variable_of_the_list_tells_a_ci_machine(variable: str) -> None:
    assert ci_variable({variable: "x"}) == variable


@pytest.mark.parametrize(
    ("state", "on"),
    [
        (None, False),
        ({}, False),
        (FILE, True),
        (FILE | {"enabled": False}, False),
        (FILE | {"consentGiven": False}, False),
        ({"enabled": True}, False),
        ({"consentGiven": True}, False),
        (FILE | {"enabled": "true"}, False),
        (FILE | {"enabled": 1}, False),
    ],
)
def test_state(state: dict[str, str | int | bool | None] | None, on: bool) -> None:
    assert of_person(state, declared=lambda: "done:event").on is on


@pytest.mark.parametrize(
    ("agreed", "declared", "asks"),
    [
        ("a:event a.x:word", "a:event a.x:word", False),
        ("a:event a.x:word a.y:flag", "a:event a.x:word", False),  # less than was agreed to
        ("a:event a.x:word", "a:event a.x:word a.y:flag", True),
        ("a:event a.x:word", "a:event a.x:count", True),  # another kind of value
        ("a:event", "a:event b:event", True),
        ("", "a:event", True),
        (7, "a:event", True),
    ],
)
def test_a_yes_is_a_yes_to_the_fields_of_its_time(
    agreed: str | int, declared: str, asks: bool
) -> None:
    state: dict[str, str | int | bool | None]
    state = {"enabled": True, "consentGiven": True, "agreed": agreed}
    decision = of_person(state, declared=lambda: declared)
    assert (decision.on, decision.cause) == (not asks, "notice-grown" if asks else "consent")


def test_two_versions_do_not_ask_in_turns(make: Callable[..., Telemetry]) -> None:
    older = make(events=[Event("done", what=OneOf("a"), gone=Flag(optional=True))])
    newer = make(events=[Event("done", what=OneOf("a", "b"), added=Flag(optional=True))])
    older.turn_on()
    assert older.decision().on
    assert newer.decision().cause == "notice-grown"
    newer.turn_on()
    assert newer.decision().on
    assert older.decision().on
    newer.turn_off()
    newer.turn_on()
    assert older.decision().cause == "notice-grown"  # a no ends what was agreed to before


def test_a_variable_overrules_the_persons_yes(
    telemetry: Telemetry, make: Callable[..., Telemetry]
) -> None:
    assert telemetry.decision().on
    assert not make(environment={"HOME": "/x", "DO_NOT_TRACK": "1"}).decision().on


def test_nothing_is_written_before_consent(make: Callable[..., Telemetry], home: Path) -> None:
    fresh = make()
    fresh.record("done", what="build")
    assert not fresh.start_upload()
    assert fresh.upload() is None
    assert list(home.iterdir()) == []


def test_with_nowhere_to_send_it_is_off(
    make: Callable[..., Telemetry], server: Server, home: Path
) -> None:
    nowhere = make(connection_string=None)
    nowhere.turn_on()
    assert nowhere.decision().cause == "no-destination"
    variable = {**os.environ, "APP_TELEMETRY_CONNECTION_STRING": server.connection_string}
    (home / ".local/share/app/telemetry.json").unlink()
    assert make(connection_string=None, environment=variable).decision().cause == "no-consent"


def test_without_a_home_it_is_off(make: Callable[..., Telemetry]) -> None:
    homeless = make(environment={})
    assert homeless.decision().cause == "folder"
    homeless.record("done", what="build")


@pytest.mark.posix("making a link needs a privilege there")
def test_a_policy_out_of_sight_forbids(make: Callable[..., Telemetry], home: Path) -> None:
    """Its folder may be closed to us, or lie on a disk that fails: whoever made it meant no."""
    make().turn_on()
    (home / "closed").symlink_to("closed")  # as good as no permission, and for root too
    decision = make(policy=str(home / "closed/telemetry.json")).decision()
    assert (decision.on, decision.cause) == (False, "policy")
    assert make(policy=str(home / "none/telemetry.json")).decision().on


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"ConnectionString": "x"}', "ConnectionString"),
        ('{"connection_string": "x"}', "connection_string"),
        ('{"Enabled": false}', "Enabled"),
        ('{"enabled": false}', "forbidden by"),
        ('{"enabled": "false"}', "'enabled' must be"),
        ('{"enabled": 0}', "'enabled'"),
        ('{"enabled": null}', "'enabled'"),
        ('{"enabled": {"value": false}}', "'enabled'"),
        ('{"enabled": [false]}', "'enabled'"),
        ('{"enabled": 1.0}', "'enabled'"),
        ('{"enabled": false, "enabled": true}', "cannot be read"),
        ('{\n  "enabled": false,\n  "enabled": true\n}\n', "cannot be read"),
        ('{"telemetry": {"enabled": false}}', "telemetry"),
        ('{"connectionString": null}', "'connectionString' must be"),
        ('{"connectionString": ""}', "'connectionString' must be"),
        ('{"connectionString": ["x"]}', "'connectionString' must be"),
        ('{"connectionString": 7}', "'connectionString' must be"),
        ('{"connectionString": "x"}', "cannot be used"),
        ('{"note": "ours"}', "note"),
        ('{"$schema": "x"}', "$schema"),
        ('[{"enabled": false}]', "cannot be read"),
        ("enabled = false", "cannot be read"),
        ('{"enabled": true,}', "cannot be read"),
        ("", "cannot be read"),
        ('\ufeff{"enabled": false}', "cannot be read"),
        ('{"enabled": true, "pad": "' + "x" * 70000 + '"}', "cannot be read"),
        ('{"' + "n" * 200 + '": 1}', "n" * 64),
    ],
)
def test_a_policy_that_is_not_understood_forbids_and_says_what(
    make: Callable[..., Telemetry], tmp_path: Path, text: str, names: str
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(text, "utf-8")
    telemetry = make(policy=str(policy))
    telemetry.turn_on()
    decision = telemetry.decision()
    assert not decision.on
    assert names in decision.reason
    assert len(decision.reason) < 400
    telemetry.record("done", what="build")
    assert telemetry.upload() is None


def test_a_policy_may_leave_it_to_the_person_or_name_a_collector(
    make: Callable[..., Telemetry], tmp_path: Path
) -> None:
    make().turn_on()
    policy = tmp_path / "policy.json"
    own = "InstrumentationKey=00000000-0000-4000-8000-000000000009;IngestionEndpoint=https://own"
    for text in ("{}", '{"enabled": true}', json.dumps({"connectionString": own, "enabled": True})):
        policy.write_text(text)
        assert make(policy=str(policy)).decision().on, text
    assert make(policy=str(policy)).destination() == own


def test_a_number_too_long_to_be_read_is_a_damaged_state_file(
    telemetry: Telemetry, home: Path
) -> None:
    path = home / ".local/share/app/telemetry.json"
    path.write_text(path.read_text().replace('"enabled": true', f'"enabled": {"1" * 5000}'))
    assert "11111" in path.read_text()
    assert not telemetry.decision().on
    telemetry.turn_off()
    assert telemetry.decision().cause == "turned-off"


class _OddError(Exception):
    def __getattr__(self, name: str) -> object:
        raise KeyError(name)


def test_a_command_ends_by_its_own_exception(telemetry: Telemetry) -> None:
    with pytest.raises(_OddError), telemetry.command("done", what="build"):
        raise _OddError


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", "null", '{"enabled": [true]}', "\0"])
def test_a_damaged_state_file_is_no_consent(telemetry: Telemetry, home: Path, text: str) -> None:
    (home / ".local/share/app/telemetry.json").write_text(text)
    assert not telemetry.decision().on


def test_a_state_file_edited_by_hand_counts(telemetry: Telemetry, home: Path) -> None:
    path = home / ".local/share/app/telemetry.json"
    path.write_text(json.dumps(json.loads(path.read_text())))  # one line: not our own form
    assert telemetry.decision().on
    path.write_text(json.dumps(json.loads(path.read_text()) | {"enabled": False}, indent=8))
    assert not telemetry.decision().on
