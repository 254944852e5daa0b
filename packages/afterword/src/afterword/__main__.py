"""The `afterword` command."""

import sys


def main() -> None:
    """Run the command; exit status 1 where an extra is missing."""
    try:
        from afterword.sink.cli import afterword  # may not be installed
    except ModuleNotFoundError as error:
        sys.exit(
            f"afterword: the Python package '{error.name}' is missing; "
            "install what this command needs with: pip install 'afterword[sink]'"
        )
    afterword()


if __name__ == "__main__":
    main()
