"""Promise 6 on the wire: the real exporter against a server that is not ours."""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from support import KEY, Clock, Server, needs

from afterword import Telemetry
from afterword.exporters.azure_official import published


def test_one_event_on_the_wire(telemetry: Telemetry, server: Server, home: Path) -> None:
    telemetry.record("done", what="build", words=["b", "a", "b"], how_many=3, success=True)
    line = json.loads((home / ".local/share/app/telemetry-events.jsonl").read_text())
    status = telemetry.upload()
    assert status is not None
    assert (status.sent, status.error) == (1, None)
    (request,) = server.requests
    assert request.path == "/v2.1/track"
    (envelope,) = request.envelopes
    assert envelope == {
        "name": "Microsoft.ApplicationInsights.Event",
        "iKey": KEY,
        "time": datetime.fromisoformat(line["timestamp"]).isoformat().replace("+00:00", "Z"),
        "tags": {
            "ai.user.id": line["anonymousId"],
            "ai.cloud.role": "app",
            "ai.application.ver": "1.2.3",
            "ai.cloud.roleInstance": "-",
            "ai.device.id": "-",
            "ai.internal.sdkVersion": "afterword:0.1.0",
        },
        "data": {
            "baseType": "EventData",
            "baseData": {
                "ver": 2,
                "name": "done",
                "properties": {
                    "anonymous_id": line["anonymousId"],
                    "event_id": line["eventId"],
                    "timestamp": line["timestamp"],
                    "what": "build",
                    "words": "b,a,b",
                    "how_many": "3",
                    "success": "True",
                    "platform": sys.platform,
                    "version": "1.2.3",
                },
                "measurements": {},
            },
        },
    }
    assert {name.lower(): value for name, value in request.headers.items()} == {
        "host": server.endpoint.removeprefix("http://"),
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "user-agent": "afterword/0.1.0",
    }
    assert not (home / ".local/share/app/telemetry-events.jsonl").exists()


def test_the_session_has_its_tag_and_what_has_no_value_is_left_out(
    telemetry: Telemetry, server: Server
) -> None:
    telemetry.record("session", words=["c"])
    telemetry.upload()
    (envelope,) = server.requests[0].envelopes
    properties = envelope["data"]["baseData"]["properties"]
    assert envelope["tags"]["ai.session.id"] == properties["session_id"]
    assert properties.keys() == {
        "anonymous_id", "event_id", "timestamp", "words", "session_id", "platform", "version",
    }  # fmt: skip


def test_nothing_of_the_machine_is_sent(telemetry: Telemetry, server: Server, home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    (home / ".netrc").chmod(0o600)
    telemetry.record("done", what="build")
    telemetry.upload()
    (request,) = server.requests
    sent = (str(request.headers) + request.body.decode()).lower()
    names = [platform.node(), platform.release(), platform.python_version(), str(home)]
    for name in (one for one in names if len(one) > 3):  # Windows' release is "10"
        assert name.lower() not in sent
    for name in ("authorization", "x-ms-client-request-id", "locale", "somebody", "secret"):
        assert name not in sent


@pytest.mark.parametrize(
    ("age", "moved"), [(0, False), (47 * 3600, False), (49 * 3600, True), (29 * 86400, True)]
)
def test_what_the_service_would_find_too_old_goes_out_as_of_now(
    telemetry: Telemetry, server: Server, clock: Clock, age: int, moved: bool
) -> None:
    clock.now -= age
    telemetry.turn_on()
    telemetry.record("done", what="build")
    clock.now += age
    telemetry.upload()
    (envelope,) = server.requests[0].envelopes
    own = envelope["data"]["baseData"]["properties"]["timestamp"]
    assert (envelope["time"][:19] != own[:19]) is moved
    if moved:  # to the beginning of the day of sending, which says nothing of the moment
        assert envelope["time"] == time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(clock.now))


@pytest.mark.parametrize(
    ("role", "tight", "more"),
    [
        ("app", False, {}),
        ("app", True, {}),  # a later version that writes its JSON in another way
        ("a}pp", False, {}),
        ("a{pp", False, {}),
        ('a"tags": {}pp', False, {}),
        ("app", False, {"ai.location.ip": {"deep": {"tags": {}}}}),
        ("app", False, {"ai.internal.sdkVersion": "python 3.11", "ai.device.id": "a-name"}),
    ],
)
def test_no_envelope_leaves_with_other_tags_whatever_its_text_looks_like(
    role: str, *, tight: bool, more: dict[str, object]
) -> None:
    theirs = {"ai.device.locale": "de_DE", "ai.device.id": "a-name", "ai.cloud.role": role, **more}
    batch = [
        {"name": "n", "tags": {**theirs, "ai.session.id": str(n)}, "data": {"tags": {"t": role}}}
        for n in range(3)
    ]
    separators = (",", ":") if tight else None
    body = json.dumps(batch, separators=separators)
    for n, envelope in enumerate(json.loads(published(body, len(batch)))):
        assert (envelope["name"], envelope["data"]) == ("n", {"tags": {"t": role}})
        assert envelope["tags"] == {
            "ai.session.id": str(n),
            "ai.cloud.role": role,
            "ai.cloud.roleInstance": "-",
            "ai.device.id": "-",
            "ai.internal.sdkVersion": "afterword:0.1.0",
        }


def test_the_users_own_settings_for_these_libraries_are_not_ours(
    greet: Callable[..., subprocess.CompletedProcess[str]], server: Server
) -> None:
    elsewhere = (
        "InstrumentationKey=11111111-0000-4000-8000-000000000001;IngestionEndpoint=https://e/"
    )
    theirs = {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": elsewhere,
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "false",
        "OTEL_RESOURCE_ATTRIBUTES": "user=somebody",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "nonsense",
        "AZURE_HTTP_USER_AGENT": "somebody",
    }
    greet("telemetry", "on")
    greet("hello", GREET_TELEMETRY_UPLOAD="1")  # records, starts no uploader
    assert greet("telemetry", "upload", **theirs).returncode == 0
    (request,) = server.requests
    assert request.envelopes[0]["iKey"] == KEY
    assert "somebody" not in str(request.headers) + request.body.decode()


@needs("strace")
def test_one_host_and_its_process_talks_to_no_other(
    greet: Callable[..., subprocess.CompletedProcess[str]], server: Server, tmp_path: Path
) -> None:
    """Every connect() of the real uploader, as the kernel saw it."""
    greet("telemetry", "on")
    greet("hello", GREET_TELEMETRY_UPLOAD="1")
    log = tmp_path / "strace"
    greet(
        "telemetry", "upload", before=["strace", "-f", "-e", "trace=connect,sendto", "-o", str(log)]
    )
    connects = [line for line in log.read_text().splitlines() if "connect(" in line]
    port = server.endpoint.rpartition(":")[2]
    assert len(server.requests) == 1
    assert connects
    assert all(f"htons({port})" in line and "127.0.0.1" in line for line in connects)
