"""How `atomic` uses the engine: one `Telemetry`, made once, from the declarations in `events`."""

import sys

from afterword import Telemetry
from afterword.consent import Notice
from atomic import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from afterword import Event

# Write-only and meant to be public: with it anyone can add events, nobody can read one.
# The project has no resource yet; a name under `.invalid` is never resolved (RFC 2606), so that
# nothing can go to a stranger. A release puts its own resource's connection string here.
CONNECTION_STRING = (
    "InstrumentationKey=6c6b0d3e-8f0d-4b2e-9d53-1f6b6f4b7a10;"
    "IngestionEndpoint=https://telemetry.atomic.invalid/"
)


def command() -> tuple[str, ...]:
    """How this very `atomic` is started again; empty if that cannot be told."""
    if not sys.executable:
        return ()
    if getattr(sys, "frozen", False):
        return (sys.executable,)
    # `-P`: no module out of whatever folder the user stands in; `-c` and not `-m`, which imports
    # `runpy` and what that needs before it comes to us.
    return (sys.executable, "-P", "-c", "from atomic.__main__ import main; main()")


def _events() -> "tuple[Event, ...]":
    from atomic.events import EVENTS

    return EVENTS


NOTICE = Notice(
    collected="which atomic and workflow commands are used, with which agent, and if they work",
    never="prompts, arguments, code, file names, paths, addresses, your or your machine's name",
    where="the makers of atomic, in Azure Application Insights, over TLS, for 90 days; Azure notes "
    "the city and country of your internet address, and not the address",
    more="atomic telemetry schema lists every field there is",
)

_made: list[Telemetry] = []


def telemetry() -> Telemetry:
    """The one `Telemetry` of this process."""
    if not _made:
        _made.append(
            Telemetry(
                "atomic",
                version=__version__,
                events=_events,
                connection_string=CONNECTION_STRING,
                notice=NOTICE,
                exporter="azure_official",
                keeps=("sessions",),
                uploader=(*command(), "--upload-telemetry") if sys.executable else (),
            )
        )
    return _made[0]
