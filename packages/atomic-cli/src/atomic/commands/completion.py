"""`atomic completion`: the script with which a shell completes `atomic` commands."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_ATOMIC_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Put its output where your shell looks for it:
      bash  ~/.local/share/bash-completion/completions/atomic
      zsh   a folder of your $fpath, as _atomic
      fish  ~/.config/fish/completions/atomic.fish
    """  # noqa: D301  # \b is click's own mark
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  # one of the three
    click.echo(kind(ctx.find_root().command, {}, "atomic", VARIABLE).source())
