"""What this tool tells its makers, and where to. Nothing is recorded before a person says yes."""

from afterword import Event, Notice, Range, Telemetry

from . import __version__

telemetry = Telemetry(
    "tally",
    version=__version__,
    # Your own resource's connection string; TALLY_TELEMETRY_CONNECTION_STRING overrides it.
    connection_string="InstrumentationKey=00000000-0000-0000-0000-000000000000;"
    "IngestionEndpoint=https://yours.invalid",
    events=[Event("counted", "Lines were counted.", lines=Range(10, 1000, 100_000))],
    notice=Notice(
        where="the makers of tally, in their Application Insights, kept for 90 days",
        more="https://tally.example/telemetry",
    ),
)
