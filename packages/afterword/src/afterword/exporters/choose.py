"""From a connection string to its exporter."""

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from afterword import destination
from afterword.errors import AfterwordError, DestinationError
from afterword.exporters.base import Exporter

OFFICIAL = "azure_official"
"""`Telemetry(exporter=…)`: the official SDK for an Azure connection string."""


def make(
    connection_string: str,
    *,
    exporter: str | None = None,
    role: str,
    role_version: str,
    silence: float,
    own_process: bool = False,
    environment: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> Exporter:
    """The exporter to a destination.

    Args:
        connection_string: where to; see `afterword.destination`.
        exporter: None for what the connection string says; `azure_official`; or
            `package.module:function`, which is called with the connection string, `role` and
            `role_version`, and returns an exporter of the application's own.
        role: the application's name.
        role_version: its version.
        silence: seconds of waiting for the next bytes of an answer.
        own_process: this process is the uploader's own. Elsewhere the SDK, which changes its
            process, is not used: the same envelopes go by the standard library.
        environment: the person's settings for proxies and certificates; None for the real ones.
        clock: seconds since 1970.

    Raises:
        DestinationError: the connection string cannot be sent to.
        AfterwordError: the exporter cannot be made.
    """
    if exporter is not None and exporter != OFFICIAL:
        return _own(exporter, connection_string, role, role_version)
    why_not = destination.why_not(connection_string)
    if why_not is not None:
        raise DestinationError(f"the connection string cannot be used: {why_not}")
    named = destination.parts(connection_string)
    if destination.CONSOLE in named:
        from afterword.exporters.console import ConsoleExporter

        return ConsoleExporter(role=role)
    from afterword.exporters.http import Host

    if destination.OTLP in named:
        from afterword.exporters.otlp import OtlpExporter

        headers = {
            key.removeprefix(destination.HEADER): value
            for key, value in named.items()
            if key.startswith(destination.HEADER)
        }
        host = Host(
            named[destination.OTLP], headers=headers, silence=silence, environment=environment,
            clock=clock,
        )  # fmt: skip
        return OtlpExporter(host, role=role)

    key, endpoint = named[destination.AZURE], named[destination.ENDPOINT].rstrip("/")
    host = Host(endpoint, silence=silence, environment=environment, clock=clock)
    if exporter == OFFICIAL and own_process:
        from afterword.exporters.azure_official import OfficialAzureExporter

        return OfficialAzureExporter(
            host, endpoint=endpoint, key=key, role=role, role_version=role_version, clock=clock
        )
    from afterword.exporters.azure import AzureExporter

    return AzureExporter(host, key=key, role=role, role_version=role_version, clock=clock)


def _own(exporter: str, connection_string: str, role: str, role_version: str) -> Exporter:
    """The application's own exporter, by the name of the function that makes it."""
    module, _, function = exporter.partition(":")
    try:
        make_it = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise AfterwordError(f"the exporter {exporter!r} cannot be imported: {error}") from error
    return cast("Exporter", make_it(connection_string, role=role, role_version=role_version))
