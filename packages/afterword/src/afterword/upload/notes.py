"""The status file, from the beginning of a run to its end."""

from dataclasses import replace

from afterword.upload import batches, ids, segments, status
from afterword.upload.job import Job
from afterword.upload.retry import cool_down
from afterword.upload.segments import Line, Segment
from afterword.upload.status import Status
from afterword.upload.suspects import Suspects
from afterword.upload.witness import Witness, proven

HELD = 24 * 3600.0
"""Seconds for which no uploader is started for what only waits for another version."""


class Notes:
    """The status file, from the beginning of a run to its end.

    `before`: what the last run left. `outcome`: what becomes of this one. `began`: when it did, as
    `Job.elapsed` counts. `most`: events that fit a request, as far as is known. `gone`: it was
    turned off or reset, and not even a status is to be left. `has_sent`: a request was made.
    """

    def __init__(self, job: Job, began: float) -> None:
        self._job = job
        self.began = began
        before = self.before = status.load(job.folder.upload_status)
        self.outcome = Status(
            at=job.clock(),
            proven=proven(before.proven, before.uptime, began),
            uptime=began,
            last_id=before.last_id,
            another_at=before.another_at,
            batch=before.batch,
            seen=before.seen,
        )
        self._witness = Witness(self.outcome.proven, before.seen.items())
        self._since: dict[str, float] = {}
        self.most = before.batch or batches.MOST_EVENTS
        self.gone = False
        self._announced = False
        self.has_sent = False

    @property
    def now(self) -> float:
        """The time, in seconds since 1970, though the clock be set while we are at work."""
        return self.outcome.at + self._job.elapsed() - self.began

    def waiting(self) -> list[Segment]:
        """The segments, each with its age noted before anything in it changes."""
        found = segments.waiting(self._job.folder)
        for segment in found:
            self._since.setdefault(segment.path, self._witness.since(segment.sign()))
        return found

    def take(self) -> Segment | None:
        """Take something new; its age begins now."""
        segment = segments.take(self._job.folder)
        if segment is not None:
            self._since[segment.path] = self.outcome.proven
        return segment

    def is_old(self, segment: Segment) -> bool:
        """Has what is in the segment certainly waited for longer than it may?"""
        return self._witness.is_old(self._since[segment.path])

    def announce(self) -> None:
        """Write the status first: an uploader that dies in the middle has failed.

        Otherwise one that always dies (out of memory, its container gone) would be started by every
        command, and would send its first batch every time.
        """
        if not self._announced:
            self._announced = True
            self._save(replace(self.outcome, error=status.UNFINISHED), 1 + self.before.failures)

    def announce_request(self, anonymous_id: str) -> None:
        """Write the status before the first request; from then on another id has to wait."""
        if not self.has_sent:
            self.has_sent, self._announced = True, False
            self.outcome.last_id = ids.fingerprint(anonymous_id)
            wait = ids.wait_for_another(self._job.chance())
            self.outcome.another_at = self._job.clock() + wait
            self.announce()

    def conclude(
        self,
        suspects: Suspects[tuple[Segment, Line]],
        *,
        others: bool,
        stopped: bool,
        asked: float,
    ) -> None:
        """Keep what became of the run.

        Args:
            suspects: what the service refused.
            others: there are events of other ids.
            stopped: it ended before everything was tried.
            asked: the seconds that the service asked us to wait.
        """
        outcome, now = self.outcome, self._job.clock()
        if suspects.refused and outcome.error is None:
            how_many = f"{suspects.refused} event{'s' * (suspects.refused != 1)}"
            outcome.error = f"the service refuses {how_many}: {suspects.why}"
        outcome.kept = segments.count(self._job.folder)
        outcome.batch = self.most if self.most < batches.MOST_EVENTS else 0
        outcome.seen = {one.sign(): self._since[one.path] for one in self.waiting()}
        outcome.held_until = outcome.next_at = 0.0
        outcome.failures = 0
        if outcome.error is not None:
            outcome.failures = 1 + (0 if suspects.took_some else self.before.failures)
            outcome.next_at = now + cool_down(outcome.failures, asked, self._job.chance())
        elif outcome.kept and not stopped:
            outcome.held_until = now + HELD
            if others:
                outcome.next_at = outcome.another_at
                outcome.failures = 0 if self.has_sent else self.before.failures
        if self._announced or outcome.kept or outcome.dropped:
            self._save(outcome, outcome.failures)

    def give_up(self, why: str) -> None:
        """Write that nothing could be done, so that not every command tries."""
        self._save(replace(self.outcome, error=why), 1 + self.before.failures)

    def _save(self, outcome: Status, failures: int) -> None:
        """Write it; on a disk that takes no status, the time of the next upload elsewhere."""
        outcome.failures = failures
        if outcome.error is not None and not outcome.next_at:
            wait = cool_down(failures, None, self._job.chance())
            outcome.next_at = self._job.clock() + wait
        if self.gone or not self._job.allowed():
            return
        try:
            status.save(self._job.folder.upload_status, outcome)
        except OSError:
            segments.mark(self._job.folder, outcome.next_at)
