"""The `afterword` command."""

import sys


def main() -> None:
    """Run the command; exit status 1 where an extra is missing."""
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


if __name__ == "__main__":
    main()
