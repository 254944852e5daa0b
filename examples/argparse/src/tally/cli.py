"""The commands, and the parser that reads them."""

import argparse
import sys

from .telemetry import telemetry


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser("tally")
    commands = parser.add_subparsers(dest="command", required=True)
    lines = commands.add_parser("lines", aliases=["l"], help="count the lines of files")
    lines.add_argument("file", nargs="+")
    commands.add_parser("words", help="count the words of standard input")
    telemetry.argparse(parser)
    return telemetry.run(lambda: count(parser.parse_args()))


def count(args: argparse.Namespace) -> int:
    """Count, and print the number."""
    if args.command == "words":
        print(len(sys.stdin.read().split()))
        return 0
    found = 0
    for name in args.file:
        try:
            with open(name, "rb") as file:
                found += sum(1 for _ in file)
        except OSError as error:
            print(f"tally: {name}: {error.strerror}", file=sys.stderr)
            return 1
    print(found)
    telemetry.record("counted", lines=found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
