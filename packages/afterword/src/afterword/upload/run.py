"""One uploader at a time: take the buffer, send it batch by batch, settle each, until empty."""

import contextlib
import itertools
import random
import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from afterword.exporters.base import Exporter, Receipt, Record
from afterword.folder import DataFolder
from afterword.schema import Event
from afterword.state.lockfile import FileLock
from afterword.upload import batches, ids, segments, status
from afterword.upload.batches import Pending, in_batches
from afterword.upload.delivery import deliver
from afterword.upload.process import uptime
from afterword.upload.reading import Reader, Unfit, Waits
from afterword.upload.retry import cool_down, silence, wait_before
from afterword.upload.segments import Line, Segment
from afterword.upload.sending import Sender
from afterword.upload.status import Status
from afterword.upload.suspects import Suspects
from afterword.upload.witness import Witness, proven

REQUEST_TIME = 60.0
"""Seconds for one request, everything included, also where bytes move all the while."""

GATHER = 2.0
"""Seconds for which an uploader that a command started waits first, asleep and small, so that
commands back to back share one upload."""

MOST_BARREN = 3
"""Batches in a row of which nothing is taken, after which the service is what is broken."""

MOST_ROUNDS = 100

MOST_TIME = 200.0
"""Seconds after which no further request is begun: the rest of the five minutes is for the last
one, so that a large backlog on a slow line ends by itself, and the next command goes on with it."""

HELD = 24 * 3600.0
"""Seconds for which no uploader is started for what only waits for another version."""

_LOOK = 0.1  # seconds between two looks whether it was turned off, while asleep
_JUNK = 5000  # lines that are settled in one go
_ID = re.compile(rb'"anonymousId":"([0-9a-f-]{36})"')


@dataclass(frozen=True, slots=True)
class Job:
    """What a run works with. Everything outside it is passed in here."""

    folder: DataFolder
    events: Mapping[str, Event]
    version_key: str
    version: str
    make_exporter: Callable[[float], Exporter]
    """Given the seconds of silence after which it is to give a request up."""
    allowed: Callable[[], bool]
    """Asked before each request and during it: the person may turn it off meanwhile."""
    cap: int
    """Bytes that may wait; the oldest leave first."""
    agreed_at: float = 0.0
    """When the person agreed, in seconds since 1970."""
    clock: Callable[[], float] = time.time
    elapsed: Callable[[], float] = uptime
    sleep: Callable[[float], None] = time.sleep
    silence: Callable[[int], float] = silence
    request_time: float = REQUEST_TIME
    chance: Callable[[], float] = random.Random().random  # noqa: S311  # spreads load, no secret
    """Numbers from 0 to 1; the sequence of the module itself belongs to the program."""
    gather: float = 0.0
    """Seconds to wait for more events before the first look."""
    progress: Callable[[Status], object] = lambda _so_far: None
    """Called after each batch, with what became of it so far."""
    most_time: float = MOST_TIME
    """Seconds after which no further request is begun."""
    last_time: float = REQUEST_TIME
    """Seconds more for the last request."""
    patience: float = 0.0
    """Seconds to wait for another uploader to end."""
    end: Callable[[], None] | None = None
    """Ends this process at once, where it is the uploader's own: with it ends a request that nobody
    wants any more and that cannot be cut."""


