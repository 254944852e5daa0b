"""Write what `atomic` has ready-made: help, completion scripts, what can be completed, text hashes.

`make docs` calls it; the tests compare each with what click and the workflows say.
"""

import os
from collections.abc import Iterator

import click
from click.shell_completion import get_completion_class

from atomic.agents import AGENTS, installation
from atomic.cli import atomic, help_text
from atomic.completing import SHELLS, TABLE, VARIABLE
from atomic.install.adoption import TEXTS, texts
from atomic.install.manifest import digest

READY = os.path.dirname(TABLE)


def table(
    command: click.Command = atomic, path: str = "", parent: click.Context | None = None
) -> Iterator[str]:
    """The lines of `complete.txt`: what may follow each command."""
    settings = command.context_settings
    with click.Context(command, info_name=command.name, parent=parent, **settings) as ctx:
        options = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
        for option in (one for one in options if not one.hidden):
            takes = "flag" if option.is_flag or option.is_eager else "value"
            takes += "s" * option.multiple
            help_ = " ".join((option.help or "").split())
            yield "\t".join([path, "option", " ".join(option.opts), takes, _choices(option), help_])
        for argument in command.params:
            if isinstance(argument, click.Argument):
                yield "\t".join([path, "argument", _choices(argument)])
        if isinstance(command, click.Group):
            for name in command.list_commands(ctx):
                inner = command.get_command(ctx, name)
                assert inner is not None  # noqa: S101  # it is in the list
                yield f"{path}\tcommand\t{name}\t{inner.get_short_help_str()}"
                yield from table(inner, f"{path} {name}".strip(), ctx)


def script(shell: str) -> str:
    """The completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  # one of the three
    return f"{kind(atomic, {}, 'atomic', VARIABLE).source()}\n"


def _choices(param: click.Parameter) -> str:
    return " ".join(param.type.choices) if isinstance(param.type, click.Choice) else ""


def main() -> None:
    """Write all of it."""
    _write("help.txt", help_text())
    _write("complete.txt", "".join(f"{line}\n" for line in table()))
    for shell in SHELLS:
        _write(f"atomic.{shell}", script(shell))
    known = texts()  # lines are only added: older versions' files are known by them
    for path, text in installation(AGENTS).files.items():
        known.setdefault(path, set()).add(digest(text.encode()))
    with open(TEXTS, "w", encoding="ascii", newline="\n") as file:
        for path in sorted(known):
            file.writelines(f"{sha256} {path}\n" for sha256 in sorted(known[path]))


def _write(name: str, text: str) -> None:
    with open(os.path.join(READY, name), "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


if __name__ == "__main__":
    main()
