"""The commands: what is there are the lines of a file in the current folder."""

from pathlib import Path

import typer

from .telemetry import telemetry

LARDER = Path("larder.txt")
app = typer.Typer(help="Keep a list of what is in the larder.")
shopping = typer.Typer(help="What to buy.")
app.add_typer(shopping, name="shopping")
telemetry.typer(app, fields=["options", "agent"], errors=[LookupError])


@app.command()
def put(thing: str, jars: int = 1) -> None:
    """Put something into the larder."""
    LARDER.write_text("".join(f"{one}\n" for one in _things() + [thing] * jars))


@app.command()
def take(thing: str) -> None:
    """Take something out of it."""
    things = _things()
    if thing not in things:
        raise LookupError(thing)
    things.remove(thing)
    LARDER.write_text("".join(f"{one}\n" for one in things))


@shopping.command("list")
def list_() -> None:
    """Print what there is one of only."""
    things = _things()
    for thing in sorted(set(things)):
        if things.count(thing) == 1:
            typer.echo(thing)


def _things() -> list[str]:
    return LARDER.read_text().splitlines() if LARDER.exists() else []
