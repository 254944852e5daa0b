"""Which lines of the segments this run sends: those that are fit, of one anonymous id."""

import contextlib
import itertools
import re
from collections.abc import Generator, Sequence

from afterword.exporters.base import Record
from afterword.upload import ids
from afterword.upload.batches import Pending
from afterword.upload.job import Job
from afterword.upload.notes import Notes
from afterword.upload.reading import Reader, Unfit, Waits
from afterword.upload.segments import Line, Segment

_JUNK = 5000  # lines that are settled in one go
_ID = re.compile(rb'"anonymousId":"([0-9a-f-]{36})"')


class Choice:
    """Chooses the id, and reads what is to be sent of it.

    `id`: the anonymous id of this run; None as long as nothing may be sent. `others`: events of
    other ids that were passed over.
    """

    def __init__(self, job: Job, notes: Notes) -> None:
        self._job = job
        self._notes = notes
        self._reader = Reader(job.events, job.version_key, job.version, job.agreed_at)
        self.id: str | None = None
        self.others = 0

    def choose_id(self, here: Sequence[Segment]) -> None:
        """Choose whose events this run sends, if it is not chosen yet."""
        if self.id is not None:
            return
        waiting: dict[str, None] = {}
        for segment in here:
            with contextlib.suppress(OSError):
                for line in segment.lines():
                    if line.text is not None and (found := _ID.search(line.text)):
                        waiting[found[1].decode()] = None
        before = self._notes.before
        may = ids.choose(waiting, before.last_id, before.another_at, self._job.clock())
        if len(waiting) > 1:  # one of whom nothing can be sent is not to take the turn of others
            may = [one for one in may if self._has_fit(here, one)]
        self.id = may[0] if may else None

    def fit(self, segment: Segment, first: int = 0) -> Generator[Pending, None, None]:
        """The records that may leave now, from line number `first` on.

        What is to be dropped is settled in passing.
        """
        junk: list[Line] = []
        try:
            for line, record in self._read(segment, first):
                if isinstance(record, Waits):
                    continue
                if isinstance(record, Unfit):
                    junk.append(Line(line.start, line.length, None))
                    self._notes.outcome.drop(record.args[0])
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

    def _read(
        self, segment: Segment, first: int = 0
    ) -> Generator[tuple[Line, Record | Unfit], None, None]:
        """Each line from number `first` on, and its record, or why it does not leave."""
        old = self._notes.is_old(segment)
        for line in itertools.islice(segment.lines(), first, None):
            try:
                yield line, self._reader.read(line.text, self._notes.now, old=old)
            except Unfit as why:
                yield line, why

    def _has_fit(self, here: Sequence[Segment], anonymous_id: str) -> bool:
        for segment in here:
            with contextlib.suppress(OSError), contextlib.closing(self._read(segment)) as lines:
                for _, record in lines:
                    if not isinstance(record, Unfit) and record.anonymous_id == anonymous_id:
                        return True
        return False
