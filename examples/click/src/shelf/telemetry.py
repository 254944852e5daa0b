"""What this tool tells its makers, and where to. Nothing is recorded before a person says yes."""

from afterword import Notice, Telemetry

from . import __version__

telemetry = Telemetry(
    "shelf",
    version=__version__,
    # Your own resource's connection string; SHELF_TELEMETRY_CONNECTION_STRING overrides it.
    connection_string="InstrumentationKey=00000000-0000-0000-0000-000000000000;"
    "IngestionEndpoint=https://yours.invalid",
    notice=Notice(
        where="the makers of shelf, in their Application Insights, kept for 90 days",
        more="https://shelf.example/telemetry",
    ),
)
