"""`atomic run`, used many times a day: done without click, as long as nothing goes wrong.

What is not understood here, and an agent that is not installed, is for `commands.run`.
"""

import os
import sys

from atomic.names import PROGRAMS
from atomic.telemetry import telemetry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

CANNOT_BE_RUN = 126  # as a shell says it
_AGENT = ("-a", "--agent")


def understood(arguments: "Sequence[str]") -> "tuple[str, list[str], bool] | None":
    """The agent, its arguments, and whether `--here` was said; None if click is to look at it.

    The plain forms alone: `run [--here] AGENT [--] ARGS...` and `-a AGENT [-- ARGS...]`.
    """
    words = list(arguments)
    if words[:1] == ["run"]:
        here = words[1:2] == ["--here"]
        words = words[2:] if here else words[1:]
        agent, rest = (words[0], words[1:]) if words else ("", [])
        if rest[:1] == ["--"]:
            rest = rest[1:]
    else:
        here, first = False, words[0]
        if first in _AGENT:
            agent, rest = (words[1], words[2:]) if len(words) > 1 else ("", [])
        elif first.startswith("--agent="):
            agent, rest = first.removeprefix("--agent="), words[1:]
        else:
            agent, rest = first.removeprefix("-a"), words[1:]
        if rest and rest[0] != "--":
            return None
        rest = rest[1:]
    return (agent, rest, here) if agent in PROGRAMS else None


def program_of(agent: str) -> str | None:
    """The full path of the agent's program; None if it is not installed."""
    name = PROGRAMS[agent][1]
    if sys.platform == "win32":
        import shutil

        return shutil.which(name)
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def go_to_project(*, here: bool) -> str | None:
    """Change to the root of the project if we are in a subfolder of it; return that root.

    An agent looks for commands and hooks where it is started.
    """
    from atomic.install.root import FOLDER, candidates

    place = os.getcwd()
    if here or os.path.isdir(FOLDER):
        return None
    root = candidates(place, os.path.realpath(os.path.expanduser("~")))[0]
    if root == place or not os.path.isdir(os.path.join(root, FOLDER)):
        return None
    os.chdir(root)
    os.environ["PWD"] = root  # for shells and programs that believe it
    return root


def run(agent: str, program: str, arguments: "Sequence[str]") -> None:
    """Run the agent, and record that; return if it ended with 0.

    Raises:
        SystemExit: it ended with another code.
        KilledError: a signal ended it.
        Failure: it could not be started.
    """
    used = telemetry()
    decision = used.decision()
    command = [PROGRAMS[agent][1], *arguments]
    if not (decision.on or decision.log):
        # With nothing to be recorded there is nothing to stay for.
        _start(_take_place, program, command)
    with used.command("atomic_command", source="cli", command="run", agent_type=agent):
        from atomic import slash
        from atomic.running import run_and_wait

        commands = slash.of_arguments(agent, arguments)
        if commands:
            from atomic.events import MOST_COMMANDS

            used.record(
                "cli_command",
                source="cli",
                agent_type=agent,
                commands=commands[:MOST_COMMANDS],
                command_count=len(commands),
            )
        _start(run_and_wait, program, command)


def end_as(ending: SystemExit) -> "NoReturn":
    """End as the program did that was run: with its code, or by its signal."""
    from atomic.running import KilledError, end_by

    if isinstance(ending, KilledError):
        telemetry().start_upload()  # at an exit like this nothing does it for us
        end_by(ending.number)
    raise ending


def _start(
    start: "Callable[[str, Sequence[str]], None]", program: str, command: "Sequence[str]"
) -> None:
    try:
        start(program, command)
    except OSError as error:
        from atomic.screen import Failure

        why = f"{program} cannot be run: {error.strerror}."
        raise Failure(why, code=CANNOT_BE_RUN) from error


def _take_place(program: str, arguments: "Sequence[str]") -> "NoReturn":
    """Become the program; on Windows, which has no `exec`, wait for it.

    Raises:
        OSError: it could not be started.
    """
    if sys.platform == "win32":
        from atomic.running import run_and_wait

        run_and_wait(program, arguments)
        sys.exit(0)
    else:
        import _signal  # type: ignore[import-not-found]  # `signal` would import `enum`

        # Python ignores these from its start on, and what is ignored is inherited.
        for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
            _signal.signal(number, _signal.SIG_DFL)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(program, list(arguments))  # noqa: S606  # on purpose no shell


def words_of(root: str) -> str:
    """The line that says where the agent is started."""
    home = os.path.expanduser("~")
    short = "~" + root[len(home) :] if root.startswith(home + os.sep) else root
    return f"Project: {short} (--here stays in this folder)\n"
