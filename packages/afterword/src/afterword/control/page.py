"""A page for the users of an application, made from its declarations and `page.md`.

    python -m afterword.control.page shipit.cli:telemetry > docs/telemetry.md

prints it in Markdown. What only the maintainer knows is marked with **[fill in: …]**.
"""

import importlib
import sys
from collections.abc import Mapping
from importlib.resources import files
from typing import Protocol

from afterword import destination
from afterword.consent import Notice
from afterword.control.describe import markdown
from afterword.schema import Event


class Described(Protocol):
    """The part of a `Telemetry` that the page is made from."""

    @property
    def name(self) -> str: ...  # noqa: D102  # documented on Telemetry, as all here
    @property
    def prefix(self) -> str: ...  # noqa: D102
    @property
    def spelled(self) -> str: ...  # noqa: D102
    @property
    def policy(self) -> str: ...  # noqa: D102
    @property
    def notice(self) -> Notice | None: ...  # noqa: D102
    @property
    def events(self) -> Mapping[str, Event]: ...  # noqa: D102
    def destination(self) -> str | None: ...  # noqa: D102


def page(telemetry: Described) -> str:
    """The page in Markdown."""
    where = destination.shown(telemetry.destination()) or "**[fill in: where]**"
    if telemetry.notice is not None:
        where = f"{telemetry.notice.where} (`{where}`)."
    text = files("afterword.control").joinpath("page.md").read_text(encoding="utf-8")
    return text.format(
        name=telemetry.name,
        prefix=telemetry.prefix,
        spelled=telemetry.spelled,
        policy=telemetry.policy,
        tables=markdown(telemetry.events.values()),
        where=where,
    )


def main(arguments: list[str]) -> int:
    """Print the page of the application that `module:attribute` names; the exit code."""
    module, _, name = arguments[0].partition(":") if len(arguments) == 1 else ("", "", "")
    if not module or not name:
        sys.stderr.write("usage: python -m afterword.control.page MODULE:TELEMETRY\n")
        return 2
    sys.stdout.write(page(getattr(importlib.import_module(module), name)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
