"""Who takes part: a program for each, in an environment of its own, pointed at our server.

Each records one event the way its documentation tells a command-line tool to, and ends. What is
documented where stands in the program (`programs/`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stage import Server


def _endpoint(server: Server) -> dict[str, str]:
    return {"BENCH_ENDPOINT": server.endpoint}


def _azure(server: Server) -> dict[str, str]:
    return {"APPLICATIONINSIGHTS_CONNECTION_STRING": server.connection_string}


def _ours(server: Server) -> dict[str, str]:
    return {"BENCH_TELEMETRY_CONNECTION_STRING": server.connection_string}


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do telemetry.

    Args:
        name: as people know it; of a peer, its distribution.
        environment: which environment it runs in.
        code: what `python -c` runs.
        variables: what tells it where the server is.
        agreed: it asks first, so somebody has to say yes.
    """

    name: str
    environment: str
    code: str
    variables: Callable[[Server], Mapping[str, str]] = _endpoint
    agreed: bool = False


FLOOR = Contestant("floor", "afterword", "import floor")
OURS = Contestant(
    "afterword",
    "afterword",
    "import ours; ours.command()",
    _ours,
    agreed=True,
)


def _peer(name: str, program: str, variables: Callable[[Server], Mapping[str, str]]) -> Contestant:
    return Contestant(name, name, f"import {program}", variables)


PEERS = (
    _peer("azure-cli-telemetry", "with_azure_cli_telemetry", _endpoint),
    _peer("iterative-telemetry", "with_iterative_telemetry", _endpoint),
    _peer("glean-sdk", "with_glean", _endpoint),
    _peer("scarf-sdk", "with_scarf", _endpoint),
    _peer("usagestats", "with_usagestats", _endpoint),
    _peer("snowplow-tracker", "with_snowplow", _endpoint),
    _peer(
        "huggingface_hub", "with_huggingface_hub", lambda server: {"HF_ENDPOINT": server.endpoint}
    ),
    _peer("sentry-sdk", "with_sentry", _endpoint),
    _peer("posthog", "with_posthog", _endpoint),
    _peer("azure-monitor-opentelemetry-exporter", "with_azure_exporter", _azure),
    _peer("azure-monitor-opentelemetry", "with_azure_distro", _azure),
    _peer("segment-analytics-python", "with_segment", _endpoint),
)
