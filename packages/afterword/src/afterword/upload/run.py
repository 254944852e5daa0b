"""One uploader at a time: take the buffer, send it batch by batch, settle each, until empty."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from afterword.errors import AfterwordError
from afterword.exporters.base import Exporter, Receipt, Record
from afterword.folder import DataFolder
from afterword.schema import Event
from afterword.state.lockfile import FileLock
from afterword.upload import segments, status
from afterword.upload.batches import Pending, in_batches
from afterword.upload.deadline import Caller, Overdue
from afterword.upload.delivery import Delivery, deliver
from afterword.upload.reading import TOO_OLD, Reader, Unfit
from afterword.upload.retry import cool_down, wait_before
from afterword.upload.status import Status

REQUEST_TIME = 5.0
"""Seconds for one request, everything included: a server that drips is a server that hangs."""

GATHER = 2.0
"""Seconds for which an uploader that a command started waits first, asleep and small, so that
commands back to back share one upload."""

MOST_SKIPPED = 3
"""Batches of suspects only, after which the service is what is broken."""

MOST_ROUNDS = 100

MOST_TIME = 200.0
"""Seconds after which no further batch is begun: the rest of the five minutes is for the last one,
so that a large backlog on a slow line ends by itself, and the next command goes on with it."""

UNUSUAL_GAP = 7 * 24 * 3600.0
"""Seconds. So long after the last upload the clock may have jumped: then nothing is too old yet. If
the next upload, with a gap that is usual, still finds it too old, it is."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a run works with. Everything outside it is passed in here."""

    folder: DataFolder
    events: Mapping[str, Event]
    version_key: str
    make_exporter: Callable[[], Exporter]
    allowed: Callable[[], bool]
    """Asked before each request: the person may turn it off meanwhile."""
    cap: int
    """Bytes that may wait; the oldest leave first."""
    clock: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    request_time: float = REQUEST_TIME
    chance: Callable[[], float] = random.Random().random  # noqa: S311  # spreads load, no secret
    """Numbers from 0 to 1; the sequence of the module itself belongs to the program."""
    gather: float = 0.0
    """Seconds to wait for more events before the first look."""
    progress: Callable[[Status], object] = lambda _so_far: None
    """Called after each batch, with what became of it so far."""


def run(job: Job) -> Status | None:
    """Upload what waits; what became of it, or None if another uploader is at work.

    Raises:
        OSError: the folder cannot be worked in; what it holds is as it was.
    """
    work = _Run(job)
    lock = FileLock(job.folder.upload_lock)
    for _ in range(MOST_ROUNDS):
        if not lock.acquire():
            return work.outcome if work.outcome.at else None
        try:
            if job.gather and not work.outcome.at:
                job.sleep(job.gather)
            work.until_empty()
        finally:
            lock.release()
        # Who appended after our last look saw the lock held and started nobody: look once more.
        if work.stop or not segments.has_new(job.folder):
            break
    return work.outcome


