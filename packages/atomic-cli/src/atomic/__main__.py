"""Where `atomic` starts. What must be quick is decided here, before anything is imported for it."""

import os
import sys


def main() -> None:
    """Do what the command line says."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_what_is_closed()
    if getattr(sys, "frozen", False):
        _give_back_environment()
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else ""
    if first == "--upload-telemetry":
        from atomic.telemetry import telemetry

        telemetry().run_uploader()
    elif first == "hook":
        from atomic.hook import run

        run(arguments[1:])
    elif "_ATOMIC_COMPLETE" in os.environ:  # a shell asks how to complete
        from atomic.completing import answer

        said = answer(os.environ)
        _print(said) if said is not None else _run_command()
    elif first in ("-v", "--version"):
        from atomic import __version__

        _print(f"atomic {__version__}\n")
    elif arguments in ([], ["-h"], ["--help"]) and _is_wide():
        _print(_ready("help.txt"))
    elif first == "completion" and arguments[1:] in (["bash"], ["zsh"], ["fish"]):
        _print(_ready(f"atomic.{arguments[1]}"))
    elif not (first == "run" or first.startswith(("-a", "--agent"))) or not _launch(arguments):
        _run_command()


def _launch(arguments: list[str]) -> bool:
    """Run the agent that is meant; False if it takes more to understand that, or to say why not."""
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
    """What is ready-made: written by `make docs`, compared by the tests with what click says."""
    path = os.path.join(os.path.dirname(__file__), "ready", name)
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read()


def _give_back_environment() -> None:
    """Take out of the environment what PyInstaller has put there for us: children are others.

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


def _run_command() -> None:
    from atomic.cli import main as run_command

    run_command()


def _is_wide() -> bool:
    """Is there room for the ready-made help, or none to be asked? Else click makes it narrower."""
    if "COLUMNS" in os.environ:
        return False
    try:
        return os.get_terminal_size(1).columns >= 80  # noqa: PLR2004  # as wide as help.txt
    except OSError:
        return True


if __name__ == "__main__":
    main()
