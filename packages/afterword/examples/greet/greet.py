"""A command-line tool with telemetry, whole: `greet hello`, `greet telemetry on`."""

import argparse
import sys

from afterword import Event, Flag, OneOf, Telemetry

telemetry = Telemetry(
    "greet",
    version="1.0.0",
    events=[Event("greeting", word=OneOf("hello", "goodbye"), success=Flag())],
    # Your Application Insights resource; GREET_TELEMETRY_CONNECTION_STRING overrides it.
    connection_string=None,
)


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="greet")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("hello")
    commands.add_parser("goodbye")
    commands.add_parser("telemetry").add_argument("switch", choices=["on", "off", "upload"])
    args = parser.parse_args()

    if args.command == "telemetry":
        switches = {
            "on": telemetry.turn_on,
            "off": telemetry.turn_off,
            "upload": telemetry.upload,
        }
        switches[args.switch]()
        return 0
    with telemetry.command("greeting", word=args.command):
        print(f"{args.command}, world")
    return 0


if __name__ == "__main__":
    sys.exit(main())
