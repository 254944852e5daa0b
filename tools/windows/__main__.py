"""Set the machine up, run the tests in it, say what was not run there and why."""

import argparse
import os
import sys
import time

from .machine import Machine
from .wine import NoWineError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIME_LIMIT = 2400.0
"""Seconds for all tests together. Then what still runs is ended, and the run has failed."""

_SOME_FAILED = 1  # pytest's exit code

PYTEST = ("-m", "pytest", "-o", r"cache_dir=C:\pytest-cache", "--timeout=240")
"""Wine starts a process in half a second, and a test that is too late ends the whole run."""

TESTS = (
    "packages/afterword/tests",
    "--ignore-glob=*/reliability/test_[!s]*",
    "--ignore-glob=*/reliability/test_s[!t]*",
    "--ignore=packages/afterword/tests/installs",
    "--ignore=packages/afterword/tests/exporters",
    "packages/afterword-sink/tests/test_ingestion.py",
    "packages/atomic-cli/tests/test_windows_atomic.py",
    "packages/atomic-cli/tests/test_jsonedit.py",
    "packages/atomic-cli/tests/test_slash.py",
)
"""What runs there. docs/platforms.md says what does not, and why."""


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
    try:
        machine.prepare()
        if options.python:
            return machine.python(options.arguments, seconds=TIME_LIMIT)[0]
        return _test(machine, [*PYTEST, *(options.arguments or [*TESTS, "-q", "-n", "2"])])
    finally:
        machine.wine.end()


def _test(machine: Machine, command: list[str]) -> int:
    """Run pytest; what failed once more, alone: a busy machine makes waits too short under Wine."""
    began = time.monotonic()
    code = machine.python(command, seconds=TIME_LIMIT)[0]
    left = TIME_LIMIT - (time.monotonic() - began)
    if code == _SOME_FAILED and left > 0:
        print("\nOnce more, one after another, what failed:", flush=True)
        code = machine.python([*command, "--last-failed", "-n", "0"], seconds=left)[0]
    return code


if __name__ == "__main__":
    sys.exit(main())
