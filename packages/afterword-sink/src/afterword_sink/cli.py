"""The commands `afterword-sink serve` and `afterword-sink query`."""

import ipaddress
import json
import os
import shutil
import sys
from typing import Any

import click

from afterword_sink import show
from afterword_sink.client import SinkClient, SinkError, endpoint_of, unpacked

ENVIRONMENT = "AFTERWORD_SINK"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="afterword-sink")
def main() -> None:
    """A local Application Insights for development and tests."""


def _explain_faults(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from afterword_sink.faults import GRAMMAR

        click.echo(GRAMMAR, nl=False)
        context.exit()


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise click.BadParameter(f"'{value}' is no IP address") from None


@main.command()
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    help="The port; 0 (the default): any free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    metavar="ADDRESS",
    callback=_address,
    help="The IP address to listen on (default: 127.0.0.1). On any but loopback, everybody who "
    "reaches it can read, write and delete.",
)
@click.option(
    "--tls",
    metavar="FOLDER",
    help="Speak https, with a certificate in this folder. It is made if it is missing; "
    "clients trust it by the folder's ca.pem. Needs afterword-sink[tls].",
)
@click.option(
    "--log-requests/--no-log-requests",
    default=None,
    help="Print each request to stderr (default: if that is a terminal).",
)
@click.option(
    "--database",
    default=":memory:",
    metavar="FILE",
    help="Keep the events in a DuckDB file: what was answered with success is in it, even after "
    "kill -9. Without it they are gone when the sink ends.",
)
@click.option(
    "--any-age",
    is_flag=True,
    help="Take items that are older than 48 hours, which the service refuses.",
)
@click.option(
    "--memory",
    default="2GB",
    metavar="SIZE",
    help="Memory for tables and queries. Beyond it events are answered 503 (default: 2GB).",
)
@click.option(
    "--query-seconds",
    default=60.0,
    type=click.FloatRange(0, min_open=True),
    help="How long a query may take (default: 60).",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let web pages of this origin send events, for example http://localhost:3000; "
    "may be given again. '*' is every page.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name that the sink is called by, besides localhost and IP addresses.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="Fail, for example '500 times=2'. May be given again. --explain-faults has all of it.",
)
@click.option("--seed", default=0, metavar="N", help="The seed of faults that happen by chance.")
@click.option(
    "--explain-faults",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_explain_faults,
    help="Show how faults are written, and exit.",
)
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
def serve(
    *,
    port: int,
    host: str,
    tls: str | None,
    log_requests: bool | None,
    database: str,
    any_age: bool,
    memory: str,
    query_seconds: float,
    origins: tuple[str, ...],
    hosts: tuple[str, ...],
    faults: tuple[str, ...],
    seed: int,
    until_stdin_closes: bool,
) -> None:
    """Run a local Application Insights on 127.0.0.1.

    The first line of output is its connection string. Ctrl-C ends it.
    """
    # Heavy; `query` does without.
    from afterword_sink import grammar, listener, questions, server, store

    try:
        server.run(
            server.Options(
                listener=listener.Listener(host=host, port=port, tls=tls, names=list(hosts)),
                log_requests=sys.stderr.isatty() if log_requests is None else log_requests,
                hosts=hosts,
                origins=origins,
                database=database,
                any_age=any_age,
                memory=memory,
                limits=questions.Limits(seconds=query_seconds),
                faults=[fault for script in faults for fault in grammar.parse(script)],
                seed=seed,
                until_stdin_closes=until_stdin_closes,
            )
        )
    except (
        grammar.FaultSyntaxError,
        listener.PortTakenError,
        listener.MissingTlsError,
        store.DatabaseError,
    ) as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("question", metavar="KQL")
@click.option(
    "--endpoint",
    metavar="URL",
    envvar=ENVIRONMENT,
    show_envvar=True,
    help="A running sink: its URL or its connection string.",
)
@click.option("--database", metavar="FILE", help="A database file of a sink that no longer runs.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    help="How the answer is printed (default: table).",
)
@click.option(
    "--chart/--no-chart",
    default=None,
    help="Draw a bar beside each row of a table of names and numbers (default: in a terminal).",
)
def query(
    question: str, endpoint: str | None, database: str | None, *, form: str, chart: bool | None
) -> None:
    """Ask a sink a question in KQL.

    \b
    afterword-sink query 'customEvents | summarize count() by name'
    afterword-sink query commands.kql --format csv
    echo 'customEvents | count' | afterword-sink query -

    The question is KQL, a file whose name ends in .kql, or - for standard input.
    """  # noqa: D301  # \b is click's own mark
    try:
        kql = _read(question)
        if database is not None:
            columns, rows = _ask_file(database, kql)
        elif endpoint is not None:
            columns, rows = SinkClient(endpoint_of(endpoint)).ask(kql)
        else:
            raise click.UsageError(
                f"which sink? Give --endpoint, or put its connection string into {ENVIRONMENT}, "
                "or give --database for a file"
            )
    except (SinkError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if form == "json":
        text = show.as_json(columns, rows)
    elif form == "csv":
        text = show.as_csv(columns, rows)
    else:
        drawn = sys.stdout.isatty() if chart is None else chart
        width = shutil.get_terminal_size().columns if drawn else 0
        text = show.as_table(columns, rows, width=width, blocks=_has_blocks())
    click.echo(text, nl=False)


def _read(question: str) -> str:
    """The query: the argument itself, or the contents of the file that it names.

    Raises:
        ValueError: The file cannot be read.
    """
    if question == "-":
        return sys.stdin.read()
    if not question.endswith(".kql"):
        return question
    try:
        with open(question, encoding="utf-8-sig") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{question}: {getattr(error, 'strerror', None) or error}") from error


def _has_blocks() -> bool:
    """Whether the output's encoding has the characters for bars."""
    try:
        "█▏".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _ask_file(path: str, question: str) -> tuple[list[str], list[list[Any]]]:
    from afterword_sink import kql, server, store  # heavy; not always needed

    if not os.path.isfile(path):
        raise ValueError(f"{path}: no such file")
    try:
        tables = store.Store(path, server.APP_ID, read_only=True)
    except store.DatabaseError as error:
        raise ValueError(str(error)) from error
    try:
        with tables.reading() as connection:
            answer = kql.ask(connection, kql.Question(question))
    except kql.QueryError as error:
        raise ValueError(error.detail) from error
    finally:
        tables.close()
    return unpacked(json.loads(b"".join(answer.reply())))
