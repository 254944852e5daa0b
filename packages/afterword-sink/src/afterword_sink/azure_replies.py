"""The replies of the ingestion endpoint of Application Insights."""

import orjson

from afterword_sink.answers import Reply
from afterword_sink.envelopes import ItemError
from afterword_sink.faults import MALFORMED, message


class AzureReplies:
    """Writes the endpoint's replies.

    Args:
        app_id: The id of the resource, part of every reply.
    """

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id

    def own(
        self,
        received: int,
        errors: list[ItemError],
        *,
        partial: bool,
        warning: str = "",  # noqa: ARG002  # has no place
    ) -> Reply:
        """200 if all items were accepted, 206 if some, else the status of the first."""
        accepted = max(received - len(errors), 0)
        status = 200 if not errors else 206 if accepted or partial else errors[0].status
        content = {
            "itemsReceived": received,
            "itemsAccepted": accepted,
            "appId": self._app_id,
            "errors": [
                {"index": error.position, "statusCode": error.status, "message": error.message}
                for error in errors
            ],
        }
        return Reply(status, orjson.dumps(content))

    def refusal(self, status: int, received: int) -> Reply:
        """Every item refused by one status."""
        every = [ItemError(place, status, message(status)) for place in range(received)]
        return Reply(status, self.own(received, every, partial=False).body)

    def malformed(self, how: str, received: int, status: int) -> Reply:
        """A 206 that contradicts itself."""
        return Reply(status, orjson.dumps(MALFORMED[how](received)))
