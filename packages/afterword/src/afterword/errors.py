"""The exceptions, for developers; a user's command never sees one from recording or sending.

AfterwordError
├── DeclarationError      what is declared breaks a rule: it could hold free text, or not be sent
├── UndeclaredError       something was recorded that is not declared (raised in development only)
├── DestinationError      the connection string is missing something, or is not safe to send to
└── MissingExtraError     this needs an extra that is not installed, e.g. `afterword[azure]`
"""


def in_words(error: BaseException) -> str:
    """What an exception of somebody else's code means, for a person.

    Its class means nothing to them, and its message may hold a secret: what is left is what the
    system says.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "an error within it"


class AfterwordError(Exception):
    """Anything this package raises on purpose."""


class DeclarationError(AfterwordError, ValueError):
    """What an application declares breaks a rule: it could hold free text, or not be sent."""


class UndeclaredError(AfterwordError, ValueError):
    """Something was recorded that is not declared: the event, a field, or a field's value."""


class DestinationError(AfterwordError, ValueError):
    """The connection string is missing something, or names a place not safe to send to."""


class MissingExtraError(AfterwordError, ImportError):
    """A part was asked for whose extra is not installed."""

    def __init__(self, extra: str, cause: str) -> None:
        super().__init__(f"{cause}; install it with: pip install 'afterword[{extra}]'")
        self.extra = extra
