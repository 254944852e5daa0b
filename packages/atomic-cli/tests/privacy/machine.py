"""Runs `atomic` many times quickly, for the canary test: forks once for each command line.

Reads a JSON object a line on stdin (`arguments`, `stdin`, `environment`, `cwd`), forks, becomes
that command, and answers its exit status. Importing once and forking saves 60 ms a command; what
runs in the child is all of `atomic`, from its entry point on. Single-threaded: forking is safe.
"""

import json
import os
import sys
import tempfile

import atomic.__main__
import atomic.cli
import atomic.commands.init
import atomic.commands.run
import atomic.hook
import atomic.sessions
import atomic.slash


def become(call: dict[str, object]) -> None:
    """Be this command, to its end."""
    with tempfile.TemporaryFile() as stdin:
        stdin.write(str(call["stdin"]).encode("utf-8", "surrogatepass"))
        stdin.seek(0)
        os.dup2(stdin.fileno(), 0)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # for the rest of this process
    variables, arguments = call["environment"], call["arguments"]
    assert isinstance(variables, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(str(call["cwd"]))
    sys.argv = ["atomic", *arguments]
    atomic.__main__.main()


def main() -> None:
    """Serve until stdin ends."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            become(json.loads(line))
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
