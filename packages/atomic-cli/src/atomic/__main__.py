"""Where `atomic` starts. What must be quick is handled here, before anything else is imported."""

import os
import sys


def main() -> None:
    """Run the command line."""
    if getattr(sys, "frozen", False):
        _give_back_environment()
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_what_is_closed()
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else ""
    if "_ATOMIC_COMPLETE" in os.environ and first not in ("hook", "--upload-telemetry"):
        quickly = _complete
    elif first.startswith(("-a", "--agent")):
        quickly = _launch
    else:
        quickly = _QUICK.get(first, _not_quickly)
    if not quickly(arguments):
        from atomic.cli import main as run_command

        run_command()


def _not_quickly(arguments: list[str]) -> bool:  # noqa: ARG001  # as all of these
    return False


def _upload(arguments: list[str]) -> bool:  # noqa: ARG001  # as all of these
    from atomic.telemetry import telemetry

    telemetry().run_uploader()


def _hook(arguments: list[str]) -> bool:
    from atomic.hook import run

    run(arguments[1:])


def _complete(arguments: list[str]) -> bool:  # noqa: ARG001  # as all of these
    """Complete a command line for a shell; False if click has to do it."""
    from atomic.completing import answer

    said = answer(os.environ)
    if said is not None:
        _print(said)
    return said is not None


def _version(arguments: list[str]) -> bool:  # noqa: ARG001  # as all of these
    from atomic import __version__

    _print(f"atomic {__version__}\n")
    return True


def _help(arguments: list[str]) -> bool:
    if len(arguments) > 1 or not _is_wide():
        return False
    _print(_ready("help.txt"))
    return True


def _completion(arguments: list[str]) -> bool:
    if arguments[1:] not in (["bash"], ["zsh"], ["fish"]):
        return False
    _print(_ready(f"atomic.{arguments[1]}"))
    return True


def _telemetry(arguments: list[str]) -> bool:
    """Run `atomic telemetry VERB`, and exit; False if there is more, or no verb."""
    from afterword.integrations.verbs import VERBS, run_verb
    from atomic.telemetry import telemetry

    verb = arguments[1] if len(arguments) == 2 else ""  # noqa: PLR2004  # no options
    if verb not in VERBS:
        return False
    try:
        sys.exit(run_verb(telemetry(), verb))
    except Exception as error:  # noqa: BLE001  # whatever it was, it is told and ends with 1
        from atomic.cli import end_by_error

        end_by_error(error)


def _launch(arguments: list[str]) -> bool:
    """Run an agent; False if click is needed to parse the arguments or to report an error."""
    from atomic import launch

    meant = launch.understood(arguments)
    program = launch.program_of(meant[0]) if meant is not None else None
    if meant is None or program is None:
        return False
    agent, given, here = meant
    try:
        root = launch.go_to_project(here=here)
        if root is not None:
            sys.stderr.write(launch.words_of(root))
        launch.run(agent, program, given)
    except SystemExit as ending:
        launch.end_as(ending)
    except Exception as error:  # noqa: BLE001  # whatever it was, it is told and ends with 1
        from atomic.cli import end_by_error

        end_by_error(error)
    return True


def _ready(name: str) -> str:
    """A text that `make docs` wrote in advance; the tests compare it with click's."""
    path = os.path.join(os.path.dirname(__file__), "ready", name)
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read()


def _give_back_environment() -> None:
    """Remove PyInstaller's own variables from the environment, since children are other programs.

    Without it an agent would load our libraries (https://pyinstaller.org, "LD_LIBRARY_PATH").
    """
    variables = os.environ
    for name in [name for name in variables if name.startswith("_PYI_")]:
        del variables[name]
    for name in ("LD_LIBRARY_PATH", "LIBPATH", "DYLD_LIBRARY_PATH"):
        before = variables.pop(f"{name}_ORIG", None)
        if before is not None:
            variables[name] = before
        elif variables.get(name) == getattr(sys, "_MEIPASS", ""):
            del variables[name]


def _open_what_is_closed() -> None:
    """Put the null device where the shell gave us no stream (`>&-`), so that all can be used."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # as 0, 1, 2
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # for good


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        from atomic.screen import end_by_failed_call

        end_by_failed_call(error)


def _is_wide() -> bool:
    """Is there room for the ready-made help, or none to be asked? Else click makes it narrower."""
    if "COLUMNS" in os.environ:
        return False
    try:
        return os.get_terminal_size(1).columns >= 80  # noqa: PLR2004  # as wide as help.txt
    except OSError:
        return True


_QUICK = {
    "--upload-telemetry": _upload,
    "hook": _hook,
    "-v": _version,
    "--version": _version,
    "": _help,
    "-h": _help,
    "--help": _help,
    "completion": _completion,
    "telemetry": _telemetry,
    "run": _launch,
}
"""What is done without click, by the first word; each says whether it could."""


if __name__ == "__main__":
    main()
