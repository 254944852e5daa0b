"""For applications made with click: the question, and the commands `telemetry status|show|…`.

cli.add_command(telemetry_group(telemetry))      # a click group
ask_consent(telemetry, NOTICE)                   # at the start of a fitting command
"""

import json
import select
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO, TypeVar

from afterword.control import describe, report, words
from afterword.control.application import Application
from afterword.control.report import Waiting
from afterword.errors import AfterwordError, MissingExtraError

try:
    import click
except ImportError as error:
    raise MissingExtraError("click", "click is not installed") from error

Answer = TypeVar("Answer")

_LOOK = 0.1
"""Seconds after which a Ctrl-C that came in the wrong instant is noticed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What the person is told before they are asked. Short: they came for something else.

    Args:
        collected: what an event says, e.g. "which command ran and whether it succeeded".
        never: what no event can say.
        where: who gets it, and for how long it is kept there.
        more: the page that explains every field.
    """

    collected: str
    never: str
    where: str
    more: str


def ask_consent(telemetry: Application, notice: Notice, *, interactive: bool | None = None) -> bool:
    """Ask the person, if they were not asked before; True if it is on now.

    Not asked: without a terminal on both ends, on a CI machine, while a variable or a policy says
    no, and when they have answered this version of the notice. Everything goes to stderr. No answer
    is preselected; Enter alone, Ctrl-C and Ctrl-D mean no, and either answer is kept.

    Args:
        telemetry: whose consent it is.
        notice: what they are told.
        interactive: False where the person asked not to be asked (`--yes`); by default, whether
            stdin and stderr are a terminal.
    """
    if interactive is None:
        interactive = _is_terminal(sys.stdin) and _is_terminal(sys.stderr)
    decision = telemetry.decision()
    if not interactive or decision.cause not in ("no-consent", "notice-grown"):
        return decision.on
    if telemetry.folder is None:
        return False
    _tell(telemetry, notice)
    try:
        agreed = confirm("Share anonymous usage data?")
    except click.Abort:
        click.echo(err=True)
        agreed = False
    try:
        if agreed:
            telemetry.turn_on()
        else:
            telemetry.turn_off()
    except OSError as error:
        click.echo(f"Could not keep your answer ({error.strerror}); it stays off.", err=True)
        return False
    again = f"{telemetry.name} telemetry {'off' if agreed else 'on'}"
    click.echo(f"{'Thank you' if agreed else 'It stays off'}. To change it: {again}\n", err=True)
    return agreed


def confirm(question: str) -> bool:
    """Ask on stderr, and read the answer from stdin: True for y or yes, False for n, no or Enter.

    As `click.confirm`, but no Ctrl-C is lost.

    Raises:
        click.Abort: Ctrl-C or Ctrl-D.
    """
    try:
        while True:
            click.echo(f"{question} [y/N]: ", nl=False, err=True)
            _wait_for_a_line()
            said = click.prompt("", default="", prompt_suffix="", show_default=False, err=True)
            if said.strip().lower() in ("y", "yes", "n", "no", ""):
                return said.strip().lower().startswith("y")
            click.echo("Please answer y or n.", err=True)
    except KeyboardInterrupt:
        raise click.Abort from None


def telemetry_group(telemetry: Application) -> click.Group:
    """The commands by which a person sees and controls an application's telemetry."""
    return click.Group(
        "telemetry",
        commands=[_status, _show, _schema, _on, _off, _reset],
        help="See what is recorded, turn it on or off.",
        context_settings={"obj": telemetry},
    )


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def _status(telemetry: Application, *, as_json: bool) -> None:
    """Say whether it is on, why, and what waits."""
    told = report.report(telemetry)
    if as_json:
        click.echo(json.dumps(report.as_json(told), indent=2))
    else:
        click.echo(words.status(told, telemetry.clock()))


@click.command("show")
@click.option("--json", "as_json", is_flag=True, help="The JSON that would stand on the wire.")
@click.pass_obj
def _show(telemetry: Application, *, as_json: bool) -> None:
    """Print the events that wait, as they would be sent."""
    found = report.waiting(telemetry)
    if as_json:
        click.echo(json.dumps(_envelopes(telemetry, found), indent=2))
    else:
        click.echo(words.table(found))


@click.command("schema")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def _schema(telemetry: Application, *, as_json: bool) -> None:
    """Print every event and field that can ever be recorded."""
    events = telemetry.events.values()
    if as_json:
        click.echo(json.dumps(describe.as_json(events), indent=2))
    else:
        click.echo(describe.markdown(events).rstrip())


@click.command("on")
@click.pass_obj
def _on(telemetry: Application) -> None:
    """Turn it on, with a new anonymous id."""
    _change(telemetry.turn_on)
    decision = telemetry.decision()
    click.echo("Telemetry is on.")
    if not decision.on:
        click.echo(f"But it stays silent here: {decision.reason}.", err=True)


@click.command("off")
@click.pass_obj
def _off(telemetry: Application) -> None:
    """Turn it off; delete what waits and the anonymous id."""
    deleted = _change(telemetry.turn_off)
    click.echo(f"Telemetry is off. Deleted: {words.events(deleted)} and the anonymous id.")


@click.command("reset")
@click.pass_obj
def _reset(telemetry: Application) -> None:
    """Make a new anonymous id; delete what waits."""
    deleted = _change(telemetry.reset)
    renewed = report.report(telemetry).anonymous_id is not None
    said = "The anonymous id is a new one." if renewed else "It is off: there is no anonymous id."
    click.echo(f"Deleted: {words.events(deleted)}. {said}")


def _tell(telemetry: Application, notice: Notice) -> None:
    name = telemetry.name
    click.echo(
        f"\n{click.style('Anonymous usage data', bold=True)}\n"
        f"  Collected:  {notice.collected}\n"
        f"  Never:      {notice.never}\n"
        f"  Where:      {notice.where}\n"
        f"  See it:     {name} telemetry show\n"
        f"  Turn off:   {name} telemetry off; {telemetry.prefix}_TELEMETRY=0; DO_NOT_TRACK=1\n"
        f"  More:       {notice.more}\n",
        err=True,
    )


def _wait_for_a_line() -> None:
    """Return once a line was typed; on Windows and where nobody types, at once.

    A signal that comes after Python last looked and before it reads is only noted: the read then
    waits for a line, and Ctrl-C does nothing until Enter. So do not read before there is a line.
    """
    try:
        while _is_terminal(sys.stdin) and not select.select([sys.stdin], [], [], _LOOK)[0]:
            pass
    except (OSError, ValueError):  # Windows, which can wait for sockets only
        return


def _is_terminal(stream: TextIO | None) -> bool:
    """Is a person there? Not where the shell gave us no stream, or somebody has closed it."""
    return stream is not None and not stream.closed and stream.isatty()


def _change(change: Callable[[], Answer]) -> Answer:
    try:
        return change()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror}. Nothing was changed.") from error
    except AfterwordError as error:
        raise click.ClickException(str(error)) from error


def _envelopes(telemetry: Application, found: Waiting) -> list[object]:
    from afterword.upload.jobs import make_exporter

    if not found.records:
        return []
    try:
        exporter = make_exporter(telemetry)
    except AfterwordError as error:
        raise click.ClickException(str(error)) from error
    return list(exporter.render(found.records))
