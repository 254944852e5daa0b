"""One tool written with each framework, with telemetry or without: the same words and endings."""

CLICK = '''
import os, signal, sys, time
import click
{imports}

class Group(click.Group):
    """With aliases, as click's documentation shows them."""
    def get_command(self, ctx, name):
        return super().get_command(ctx, {{"rm": "remove"}}.get(name, name))

@click.group()
def cli(): pass

@cli.group(cls=Group)
@click.option("--where", default="here")
def remote(where): pass

@remote.command()
@click.argument("name", default="")
@click.option("--force/--no-force", "-f", default=False)
@click.option("--token", envvar="TOKEN", default="")
def add(name, force, token): click.echo("added")

@remote.command()
def remove(): click.echo("removed")

@cli.command()
def fails(): raise click.ClickException("it went wrong")

@cli.command()
def raises(): raise LookupError("a secret")

@cli.command()
def exits(): sys.exit(3)

@cli.command()
def says(): sys.exit("some text")

@cli.command()
@click.pass_context
def leaves(ctx): ctx.exit(4)

@cli.command()
def aborts(): raise click.Abort

@cli.command()
def interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)

@cli.command()
def lines():
    for number in range(10): click.echo(number)

@cli.command()
def prints(): print("one line")

@cli.command()
def terminated(): os.kill(os.getpid(), signal.SIGTERM)

{telemetry}
{plugin}
if __name__ == "__main__": cli()
'''

TYPER = """
import os, signal, sys, time
import typer
{imports}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
remote = typer.Typer()
app.add_typer(remote, name="remote")
{telemetry}

@remote.callback()
def _remote(where: str = "here"): pass

@remote.command()
def add(name: str = typer.Argument(""), force: bool = typer.Option(False, "--force", "-f"),
        token: str = typer.Option("", envvar="TOKEN")):
    typer.echo("added")

@remote.command("remove")
@remote.command("rm", hidden=True)
def remove(): typer.echo("removed")

@app.command()
def fails():
    typer.echo("Error: it went wrong", err=True)
    raise typer.Exit(1)

@app.command()
def raises(): raise LookupError("a secret")

@app.command()
def exits(): sys.exit(3)

@app.command()
def says(): sys.exit("some text")

@app.command()
def leaves(): raise typer.Exit(4)

@app.command()
def aborts(): raise typer.Abort

@app.command()
def interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)

@app.command()
def lines():
    for number in range(10): typer.echo(number)

@app.command()
def prints(): print("one line")

@app.command()
def terminated(): os.kill(os.getpid(), signal.SIGTERM)

{plugin}
if __name__ == "__main__": app()
"""

ARGPARSE = """
import argparse, os, signal, sys, time
{imports}
parser = argparse.ArgumentParser("tool")
{telemetry}
commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
remote = commands.add_parser("remote")
remote.add_argument("--where", default="here")
inner = remote.add_subparsers(dest="inner", required=True)
add = inner.add_parser("add")
add.add_argument("name", nargs="?")
add.add_argument("--force", "-f", action="store_true")
inner.add_parser("remove", aliases=["rm"])
for name in ("fails", "raises", "exits", "says", "leaves", "aborts", "interrupted", "lines",
             "prints", "terminated"):
    commands.add_parser(name)
{plugin}

def main(said):
    command = said.command
    if hasattr(said, "func"): said.func()
    if command == "remote": print("added" if said.inner == "add" else "removed")
    if command == "fails":
        print("Error: it went wrong", file=sys.stderr)
        return 1
    if command == "exits": sys.exit(3)
    if command == "says": sys.exit("some text")
    if command == "leaves": return 4
    if command == "aborts": parser.error("that does not go together")
    if command == "interrupted":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    if command == "lines":
        for number in range(10): print(number, flush=True)
    if command == "prints": print("one line")
    if command == "terminated": os.kill(os.getpid(), signal.SIGTERM)
    if command == "raises": raise LookupError("a secret")

def begin(): return main(parser.parse_args())
if __name__ == "__main__": sys.exit({call})
"""

IMPORTS = "import afterword"
TELEMETRY = """
telemetry = afterword.Telemetry(
    "tool", version="1.0", uploader=(),
    connection_string="InstrumentationKey=00000000-0000-4000-8000-000000000001;"
    "IngestionEndpoint=https://tool.example",
    notice=afterword.Notice(where="WHERE", more="MORE"),
)
telemetry.{framework}({root}{more})
"""
MORE = """, errors=(LookupError,), fields=("options", "agent", "install", "os_version", "python",
                      "terminal")"""
PLUGIN = {
    "click": "import plug\ncli.add_command(plug.plugin)\ncli.add_command(plug.internal)",
    "typer": "import plug\napp.command('plugin')(plug.plugin)\n"
    "app.add_typer(plug.inner, name='internal')",
    "argparse": "import plug\nplug.add(commands)",
}
PLUGINS = {
    "click": """
import click
@click.command()
def plugin(): click.echo('plugged')
internal = click.Group('internal', commands=[plugin])
""",
    "typer": """
import typer
def plugin(): print('plugged')
inner = typer.Typer()
inner.command()(plugin)
inner.command()(lambda: None)
""",
    "argparse": """
def plug(): print('plugged')
def add(commands):
    commands.add_parser('plugin').set_defaults(func=plug)
    below = commands.add_parser('internal').add_subparsers()
    below.add_parser('plugin').set_defaults(func=plug)
""",
}
ROOTS = {"click": "cli", "typer": "app", "argparse": "parser"}
SOURCES = {"click": CLICK, "typer": TYPER, "argparse": ARGPARSE}


def source(
    framework: str, *, with_telemetry: bool = True, more: bool = True, plugin: bool = True
) -> str:
    """The tool's one file; `more`: with all that can be added to an event."""
    added = MORE if more else ""
    telemetry = TELEMETRY.format(framework=framework, root=ROOTS[framework], more=added)
    return SOURCES[framework].format(
        imports=IMPORTS if with_telemetry else "",
        telemetry=telemetry if with_telemetry else "\n" * telemetry.count("\n"),
        call="telemetry.run(begin)" if with_telemetry else "begin()",
        plugin=PLUGIN[framework] if plugin else "",
    )
