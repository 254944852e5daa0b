"""One request: the exporter, the thread in which it may hang, and whether it is still wanted."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from afterword.errors import AfterwordError, in_words
from afterword.exporters.base import Exporter, Receipt, Record
from afterword.upload.deadline import Caller, Overdue, Unwanted


class Sender:
    """Makes the requests of one run.

    Args:
        make_exporter: makes the exporter, given the seconds of silence after which it gives up.
        silence: seconds. Bytes that move are waited for longer, up to the request's limit.
        wanted: may a request be made, and its answer be waited for? Asked before and all the while.
    """

    def __init__(
        self,
        make_exporter: Callable[[float], Exporter],
        silence: float,
        wanted: Callable[[], bool],
    ) -> None:
        self._make_exporter = make_exporter
        self._silence = silence
        self._wanted = wanted
        self._exporter: Exporter | None = None
        self._caller: Caller[tuple[Receipt, float]] | None = None
        self.overdue = False
        """Was the last request given up because it took too long?"""
        self.unwanted = False
        """Has somebody turned it off, or deleted what was to be sent?"""
        self.seconds = 0.0
        """How long the last request took."""
        self.left_behind = False
        """Does a request that nobody wants still hang in this process?"""

    def send(self, batch: Sequence[Record], limit: float) -> Receipt:
        """Make one request, given up after `limit` seconds whatever it hangs in."""
        self.overdue = False
        if not self._wanted():
            self.unwanted = True
            return Receipt(retry=False)
        if self._exporter is None:
            try:
                self._exporter = self._make_exporter(self._silence)
            except AfterwordError as error:
                return Receipt(problem=str(error), retry=False)
            except Exception as error:  # noqa: BLE001  # of the libraries under it
                problem = f"the exporter cannot be made: {in_words(error)}"
                return Receipt(problem=problem, retry=False)
        export = partial(_export, self._exporter, batch)
        try:
            self._caller = self._caller or Caller()
            receipt, seconds = self._caller.call(export, limit, self._wanted)
        except RuntimeError:
            return Receipt(problem="no thread could be started", retry=False)
        except Overdue:
            self._leave_behind()  # the next one gets an exporter and a thread of its own
            return self._given_up(limit)
        except Unwanted:
            self.unwanted = True
            self.left_behind = not self._leave_behind()
            return Receipt(retry=False)
        self.seconds = seconds
        answered = receipt.taken or receipt.refused or receipt.kept
        if not answered and receipt.retry and seconds >= self._silence:
            return self._given_up(self._silence)
        return receipt

    def close(self) -> None:
        """Close the connection, and end the thread."""
        if self._caller is not None:
            self._caller.close()
        if self._exporter is not None:
            self._exporter.close()
        self._caller = self._exporter = None

    def rendered(self, records: Sequence[Record]) -> list[object]:
        """Each record as it was on the wire, as a JSON value; none if that cannot be told."""
        if self._exporter is None:
            return []
        try:
            return [item for record in records for item in self._exporter.render([record])]
        except Exception:  # noqa: BLE001  # of an exporter that is not ours
            return []

    def _given_up(self, seconds: float) -> Receipt:
        self.overdue = True
        self.seconds = seconds
        # Whoever got it and was slow to answer has a copy: so no second attempt with the same.
        return Receipt(problem=f"no answer within {seconds:.3g} s", retry=False)

    def _leave_behind(self) -> bool:
        """Cut the connection of a request that hangs; True if it has come back by that."""
        caller, exporter = self._caller, self._exporter
        self._caller = self._exporter = None
        if exporter is not None:
            exporter.close()
        return caller is None or caller.close()


def _export(exporter: Exporter, batch: Sequence[Record]) -> tuple[Receipt, float]:
    """The receipt, and the seconds it took."""
    began = time.monotonic()
    try:
        receipt = exporter.export(batch)
    except Exception as error:  # noqa: BLE001  # of the libraries under it
        receipt = Receipt(problem=f"the exporter failed: {in_words(error)}", retry=False)
    return receipt, time.monotonic() - began
