"""Fifty writers and uploaders at will against a sink that fails at random; then the count.

Ends by itself. Exit status 1 if an event was lost (recorded, and neither delivered nor waiting), or
if more came twice than a batch for each kill and each answer that was lost.
"""

import argparse
import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from afterword import Count, Event, Telemetry
from afterword.control.report import waiting
from afterword_sink import LocalSink

# Whole failures, partial ones, lost answers, lies; never a refusal for good, so none may be lost.
LOST_ANSWER = "close after=store chance=0.02"
FAULTS = [
    "500 chance=0.08",
    "429 retry-after=1 chance=0.05",
    "429 retry-after=60 chance=0.02",
    "439 chance=0.03",
    "206 share=0.3 status=503 chance=0.1",
    "206 every=1 status=503,429 chance=0.03",
    "close chance=0.05",
    LOST_ANSWER,
    "hang chance=0.02",
    "cut chance=0.03",
    "headers-then-silence chance=0.01",
    "drip chance=0.01",
    "not-json chance=0.02",
    "malformed-206 how=range chance=0.02",
    "delay=0.5 chance=0.2",
]
WIRES = ("azure", "azure_official", "otlp")
KILLED = 0.3  # of the uploaders
BATCH = 100
AT_ONCE = 4


def main() -> int:
    """Run the soak, or be one of its processes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=300, help="default: five minutes")
    options.add_argument("--writers", type=int, default=50)
    options.add_argument("--wire", choices=WIRES, default=WIRES[0], help="default: azure")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311  # no secret
    options.add_argument("--write", nargs=2, metavar=("WRITER", "UNTIL"), help=argparse.SUPPRESS)
    options.add_argument("--upload", metavar="CONNECTION", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.write:
        write(int(asked.write[0]), float(asked.write[1]), asked.seed)
    elif asked.upload:
        application(asked.upload, asked.wire).run_uploader()
    else:
        return soak(asked.seconds, asked.writers, asked.seed, asked.wire)
    return 0


def application(connection_string: str, wire: str = WIRES[0]) -> Telemetry:
    """The application that all processes of a soak are."""
    event = Event("done", writer=Count(), number=Count())
    return Telemetry(
        "soak",
        version="1.0",
        events=[event],
        connection_string=connection_string,
        exporter=wire if wire == "azure_official" else None,
        uploader=(),
        cap=10**9,
    )


def write(writer: int, until: float, seed: int) -> None:
    """Record now and then, sometimes many at once; print how many at the end."""
    rng = random.Random(seed * 1000 + writer)  # noqa: S311  # to be repeated, not to be secret
    telemetry, number = application("Console=stderr"), 0
    while time.time() < until:
        for _ in range(1 if rng.random() < 0.95 else 30):  # noqa: PLR2004  # a burst, seldom
            telemetry.record("done", writer=writer, number=number)
            number += 1
        time.sleep(rng.random() * 2)
    print(number)


def soak(seconds: float, writers: int, seed: int, wire: str) -> int:
    """Let them loose, wait, count; 1 if an event was lost."""
    print(f"{writers} writers, {seconds:g} seconds, --seed {seed} --wire {wire}", flush=True)
    # Over OTLP which records a partial success rejects is not said, so they are gone for good.
    faults = [fault for fault in FAULTS if wire != "otlp" or not fault.startswith("206")]
    with tempfile.TemporaryDirectory() as home, LocalSink(faults=faults, seed=seed) as sink:
        environment = {"HOME": home, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        telemetry = _as_in(environment, sink, wire)
        telemetry.turn_on()
        until = time.time() + seconds
        writing = [
            start(environment, "--seed", str(seed), "--write", str(number), str(until))
            for number in range(writers)
        ]
        uploader = ("--wire", wire, "--upload", telemetry.connection_string or "")
        rng = random.Random(seed)  # noqa: S311  # to be repeated, not to be secret
        killed = let_uploaders_loose(environment, uploader, sink, until, rng)
        recorded = [int(writer.communicate(timeout=60)[0]) for writer in writing]
        played = sink.stats()["faults"]
        for _ in range(20):  # a cool-down is not for a person who asks
            sink.clear_faults()
            telemetry.upload()
            if not waiting(telemetry).records:
                break
        return report(telemetry, sink, recorded, killed, played)


def _as_in(environment: dict[str, str], sink: LocalSink, wire: str) -> Telemetry:
    os.environ.update(HOME=environment["HOME"])
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]  # a CI machine's, for one: there telemetry is off
    otlp = f"OtlpEndpoint={sink.endpoint.rstrip('/')}"
    return application(otlp if wire == "otlp" else sink.connection_string, wire)


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Start this program as one of the soak's processes."""
    return subprocess.Popen(
        [sys.executable, __file__, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


def let_uploaders_loose(
    environment: dict[str, str],
    uploader: Sequence[str],
    sink: LocalSink,
    until: float,
    rng: random.Random,
) -> int:
    """Start uploaders at will, several at once, and kill some; how many were killed."""
    running: list[tuple[subprocess.Popen[str], float]] = []
    killed, next_word = 0, time.time() + 30
    while time.time() < until:
        for process, end in running[:]:
            if process.poll() is not None or time.time() > end:
                if process.poll() is None:
                    process.kill()
                    killed += 1
                process.communicate()
                running.remove((process, end))
        if len(running) < AT_ONCE:
            lives = rng.random() if rng.random() < KILLED else float("inf")
            process = start(environment, *uploader)
            running.append((process, time.time() + lives))
        if (now := time.time()) > next_word:
            next_word += 30
            print(f"  {until - now:4.0f} s left, {sink.stats()['stored']} arrived", flush=True)
        time.sleep(rng.random())
    for process, _ in running:
        process.send_signal(signal.SIGTERM)
    for process, _ in running:
        process.communicate(timeout=30)
    return killed


def report(
    telemetry: Telemetry, sink: LocalSink, recorded: list[int], killed: int, faults: dict[str, int]
) -> int:
    """Count what became of every single event, by its writer and number."""
    unheard = faults.get(LOST_ANSWER, 0)
    came = collections.Counter(_arrived(sink))
    here = {
        (int(record.attributes["writer"]), int(record.attributes["number"]))
        for record in waiting(telemetry).records
    }
    written = {(writer, number) for writer, most in enumerate(recorded) for number in range(most)}
    lost = written - came.keys() - here
    print(f"faults played  {sum(faults.values())}, uploaders killed {killed}")
    print(f"recorded       {len(written)}")
    print(f"delivered      {len(came.keys() & written)}")
    print(f"waiting        {len(here)}")
    twice, most = sum(came.values()) - len(came), BATCH * (killed + unheard)
    print(f"twice          {twice}  (a batch for each of {killed} kills, {unheard} lost answers)")
    print(f"lost           {len(lost)}")
    foreign = came.keys() - written
    if foreign:
        print(f"never recorded {len(foreign)}")
    with contextlib.suppress(OSError):
        print("left over      " + (", ".join(_left(telemetry)) or "nothing"))
    return 1 if lost or foreign or twice > most else 0


def _arrived(sink: LocalSink) -> Iterator[tuple[int, int]]:
    numbers = "writer = toint(customDimensions.writer), number = toint(customDimensions.number)"
    for event in sink.query(f"customEvents | project {numbers}"):
        yield event["writer"], event["number"]


def _left(telemetry: Telemetry) -> list[str]:
    folder = telemetry.folder
    names = sorted(path.name for path in Path(folder.path).iterdir()) if folder else []
    return [name for name in names if name not in ("telemetry.json", "telemetry-upload.json")]


if __name__ == "__main__":
    sys.exit(main())
