"""The commands: books are lines of a file in the current folder."""

from pathlib import Path

import click

from .telemetry import telemetry

SHELF = Path("shelf.txt")


@click.group()
@click.version_option()
def cli() -> None:
    """Keep a list of books."""


@cli.command()
@click.argument("title")
@click.option("--top", is_flag=True, help="Put it first.")
def add(title: str, top: bool) -> None:
    """Put a book on the shelf."""
    books = _books()
    books.insert(0 if top else len(books), title)
    SHELF.write_text("".join(f"{book}\n" for book in books))
    click.echo(f"{len(books)} on the shelf.")


@cli.command("list")
def list_() -> None:
    """Print every book."""
    for book in _books():
        click.echo(book)


@cli.group()
def loan() -> None:
    """Lend books."""


@loan.command()
@click.argument("title")
def give(title: str) -> None:
    """Take a book off the shelf."""
    books = _books()
    if title not in books:
        raise click.ClickException("That book is not on the shelf.")
    books.remove(title)
    SHELF.write_text("".join(f"{book}\n" for book in books))


def _books() -> list[str]:
    return SHELF.read_text().splitlines() if SHELF.exists() else []


telemetry.click(cli)
