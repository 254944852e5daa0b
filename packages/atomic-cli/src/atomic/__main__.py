"""Where `atomic` starts. What must be quick is decided here, before anything is imported for it."""

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
    elif first in ("-v", "--version"):
        from atomic import __version__

        sys.stdout.write(f"atomic {__version__}\n")
    else:
        from atomic.cli import main as run_command

        run_command()


if __name__ == "__main__":
    main()
