"""The `afterword-sink` command."""

import os
import sys

from afterword_sink.cli import main as command


def main() -> None:
    """Run the command; exit status 1 if its output cannot be written."""
    try:
        command(prog_name="afterword-sink")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the last flush of stdout succeeds
        sys.exit(f"afterword-sink: {where}{error.strerror}")


if __name__ == "__main__":
    main()
