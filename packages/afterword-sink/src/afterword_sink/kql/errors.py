"""The error of a query that cannot be answered."""


class QueryError(Exception):
    """A query that cannot be answered.

    Args:
        code: What kind of error, in the API's words: `SyntaxError`, `SemanticError`, ...
        summary: The API's own sentence for that kind.
        detail: What is wrong with this query.
    """

    def __init__(self, code: str, summary: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.summary = summary
        self.detail = detail

    def reply(self) -> dict[str, object]:
        """The body of the API's 400."""
        return {
            "error": {
                "message": "The request had some invalid properties",
                "code": "BadArgumentError",
                "innererror": {
                    "code": self.code,
                    "message": self.summary,
                    "innererror": {"code": self.code, "message": self.detail},
                },
            }
        }