def run(job: Job) -> Status | None:
    """Upload what waits; what became of it, or None if another uploader is at work.

    Raises:
        OSError: the folder cannot be worked in; what it holds is as it was.
    """
    work = _Run(job)
    lock = FileLock(job.folder.upload_lock)
    for _ in range(MOST_ROUNDS):
        try:
            held = lock.acquire(0.0 if work.begun else job.patience)
        except OSError as error:
            work.give_up(f"the lock cannot be taken: {error.strerror}")
            raise
        if not held:
            return work.outcome if work.begun else None
        try:
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
    witness: Witness = field(default_factory=Witness)
    suspects: Suspects[tuple[Segment, Line]] = field(default_factory=Suspects)
    sender: Sender | None = None
    reader: Reader | None = None
    sending: tuple[Segment, Line] | None = None
    """Where the first event stands that is being sent."""
    since: dict[str, float] = field(default_factory=dict)
    """Since when each segment has been seen, by its path."""
    id: str | None = None
    others: int = 0
    """Events of other anonymous ids."""
    begun: bool = False
    began: float = 0.0
    announced: bool = False
    sent_any: bool = False
    probed: bool = False
    overdue: int = 0
    barren: int = 0
    most: int = 0
    asked: float = 0.0
    open: list[Segment] = field(default_factory=list)
    """Segments with suspects in them, which may yet be settled."""
    gone: bool = False
    stop: bool = False

    # A run, from above.

    def until_empty(self) -> None:
        """Work through everything there is."""
        job = self.job
        if not self.begun:
            self._begin()
        try:
            segments.sweep(job.folder)
            segments.take_all(job.folder)
            if given_up := segments.trim(job.folder, job.cap):
                self.outcome.drop(status.OVER_THE_CAP, given_up)
            if not self.stop:
                self._work()
        except BaseException:
            self.outcome.error = self.outcome.error or status.UNFINISHED
            self.stop = True
            raise
        finally:
            self._conclude()
            if self.sender is not None:
                self.sender.close()
            self.sender = None

    def give_up(self, why: str) -> None:
        """Leave word that nothing could be done, so that not every command tries."""
        self.before = status.load(self.job.folder.upload_status)
        self.outcome.at = self.job.clock()
        self.outcome.error = why
        self._carry_over()
        self._note(self.outcome)

    def _begin(self) -> None:
        job, outcome = self.job, self.outcome
        before = self.before = status.load(job.folder.upload_status)
        outcome.at, self.began, self.begun = job.clock(), job.elapsed(), True
        outcome.proven = proven(before.proven, before.uptime, self.began)
        outcome.uptime = self.began
        self.witness = Witness(outcome.proven, before.seen.items())
        self.most = before.batch or batches.MOST_EVENTS
        self.reader = Reader(job.events, job.version_key, job.version, job.agreed_at)
        self._carry_over()
        if job.gather and before.error != status.UNFINISHED:
            # Else whoever is always killed in its sleep, in a container, would send nothing ever.
            self._announce()
            self._nap(job.gather)

    def _carry_over(self) -> None:
        self.outcome.last_id, self.outcome.another_at = self.before.last_id, self.before.another_at
        self.outcome.seen, self.outcome.batch = self.before.seen, self.before.batch

    def _work(self) -> None:
        here = self._waiting()
        if self.id is None:
            self._choose_id(here)
        if self.id is not None and self.before.failures and not self.probed:
            self.probed = True
            self._probe(here)
        while not self.stop and here:
            for segment in here:
                self._try(segment, self._work_through)
                if self.stop:
                    return
            new = segments.take(self.job.folder)
            here = [] if new is None else [new]
            for segment in here:
                self.since[segment.path] = self.outcome.proven
            if self.id is None:
                self._choose_id(here)

    def _waiting(self) -> list[Segment]:
        """The segments, each with its age noted before anything in it changes."""
        found = segments.waiting(self.job.folder)
        for segment in found:
            self.since.setdefault(segment.path, self.witness.since(segment.sign()))
        return found

    def _choose_id(self, here: Sequence[Segment]) -> None:
        """Whose events this run sends."""
        waiting: dict[str, None] = {}
        for segment in here:
            with contextlib.suppress(OSError):
                for line in segment.lines():
                    if line.text is not None and (found := _ID.search(line.text)):
                        waiting[found[1].decode()] = None
        may = ids.choose(waiting, self.before.last_id, self.before.another_at, self.job.clock())
        if len(waiting) <= 1:
            self.id = next(iter(may), None)
        else:  # one of whom nothing can be sent is not to take the turn of the others
            self.id = next((one for one in may if self._has_fit(here, one)), None)

    def _has_fit(self, here: Sequence[Segment], anonymous_id: str) -> bool:
        for segment in here:
            with contextlib.suppress(OSError), contextlib.closing(self._read(segment)) as lines:
                for _, record in lines:
                    if not isinstance(record, Unfit) and record.anonymous_id == anonymous_id:
                        return True
        return False

    def _probe(self, here: Sequence[Segment]) -> None:
        """After a failed run, begin with a few events from anywhere.

        The batch that failed may hold the one that the service always fails over, or be too large
        for the line. Only when others are taken it is worth looking for it.
        """
        most = min(self.most, max(1, batches.MOST_EVENTS >> self.before.failures))
        counts = [segments.count_lines(segment) for segment in here]
        if sum(counts) <= most:
            return
        first = int(self.job.chance() * sum(counts))
        for segment, count in zip(here, counts, strict=True):
            if first < count:
                self._try(segment, partial(self._probe_from, first=first, most=most))
                return
            first -= count

    def _probe_from(self, segment: Segment, first: int, most: int) -> None:
        with contextlib.closing(self._fit(segment, first)) as fit:
            batch = next(in_batches(itertools.islice(fit, most)), None)
            if batch is not None:
                self._deliver(segment, batch)

    # A segment.

    def _try(self, segment: Segment, work: Callable[[Segment], None]) -> None:
        """Work on a segment; one that the disk does not give or take back stays as it is."""
        try:
            segment.probe()
            work(segment)
        except FileNotFoundError:  # turned off or reset meanwhile: what waited is deleted
            self.gone = self.stop = True
        except OSError as error:
            self.outcome.error = f"the disk: {error.strerror}"

    def _work_through(self, segment: Segment) -> None:
        with contextlib.closing(self._fit(segment)) as fit:
            for batch in in_batches(fit, lambda: min(self.most, batches.MOST_EVENTS)):
                self._deliver(segment, batch)
                if self.stop:
                    break
        if any(one is segment for one, _ in self.suspects.waiting):
            self.open.append(segment)
        else:
            self._close(segment)

    def _close(self, segment: Segment) -> None:
        with contextlib.suppress(OSError):  # no room to leave the blanks out: it is as it was
            segment.close()

    def _read(
        self, segment: Segment, first: int = 0
    ) -> Generator[tuple[Line, Record | Unfit], None, None]:
        """Each line from number `first` on, and its record, or why it does not leave."""
        job, reader = self.job, self.reader
        assert reader is not None  # noqa: S101  # made at the beginning
        old = self.witness.is_old(self.since[segment.path])
        for line in itertools.islice(segment.lines(), first, None):
            # Not by the clock as it is now: it may be set while we are at work.
            now = self.outcome.at + job.elapsed() - self.began
            try:
                yield line, reader.read(line.text, now, old=old)
            except Unfit as why:
                yield line, why

    def _fit(self, segment: Segment, first: int = 0) -> Generator[Pending, None, None]:
        """The records that may leave now; what is to be dropped is settled in passing."""
        junk: list[Line] = []
        try:
            for line, record in self._read(segment, first):
                if isinstance(record, Waits):
                    continue
                if isinstance(record, Unfit):
                    junk.append(line._replace(text=None))
                    self.outcome.drop(record.args[0])
                    if len(junk) >= _JUNK:
                        segment.settle(junk)
                        junk.clear()
                elif record.anonymous_id != self.id:
                    self.others += 1
                else:
                    yield Pending(line, record)
        finally:
            if junk:
                segment.settle(junk)

    # A batch.

    def _deliver(self, segment: Segment, batch: Sequence[Pending]) -> None:
        if self._is_late():
            self.stop = True
            return
        self.sending = segment, batch[0].line
        if not self._is_wanted():
            self.stop = self.gone = True
            return
        self._announce()
        done = deliver(len(batch), partial(self._export, segment, batch), self._wait, self._halve)
        self.sending = None
        if done.problem is not None and not self.stop:
            self.outcome.error = done.problem
            self.asked = max(self.asked, done.retry_after or 0.0)
        if done.halved and done.most_taken:
            self.most = done.most_taken
        self.barren = 0 if done.took_some else self.barren + 1
        if done.fatal or self.barren >= MOST_BARREN:
            self.stop = True

    def _export(self, segment: Segment, batch: Sequence[Pending], part: list[int]) -> Receipt:
        """One request with this part of the batch; what it says is settled at once."""
        job = self.job
        if self._is_late():
            self.stop = True
            return Receipt(retry=False)
        self.sender = self.sender or Sender(
            job.make_exporter, job.silence(self.before.failures), self._is_wanted
        )
        left = job.most_time + job.last_time - self._passed()
        self._note_id()
        self.sending = segment, batch[part[0]].line
        receipt = self.sender.send(
            [batch[at].record for at in part], max(0.05, min(job.request_time, left))
        )
        if self.sender.unwanted:
            self.stop = self.gone = True
            if self.sender.left_behind and job.end is not None:
                job.end()
        if self._fails_over_some(receipt):
            receipt = replace(receipt, retry=False)
        if receipt.unacceptable and len(part) == 1:
            refused = {0: receipt.problem or "refused"}
            receipt = replace(receipt, refused=refused, unacceptable=False, problem=None)
        unsettled = [at for at in range(len(part)) if at not in {*receipt.taken, *receipt.refused}]
        self.sending = (segment, batch[part[unsettled[0]]].line) if unsettled else None
        self._settle(segment, [batch[at].line for at in part], receipt)
        return receipt

    def _settle(self, segment: Segment, lines: Sequence[Line], receipt: Receipt) -> None:
        """Blank what was taken, and what may be believed to be refused for good."""
        outcome = self.outcome
        refused = [((segment, lines[at]), why) for at, why in sorted(receipt.refused.items())]
        confirmed = self.suspects.answered(taken=bool(receipt.taken), refused=refused)
        gone = {segment: [lines[at] for at in receipt.taken]}
        for where, line in confirmed:
            gone.setdefault(where, []).append(line)
        outcome.sent += len(receipt.taken) - receipt.rejected
        if confirmed or receipt.rejected:
            outcome.drop(status.REFUSED, len(confirmed) + receipt.rejected)
        try:
            for where, settled in gone.items():
                where.settle(sorted(settled))
        except OSError:
            self.stop = True  # what is sent from here on would be sent again
            raise
        self.job.progress(outcome)

    def _halve(self, receipt: Receipt, count: int) -> bool:
        """Would half of these records fare better?"""
        if self.stop or self.sender is None:
            return False
        if self.sender.overdue:
            self.overdue += 1
            self.most = max(1, count // 2)
            return self.overdue == 1
        return receipt.unacceptable or self._fails_over_some(receipt)

    def _fails_over_some(self, receipt: Receipt) -> bool:
        """Is it likely that the service, which is well, fails over one record time and again?"""
        return receipt.failed and self.suspects.took_some and self.before.failures > 0

    def _wait(self, attempt: int, asked: float | None) -> bool:
        """Wait before another attempt; False if there is to be none."""
        failures = 0 if self.suspects.took_some else self.before.failures
        seconds = wait_before(attempt, asked, failures=failures, chance=self.job.chance())
        if seconds is None or self._passed() + seconds > self.job.most_time:
            return False
        self._nap(seconds)
        return not self.stop

    def _nap(self, seconds: float) -> None:
        """Sleep, unless it is turned off meanwhile."""
        while seconds > 0 and not self.stop:
            self.job.sleep(min(seconds, _LOOK))
            seconds -= _LOOK
            if not self._is_wanted():
                self.stop = self.gone = True

    def _is_wanted(self) -> bool:
        """Has nobody turned it off, or deleted what is being sent?"""
        if self.sending is not None and not self.sending[0].holds(self.sending[1]):
            return False
        return self.job.allowed()

    def _passed(self) -> float:
        return self.job.elapsed() - self.began

    def _is_late(self) -> bool:
        return self._passed() > self.job.most_time

    # What is left for the next run to know.

    def _announce(self) -> None:
        """Leave word before anything else: an uploader that dies in the middle has failed.

        Else one that always dies (out of memory, its container gone) is started by every command,
        and sends its first batch every time.
        """
        if not self.announced:
            self.announced = True
            self._note(replace(self.outcome, error=status.UNFINISHED))

    def _note_id(self) -> None:
        """From the first request on, another id has to wait."""
        if not self.sent_any and self.id is not None:
            self.sent_any = True
            self.outcome.last_id = ids.fingerprint(self.id)
            wait = ids.wait_for_another(self.job.chance())
            self.outcome.another_at = self.job.clock() + wait

    def _conclude(self) -> None:
        outcome, folder = self.outcome, self.job.folder
        for segment in self.open:
            self._close(segment)
        self.open.clear()
        suspects = self.suspects
        if suspects.refused and outcome.error is None:
            how_many = f"{suspects.refused} event{'s' * (suspects.refused != 1)}"
            outcome.error = f"the service refuses {how_many}: {suspects.why}"
        if self.sent_any and not suspects.took_some and self._is_late():
            outcome.error = outcome.error or status.NO_TIME
        outcome.kept = segments.count(folder)
        outcome.batch = self._next_batch()
        outcome.seen = {one.sign(): self.since[one.path] for one in self._waiting()}
        outcome.held_until = outcome.next_at = 0.0
        if outcome.error is None and outcome.kept and not self.stop:
            outcome.held_until = self.job.clock() + HELD
            if self.others:
                outcome.next_at = outcome.another_at
                outcome.failures = 0 if self.sent_any else self.before.failures
        if self.announced or outcome.kept or outcome.dropped:
            self._note(outcome)

    def _next_batch(self) -> int:
        """Events in a request of the next run: more again where all went quickly; 0 for all."""
        quick = self.sender is not None and self.sender.slowest * 4 < self.job.silence(0)
        most = self.most * 2 if quick and self.outcome.error is None else self.most
        return most if most < batches.MOST_EVENTS else 0

    def _note(self, outcome: Status) -> None:
        """Keep what became of it; on a failure, with the time before which no command tries."""
        if outcome.error is not None:
            outcome.failures = 1 + (0 if self.suspects.took_some else self.before.failures)
            wait = cool_down(outcome.failures, self.asked, self.job.chance())
            outcome.next_at = self.job.clock() + wait
        if self.gone or not self.job.allowed():
            return  # turned off, not even this is to be left
        try:
            status.save(self.job.folder.upload_status, outcome)
        except OSError:
            segments.mark(self.job.folder, outcome.next_at)
