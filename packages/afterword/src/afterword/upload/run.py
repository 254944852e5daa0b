"""One uploader at a time: take the buffer, send it batch by batch, settle each, until empty."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from afterword import segments
from afterword.errors import AfterwordError
from afterword.exporters.base import Exporter, Receipt, Record
from afterword.folder import DataFolder
from afterword.lock import FileLock
from afterword.schema import Event
from afterword.upload import status
from afterword.upload.batches import Pending, in_batches
from afterword.upload.delivery import Delivery, deliver
from afterword.upload.reading import TOO_OLD, Unfit, read_line
from afterword.upload.retry import cool_down
from afterword.upload.status import Status

REQUEST_TIME = 5.0
"""Seconds for one request, everything included: a server that drips is a server that hangs."""

GATHER = 2.0
"""Seconds for which an uploader that a command started waits first, asleep and small, so that
commands back to back share one upload."""

MOST_SKIPPED = 3
"""Batches of suspects only, after which the service is what is broken."""

MOST_ROUNDS = 100

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
    """Asked before each batch: the person may turn it off meanwhile."""
    cap: int
    """Bytes that may wait; the oldest leave first."""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    request_time: float = REQUEST_TIME
    chance: Callable[[], float] = random.random
    gather: float = 0.0
    """Seconds to wait for more events before the first look."""


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
    exporter: Exporter | None = None
    took_some: bool = False
    skipped: int = 0
    asked: float = 0.0
    stop: bool = False

    trust_clock: bool = True

    def until_empty(self) -> None:
        job, outcome = self.job, self.outcome
        before = status.load(job.folder.upload_status)
        outcome.at = job.clock()
        self.trust_clock = not before.at or abs(outcome.at - before.at) < UNUSUAL_GAP
        segments.sweep(job.folder)
        if given_up := segments.trim(job.folder, job.cap):
            outcome.drop(status.OVER_THE_CAP, given_up)
        try:
            for segment in self._segments():
                self._work_through(segment)
                if self.stop:
                    break
        finally:
            if self.exporter is not None:
                self.exporter.close()
                self.exporter = None
        outcome.kept = segments.count(job.folder)
        if outcome.error is not None:
            outcome.failures = before.failures + 1
            outcome.next_at = job.clock() + cool_down(outcome.failures, self.asked, job.chance())
        if outcome.sent or outcome.kept or outcome.dropped:
            with contextlib.suppress(OSError):  # a full disk costs the news, not the events
                status.save(job.folder.upload_status, outcome)

    def _segments(self) -> Iterator[segments.Segment]:
        """What an earlier uploader left, then the buffer, as often as there is something in it."""
        yield from segments.waiting(self.job.folder)
        while not self.stop and (segment := segments.take(self.job.folder)) is not None:
            yield segment

    def _work_through(self, segment: segments.Segment) -> None:
        suspects: list[segments.Line] = []
        for batch in in_batches(self._fit(segment)):
            if not self.job.allowed():
                self.stop = True
                return
            delivery = deliver([item.record for item in batch], self._export, self.job.sleep)
            self._settle(segment, batch, delivery, suspects)
            if self.stop:
                break
        segment.close()

    def _fit(self, segment: segments.Segment) -> Iterator[Pending]:
        """The records of the segment that may leave; the other lines are settled in passing."""
        for line in segment.lines():
            try:
                record = read_line(
                    line.text, self.job.events, self.job.version_key, self.job.clock()
                )
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
        self.took_some = self.took_some or bool(delivery.taken)
        gone = {batch[at].line for at in (*delivery.taken, *delivery.refused)}
        refused = len(delivery.refused)
        suspects += [batch[at].line for at in delivery.suspects]
        if self.took_some and suspects:
            gone.update(suspects)
            refused += len(suspects)
            suspects.clear()
        segment.settle(sorted(gone))
        outcome.sent += len(delivery.taken)
        if refused:
            outcome.drop(status.REFUSED, refused)
        if delivery.problem is not None:
            outcome.error = delivery.problem
            self.asked = max(self.asked, delivery.retry_after or 0.0)
        if delivery.suspects:
            self.skipped += 1
        self.stop = delivery.fatal or (self.skipped >= MOST_SKIPPED and not self.took_some)

    def _export(self, batch: Sequence[Record]) -> Receipt:
        """One request, given up after its time whatever it hangs in: a name, a socket, a drip."""
        if self.exporter is None:
            try:
                self.exporter = self.job.make_exporter()
            except AfterwordError as error:
                return Receipt(problem=str(error), retry=False)
        exporter, answer = self.exporter, list[Receipt]()
        worker = threading.Thread(target=lambda: answer.append(exporter.export(batch)), daemon=True)
        worker.start()
        worker.join(self.job.request_time)
        if answer:
            return answer[0]
        self.exporter = None  # it still hangs in there; the next attempt gets one of its own
        if worker.is_alive():
            return Receipt(problem=f"no answer within {self.job.request_time:g} s")
        return Receipt(problem="the exporter failed", retry=False)
