"""Where `atomic` starts. What must be quick is decided here, before anything is imported for it."""

import os
import sys


def main() -> None:
    """Do what the command line says."""
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else ""
    if first == "--upload-telemetry":
        from atomic.telemetry import telemetry

        telemetry().run_uploader()
    elif first == "hook":
        from atomic.hook import run

        run(arguments[1:])
    elif "_ATOMIC_COMPLETE" in os.environ:  # a shell asks click how to complete
        _run_command()
    elif first in ("-v", "--version"):
        from atomic import __version__

        sys.stdout.write(f"atomic {__version__}\n")
    elif arguments in ([], ["-h"], ["--help"]) and _is_wide():
        with open(os.path.join(os.path.dirname(__file__), "help.txt"), encoding="ascii") as file:
            sys.stdout.write(file.read())
    else:
        _run_command()


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
