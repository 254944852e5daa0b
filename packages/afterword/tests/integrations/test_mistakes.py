"""What an application gives that is wrong is told; what a framework has changed never fails it."""

import argparse
from collections.abc import Callable
from typing import Any

import click
import pytest
import typer

from afterword import Event, Telemetry
from afterword.errors import DeclarationError


class Changed:
    """A framework's object of a version that nobody knows yet."""

    commands: dict[str, Any]

    def __init__(self) -> None:
        self.commands = {"telemetry": None}
        self.registered_commands: list[Any] = []


@pytest.mark.parametrize("framework", ["click", "typer", "argparse"])
def test_what_is_none_of_the_framework_is_told(
    make: Callable[..., Telemetry], framework: str
) -> None:
    with pytest.raises(DeclarationError):
        getattr(make(strict=False), framework)("nonsense")


@pytest.mark.parametrize("framework", ["click", "typer"])
def test_a_framework_that_has_changed_does_not_fail_the_tool(
    make: Callable[..., Telemetry], framework: str
) -> None:
    getattr(make(strict=False), framework)(Changed())
    with pytest.raises((AttributeError, KeyError)):  # in development it does
        getattr(make(strict=True), framework)(Changed())


@pytest.mark.parametrize(
    ("framework", "root"),
    [
        ("click", click.Group("cli")),
        ("typer", typer.Typer()),
        ("argparse", argparse.ArgumentParser()),
    ],
)
def test_a_field_that_cannot_be_added_is_told(
    make: Callable[..., Telemetry], framework: str, root: object
) -> None:
    with pytest.raises(DeclarationError, match="options, agent, install"):
        getattr(make(strict=False), framework)(root, fields=["hostname"])


def test_an_event_of_the_applications_own_cannot_be_called_command(
    make: Callable[..., Telemetry],
) -> None:
    telemetry = make(events=[Event("command")])
    telemetry.click(click.Group("cli"))
    with pytest.raises(DeclarationError, match="'command' is declared twice"):
        telemetry.events  # noqa: B018  # made when it is asked for
