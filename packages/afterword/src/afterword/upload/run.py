"""One uploader at a time: take the buffer, send it batch by batch, settle each, until empty."""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from afterword.exporters.base import Receipt
from afterword.state.lockfile import FileLock
from afterword.upload import batches, segments, sent, status
from afterword.upload.batches import Pending, in_batches
from afterword.upload.choice import Choice
from afterword.upload.delivery import deliver
from afterword.upload.job import Job
from afterword.upload.notes import Notes
from afterword.upload.retry import wait_before
from afterword.upload.segments import Line, Segment
from afterword.upload.sending import Sender
from afterword.upload.status import Status
from afterword.upload.suspects import Suspects

MOST_BARREN = 3
"""After so many batches in a row of which nothing is taken, the service is what is broken."""

MOST_ROUNDS = 100

QUICK = 0.25
"""Of the silence that is borne: a request that took less can be twice as large the next time."""

_LOOK = 0.1  # seconds between two looks whether it was turned off, while asleep


def run(job: Job) -> Status | None:
    """Upload what waits; what became of it, or None if another uploader is at work.

    Raises:
        OSError: the folder cannot be worked in; what it holds is as it was.
    """
    began, work = job.elapsed(), None
    lock = FileLock(job.folder.upload_lock)
    for _ in range(MOST_ROUNDS):
        try:
            held = lock.acquire(0.0 if work else job.patience)
        except OSError as error:
            (work.notes if work else Notes(job, began)).give_up(
                f"the lock cannot be taken: {error.strerror}"
            )
            raise
        if not held:
            break
        try:
            work = work or _Run(job, began)
            work.until_empty()
        finally:
            lock.release()
        # A command that appended after our last look saw the lock held and started no uploader.
        if work.stop or not segments.has_new(job.folder):
            break
    return work.notes.outcome if work else None


