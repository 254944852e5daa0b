"""The `afterword` command."""

import os
import sys


def main() -> None:
    """Run the command; exit status 1 where an extra is missing, or its output has no room."""
    try:
        from afterword.sink.cli import afterword

        afterword()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "afterword":
            raise  # ours: a mistake, not a missing extra
        sys.exit(
            f"afterword: the Python package '{error.name}' is missing; "
            "install what this command needs with: pip install 'afterword[sink]'"
        )
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the last flush of stdout succeeds
        sys.exit(f"afterword: {where}{error.strerror}")


if __name__ == "__main__":
    main()
