"""What atomic takes to start, as multiples of `python -c pass`, all in one run (processor time).

Installed from wheels (in the environment that `make binary` has made), and the binary beside it.
One round after the other, every command once in each, so that a busy moment meets all of them.
"""

import argparse
import os
import resource
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(ROOT, ".cache", "binary", "bin")
BINARY = os.path.join(ROOT, "dist", "atomic", "atomic")
COMPLETE = {"_ATOMIC_COMPLETE": "bash_complete", "COMP_WORDS": "atomic un", "COMP_CWORD": "1"}

# What is run, and how many times `python -c pass` it may take.
COMMANDS: tuple[tuple[str, tuple[str, ...], float | None], ...] = (
    ("atomic --version", ("--version",), None),
    ("atomic hook claude", ("hook", "claude"), None),
    ("atomic run claude", ("run", "claude"), 3),
    ("completion (a tab key)", (), 3),
    ("atomic completion bash", ("completion", "bash"), 3),
    ("atomic telemetry status", ("telemetry", "status"), 4),
    ("atomic init --dry-run", ("init", "-a", "claude", "--dry-run"), 5),
)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as base:
        environment = _make(base)
        wheel, python = os.path.join(BIN, "atomic"), os.path.join(BIN, "python")
        runs: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {}
        runs["python -c pass"] = ((python, "-c", "pass"), environment)
        for name, words, _limit in COMMANDS:
            variables = environment | (COMPLETE if not words else {})
            runs[name] = ((wheel, *words), variables)
            runs[f"binary: {name}"] = ((BINARY, *words), variables)
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(rounds):
            for name, (command, variables) in runs.items():
                taken[name].append(_time(command, variables, os.path.join(base, "project")))
    floor = min(taken["python -c pass"])
    print(f"python -c pass: {floor * 1000:.1f} ms of processor time, best of {rounds}\n")
    print(f"{'':<26}{'wheel':>9}{'times':>7}{'at most':>9}{'binary':>10}{'of wheel':>10}")
    for name, _words, limit in COMMANDS:
        of_wheel = min(taken[name])
        of_binary = min(taken[f"binary: {name}"])
        at_most = f"{limit:g}" if limit else ""
        print(
            f"{name:<26}{of_wheel * 1000:>6.1f} ms{of_wheel / floor:>7.2f}{at_most:>9}"
            f"{of_binary * 1000:>7.1f} ms{of_binary / of_wheel:>10.2f}"
        )


def _make(base: str) -> dict[str, str]:
    """A home, a project, an agent; the environment."""
    for folder in ("home", "project", "bin"):
        os.mkdir(os.path.join(base, folder))
    agent = os.path.join(base, "bin", "claude")
    with open(agent, "w", encoding="ascii") as file:
        file.write("#!/bin/true\n")
    os.chmod(agent, 0o755)  # noqa: S103  # a program
    path = os.pathsep.join([os.path.join(base, "bin"), os.environ.get("PATH", os.defpath)])
    return {"HOME": os.path.join(base, "home"), "PATH": path, "ATOMIC_TELEMETRY_UPLOAD": "1"}


def _time(command: tuple[str, ...], environment: dict[str, str], folder: str) -> float:
    """Seconds of processor time: a busy machine stretches those of the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