@dataclass(slots=True)
class _Run:
    job: Job
    outcome: Status = field(default_factory=Status)
    before: Status = field(default_factory=Status)
    exporter: Exporter | None = None
    caller: Caller[Receipt] | None = None
    trust_clock: bool = True
    began: float = 0.0
    announced: bool = False
    took_some: bool = False
    skipped: int = 0
    asked: float = 0.0
    stop: bool = False

    def until_empty(self) -> None:
        job, outcome = self.job, self.outcome
        if not outcome.at:
            self._begin()
        segments.sweep(job.folder)
        if given_up := segments.trim(job.folder, job.cap):
            outcome.drop(status.OVER_THE_CAP, given_up)
        try:
            for segment in self._segments():
                self._try(segment)
                if self.stop:
                    break
        finally:
            self._conclude()
            self._let_go()

    def _begin(self) -> None:
        job = self.job
        self.before = status.load(job.folder.upload_status)
        self.outcome.at, self.began = job.clock(), job.elapsed()
        self.trust_clock = not self.before.at or abs(self.outcome.at - self.before.at) < UNUSUAL_GAP

    def _announce(self) -> None:
        """Leave word before the first request: an uploader that dies in the middle has failed.

        Else one that always dies (out of memory, its container gone) is started by every command,
        and sends its first batch every time.
        """
        if not self.announced:
            self.announced = True
            self._note(replace(self.outcome, error=status.UNFINISHED))

    def _conclude(self) -> None:
        outcome = self.outcome
        outcome.kept = segments.count(self.job.folder)
        if self.announced or outcome.kept or outcome.dropped:
            self._note(outcome)

    def _note(self, outcome: Status) -> None:
        """Keep what became of it; on a failure, with the time before which no command tries."""
        if outcome.error is not None:
            outcome.failures = self.before.failures + 1
            wait = cool_down(outcome.failures, self.asked, self.job.chance())
            outcome.next_at = self.job.clock() + wait
        if self.job.allowed():  # turned off, not even this is to be left
            with contextlib.suppress(OSError):  # a full disk costs the news, not the events
                status.save(self.job.folder.upload_status, outcome)

    def _let_go(self) -> None:
        if self.caller is not None:
            self.caller.close()
        if self.exporter is not None:
            self.exporter.close()
        self.caller = self.exporter = None

    def _segments(self) -> Iterator[segments.Segment]:
        """What an earlier uploader left, then the buffer, as often as there is something in it."""
        yield from segments.waiting(self.job.folder)
        while not self.stop and (segment := segments.take(self.job.folder)) is not None:
            yield segment

    def _try(self, segment: segments.Segment) -> None:
        """Work through a segment; one that the disk does not give or take back stays as it is."""
        try:
            segment.probe()
            self._work_through(segment)
        except FileNotFoundError:  # turned off meanwhile: what waited is deleted
            self.stop = True
        except OSError as error:
            self.outcome.error = f"the disk: {error.strerror}"

    def _work_through(self, segment: segments.Segment) -> None:
        suspects: list[segments.Line] = []
        for batch in in_batches(self._fit(segment)):
            late = self.job.elapsed() - self.began > MOST_TIME
            if late or not self.job.allowed():
                self.stop = True
                return
            self._announce()
            delivery = Delivery()
            try:
                records = [item.record for item in batch]
                deliver(records, self._export, self._wait, delivery)
            finally:  # SIGTERM and Ctrl-C come here too: what was taken is not sent again
                self._settle(segment, batch, delivery, suspects)
            if self.stop:
                break
        with contextlib.suppress(OSError):  # no room to leave the blanks out: it is as it was
            segment.close()

    def _fit(self, segment: segments.Segment) -> Iterator[Pending]:
        """The records of the segment that may leave; the other lines are settled in passing."""
        reader, clock = Reader(self.job.events, self.job.version_key), self.job.clock
        for line in segment.lines():
            try:
                record = reader.read(line.text, clock())
            except Unfit as why:
                if why.args[0] == TOO_OLD and not self.trust_clock:
                    continue
                segment.settle([line])
                self.outcome.drop(why.args[0])
            else:
                yield Pending(line, record)

    def _settle(
        self,
        segment: segments.Segment,
        batch: Sequence[Pending],
        delivery: Delivery,
        suspects: list[segments.Line],
    ) -> None:
        outcome = self.outcome
        gone = {batch[at].line for at in (*delivery.taken, *delivery.refused)}
        refused = len(delivery.refused)
        suspects += [batch[at].line for at in delivery.suspects]
        if self.took_some and suspects:
            gone.update(suspects)
            refused += len(suspects)
            suspects.clear()
        outcome.sent += len(delivery.taken)
        if refused:
            outcome.drop(status.REFUSED, refused)
        if delivery.problem is not None:
            outcome.error = delivery.problem
            self.asked = max(self.asked, delivery.retry_after or 0.0)
        if delivery.suspects:
            self.skipped += 1
        self.stop = delivery.fatal or (self.skipped >= MOST_SKIPPED and not self.took_some)
        try:
            segment.settle(sorted(gone))
        except OSError:
            self.stop = True  # what is sent from here on would be sent again
            raise
        self.job.progress(outcome)

    def _wait(self, attempt: int, asked: float | None) -> bool:
        """Wait before another attempt; False if there is to be none."""
        failures = 0 if self.took_some else self.before.failures
        seconds = wait_before(attempt, asked, failures=failures, chance=self.job.chance())
        if seconds is None:
            return False
        self.job.sleep(seconds)
        return True

    def _export(self, batch: Sequence[Record]) -> Receipt:
        """One request, given up after its time whatever it hangs in: a name, a socket, a drip."""
        if self.exporter is None:
            try:
                self.exporter = self.job.make_exporter()
            except AfterwordError as error:
                return Receipt(problem=str(error), retry=False)
            except Exception as error:  # noqa: BLE001  # of the libraries under it
                problem = f"the exporter cannot be made: {type(error).__name__}"
                return Receipt(problem=problem, retry=False)
        exporter = self.exporter
        if not self.job.allowed():  # also between two attempts, between two halves
            return Receipt(problem="turned off", retry=False)

        def export() -> Receipt:
            try:
                return exporter.export(batch)
            except Exception as error:  # noqa: BLE001  # the same
                problem = f"the exporter failed: {type(error).__name__}"
                return Receipt(problem=problem, retry=False)

        try:
            self.caller = self.caller or Caller()
            receipt = self.caller.call(export, self.job.request_time)
        except RuntimeError:
            return Receipt(problem="no thread could be started", retry=False)
        except Overdue:
            # It still hangs in there, with the exporter; the next attempt gets both anew.
            self.caller = self.exporter = None
            return Receipt(problem=f"no answer within {self.job.request_time:g} s")
        self.took_some = self.took_some or bool(receipt.taken)
        return receipt
