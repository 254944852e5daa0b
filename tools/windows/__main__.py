"""Set the machine up, run the tests in it, say what was not run there and why."""

import argparse
import os
import sys

from .machine import Machine
from .wine import NoWineError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIME_LIMIT = 1500.0
"""Seconds for all tests together. Then what still runs is ended, and the run has failed."""

PATIENT = "--timeout=240"
"""For each test: Wine starts a process in half a second, and one late test ends them all."""

TESTS = ("packages/afterword/tests", "packages/afterword-sink/tests", "packages/atomic-cli/tests")


def main() -> int:
    """Run it; the exit code is pytest's, 0 where Wine is missing and `--must` was not given."""
    parser = argparse.ArgumentParser(prog="python -m tools.windows", description=__doc__)
    parser.add_argument("--cache", default=os.path.join(ROOT, ".cache", "windows"))
    parser.add_argument("--must", action="store_true", help="fail where Wine is missing")
    parser.add_argument("--python", action="store_true", help="run Python with the arguments")
    parser.add_argument("arguments", nargs="*", help="for pytest, after `--`; all tests if none")
    options = parser.parse_args()
    try:
        machine = Machine(options.cache, ROOT)
    except NoWineError as reason:
        print(f"not run on Windows: {reason}")
        return 1 if options.must else 0
    os.chdir(ROOT)
    arguments = options.arguments
    if not options.python:
        arguments = [
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            PATIENT,
            *(arguments or [*TESTS, "-q"]),
        ]
    try:
        machine.prepare()
        return machine.python(arguments, seconds=TIME_LIMIT)[0]
    finally:
        machine.wine.end()


if __name__ == "__main__":
    sys.exit(main())
