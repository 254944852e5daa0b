"""A small command-line tool: its framework alone, with the engine, or with the integration.

    python -c "import tool; tool.run('click', 'integration')"

`floor`: the framework parses `hello`. `engine`: the command records one event by hand, as a tool
that knows no integration does. `integration`: `telemetry.click(cli)` does.
"""

import sys
from typing import Any

CONNECTION_STRING = (
    "InstrumentationKey=00000000-0000-4000-8000-000000000001;IngestionEndpoint=https://dc.example"
)


def run(framework: str, part: str) -> None:
    """Be the tool, with the argument `hello`."""
    sys.argv = ["tool", "hello"]
    telemetry = None if part == "floor" else _telemetry(part)
    _TOOLS[framework](telemetry, part)


def _telemetry(part: str) -> Any:
    import afterword

    events: tuple[afterword.Event, ...] = ()
    if part == "engine":
        declared = afterword.Event("ran", command=afterword.OneOf("hello", "goodbye"))
        events = (declared,)
    return afterword.Telemetry(
        "bench",
        version="1.0",
        events=events,
        connection_string=CONNECTION_STRING,
        uploader=(sys.executable, "-c", "pass"),
        notice=afterword.Notice(where="nowhere", more="no page"),
    )


def _hello(telemetry: Any, part: str) -> None:
    if part == "engine":
        telemetry.record("ran", command="hello")


def _click(telemetry: Any, part: str) -> None:
    import click

    cli = click.Group("tool")
    for name in ("hello", "goodbye"):
        cli.command(name)(lambda: _hello(telemetry, part))
    if part == "integration":
        telemetry.click(cli)
    cli()


def _typer(telemetry: Any, part: str) -> None:
    import typer

    app = typer.Typer(add_completion=False)
    for name in ("hello", "goodbye"):
        app.command(name)(lambda: _hello(telemetry, part))
    if part == "integration":
        telemetry.typer(app)
    app()


def _argparse(telemetry: Any, part: str) -> None:
    import argparse

    parser = argparse.ArgumentParser("tool")
    commands = parser.add_subparsers(dest="command")
    for name in ("hello", "goodbye"):
        commands.add_parser(name)

    def main() -> None:
        parser.parse_args()
        _hello(telemetry, part)

    if part == "integration":
        telemetry.argparse(parser)
        telemetry.run(main)
    else:
        main()


_TOOLS = {"click": _click, "typer": _typer, "argparse": _argparse}