class _Run:
    def __init__(self, job: Job, began: float) -> None:
        self.job = job
        self.notes = Notes(job, began)
        self.choice = Choice(job, self.notes)
        self.sender = Sender(
            job.make_exporter, job.silence(self.notes.before.failures), self.is_wanted
        )
        self.suspects: Suspects[tuple[Segment, Line]] = Suspects()
        self.open: list[Segment] = []  # with suspects in them, which may yet be settled
        self.sending: tuple[Segment, Line] | None = None  # the first event that is being sent
        self.gathered = self.probed = self.stop = False
        self.overdue = self.barren = 0
        self.asked = 0.0

    # From above: a round, a segment, a batch, a request.

    def until_empty(self) -> None:
        """Work through everything there is."""
        job, outcome = self.job, self.notes.outcome
        try:
            self.gather()
            segments.sweep(job.folder)
            if given_up := segments.trim(job.folder, job.cap):
                outcome.drop(status.OVER_THE_CAP, given_up)
            segments.take_all(job.folder)
            if not self.stop:
                self.work()
        except BaseException:  # SIGTERM and Ctrl-C come here too: a run cut short has failed
            outcome.error = outcome.error or status.UNFINISHED
            self.stop = True
            raise
        finally:
            self.conclude()

    def gather(self) -> None:
        """Wait for more events, the first time.

        Not after an uploader that was cut short: one that is always killed while it waits, as in a
        container, would never send anything.
        """
        if self.job.gather and not self.gathered and self.notes.before.error != status.UNFINISHED:
            self.notes.announce()
            self.nap(self.job.gather)
        self.gathered = True

    def work(self) -> None:
        """Try every segment, then whatever came meanwhile."""
        here = self.notes.waiting()
        self.choice.choose_id(here)
        if self.choice.id is not None and self.notes.before.failures and not self.probed:
            self.probed = True
            self.probe(here)
        while not self.stop and here:
            for segment in here:
                self.attempt(segment, self.work_through)
                if self.stop:
                    return
            new = self.notes.take()
            here = [] if new is None else [new]
            self.choice.choose_id(here)

    def probe(self, here: Sequence[Segment]) -> None:
        """After a failed run, begin with a few events from anywhere.

        The batch that failed may hold the one that the service always fails over, or be too large
        for the line. Only when others are taken it is worth looking for it.
        """
        most = min(self.notes.most, max(1, batches.MOST_EVENTS >> self.notes.before.failures))
        counts = [segments.count_lines(segment) for segment in here]
        if sum(counts) <= most:
            return
        first = int(self.job.chance() * sum(counts))
        for segment, count in zip(here, counts, strict=True):
            if first < count:
                self.attempt(segment, partial(self.probe_from, first=first, most=most))
                return
            first -= count

    def probe_from(self, segment: Segment, first: int, most: int) -> None:
        """Send at most so many events of the segment, from line number `first` on."""
        with contextlib.closing(self.choice.fit(segment, first)) as fit:
            batch = next(in_batches(itertools.islice(fit, most)), None)
            if batch is not None:
                self.deliver(segment, batch)

    def attempt(self, segment: Segment, work: Callable[[Segment], None]) -> None:
        """Work on a segment; one that the disk does not give or take back stays as it is."""
        try:
            segment.probe()
            work(segment)
        except FileNotFoundError:  # turned off or reset meanwhile: what waited is deleted
            self.notes.gone = self.stop = True
        except OSError as error:
            self.notes.outcome.error = f"the disk: {error.strerror}"

    def work_through(self, segment: Segment) -> None:
        """Send everything in the segment that may leave."""
        with contextlib.closing(self.choice.fit(segment)) as fit:
            for batch in in_batches(fit, lambda: min(self.notes.most, batches.MOST_EVENTS)):
                self.deliver(segment, batch)
                if self.stop:
                    break
        if any(one is segment for one, _ in self.suspects.waiting):
            self.open.append(segment)
        else:
            self.close(segment)

    def close(self, segment: Segment) -> None:
        """Remove what is settled from the disk."""
        with contextlib.suppress(OSError):  # no room to leave the blanks out: it is as it was
            segment.close()

    def deliver(self, segment: Segment, batch: Sequence[Pending]) -> None:
        """Send a batch, and see whether another one is worth trying."""
        if self.is_late():
            self.stop = True
            return
        self.sending = segment, batch[0].line
        if not self.is_wanted():
            self.stop = self.notes.gone = True
            return
        self.notes.announce_request(batch[0].record.anonymous_id)
        done = deliver(len(batch), partial(self.export, segment, batch), self.wait, self.halve)
        self.sending = None
        if done.problem is not None and not self.stop:
            self.notes.outcome.error = done.problem
            self.asked = max(self.asked, done.retry_after or 0.0)
        if done.halved and done.most_taken and not done.alone:  # it was the size and no record
            self.notes.most = done.most_taken
        elif done.most_taken >= self.notes.most and self.was_quick():
            self.notes.most = min(2 * self.notes.most, batches.MOST_EVENTS)
        self.barren = 0 if done.took_some else self.barren + 1
        if done.fatal or self.barren >= MOST_BARREN:
            self.stop = True

    def export(self, segment: Segment, batch: Sequence[Pending], part: list[int]) -> Receipt:
        """One request with this part of the batch; what it says is settled at once."""
        job = self.job
        if self.is_late():
            self.stop = True
            return Receipt(retry=False)
        left = job.most_time + job.last_time - self.passed()
        self.sending = segment, batch[part[0]].line
        receipt = self.sender.send(
            [batch[at].record for at in part], max(0.05, min(job.request_time, left))
        )
        if self.sender.unwanted:
            self.stop = self.notes.gone = True
            if self.sender.left_behind and job.end is not None:
                job.end()
        if self.fails_over_some(receipt):
            receipt = replace(receipt, retry=False)
        if receipt.unacceptable and len(part) == 1:
            refused = {0: receipt.problem or "refused"}
            receipt = replace(receipt, refused=refused, unacceptable=False, problem=None)
        unsettled = [at for at in range(len(part)) if at not in {*receipt.taken, *receipt.refused}]
        self.sending = (segment, batch[part[unsettled[0]]].line) if unsettled else None
        self.settle(segment, [batch[at].line for at in part], receipt)
        taken = self.sender.rendered([batch[part[at]].record for at in sorted(receipt.taken)])
        sent.keep(job.folder, job.host, taken, job.clock(), self.is_wanted)
        return receipt

    def settle(self, segment: Segment, lines: Sequence[Line], receipt: Receipt) -> None:
        """Blank what was taken, and what may be believed to be refused for good."""
        outcome = self.notes.outcome
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

    def halve(self, receipt: Receipt, count: int) -> bool:
        """Might half of these records be taken?"""
        if self.stop:
            return False
        if self.sender.overdue:
            self.overdue += 1
            self.notes.most = max(1, count // 2)
            return self.overdue == 1
        return receipt.unacceptable or self.fails_over_some(receipt)

    def fails_over_some(self, receipt: Receipt) -> bool:
        """Is it likely that one record makes an otherwise working service fail again and again?"""
        return receipt.failed and self.suspects.took_some and self.notes.before.failures > 0

    def wait(self, attempt: int, asked: float | None) -> bool:
        """Wait before another attempt; False if there is to be none."""
        failures = 0 if self.suspects.took_some else self.notes.before.failures
        seconds = wait_before(attempt, asked, failures=failures, chance=self.job.chance())
        if seconds is None or self.passed() + seconds > self.job.most_time:
            return False
        self.nap(seconds)
        return not self.stop

    def nap(self, seconds: float) -> None:
        """Sleep, unless it is turned off meanwhile."""
        while seconds > 0 and not self.stop:
            self.job.sleep(min(seconds, _LOOK))
            seconds -= _LOOK
            if not self.is_wanted():
                self.stop = self.notes.gone = True

    def is_wanted(self) -> bool:
        """Is it still on, and what is being sent not deleted?"""
        if self.sending is not None and not self.sending[0].holds(self.sending[1]):
            return False
        return self.job.allowed()

    def was_quick(self) -> bool:
        """Would the last request have been quick enough with twice as many events?"""
        return self.sender.seconds < QUICK * self.job.silence(0)

    def passed(self) -> float:
        """Seconds since the run began."""
        return self.job.elapsed() - self.notes.began

    def is_late(self) -> bool:
        """Is it too late to begin another request?"""
        return self.passed() > self.job.most_time

    def conclude(self) -> None:
        """Close everything, and write the status."""
        for segment in self.open:
            self.close(segment)
        self.open.clear()
        self.suspects.waiting.clear()
        outcome = self.notes.outcome
        if self.notes.has_sent and not self.suspects.took_some and self.is_late():
            outcome.error = outcome.error or status.NO_TIME
        self.notes.conclude(
            self.suspects,
            others=self.choice.others > 0,
            stopped=self.stop,
            asked=self.asked,
        )
        self.sender.close()
