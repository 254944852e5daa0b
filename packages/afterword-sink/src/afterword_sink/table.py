"""The `customEvents` table: its columns, in Application Insights' order, and where each comes from.

The columns are those of the table behind the public query API (api.applicationinsights.io),
not of the workspace's `AppEvents`. A text column is never null there, so it is never null here.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

APP_NAME = "afterword-sink"
RESOURCE_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/local"
    f"/providers/microsoft.insights/components/{APP_NAME}"
)

_TIME = """TRY_CAST(e."time" AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"""
_COUNT = 'CAST(least(round(100 / coalesce(e."sampleRate", 100)), 2147483647) AS INTEGER)'
_BASE = 'e."data"."baseData"'
_TAGS = 'e."tags"'


class Column(NamedTuple):
    """One column.

    Attributes:
        name: As queries say it.
        type: DuckDB's type.
        source: SQL over `e`, the envelope as a struct; `$app_id` is the resource's own.
    """

    name: str
    type: str
    source: str


def _tag(key: str, otherwise: str = "") -> str:
    return f"coalesce({_TAGS}.\"{key}\", '{otherwise}')"


_CUSTOM_EVENTS = (
    Column("timestamp", "TIMESTAMP", _TIME),
    Column("name", "VARCHAR", f'{_BASE}."name"'),
    Column("itemType", "VARCHAR", "'customEvent'"),
    Column("customDimensions", "JSON", f"coalesce({_BASE}.\"properties\", '{{}}')"),
    Column("customMeasurements", "JSON", f"coalesce({_BASE}.\"measurements\", '{{}}')"),
    Column("operation_Name", "VARCHAR", _tag("ai.operation.name")),
    Column("operation_Id", "VARCHAR", _tag("ai.operation.id")),
    Column("operation_ParentId", "VARCHAR", _tag("ai.operation.parentId")),
    Column("operation_SyntheticSource", "VARCHAR", _tag("ai.operation.syntheticSource")),
    Column("session_Id", "VARCHAR", _tag("ai.session.id")),
    Column("user_Id", "VARCHAR", _tag("ai.user.id")),
    Column("user_AuthenticatedId", "VARCHAR", _tag("ai.user.authUserId")),
    Column("user_AccountId", "VARCHAR", _tag("ai.user.accountId")),
    Column("application_Version", "VARCHAR", _tag("ai.application.ver")),
    Column("client_Type", "VARCHAR", _tag("ai.device.type", "PC")),
    Column("client_Model", "VARCHAR", _tag("ai.device.model")),
    Column("client_OS", "VARCHAR", _tag("ai.device.osVersion")),
    # The service sets the address to zeros after it has looked up the place; the sink looks up
    # nothing, so the place stays empty.
    Column("client_IP", "VARCHAR", "'0.0.0.0'"),
    Column("client_City", "VARCHAR", "''"),
    Column("client_StateOrProvince", "VARCHAR", "''"),
    Column("client_CountryOrRegion", "VARCHAR", "''"),
    Column("client_Browser", "VARCHAR", "''"),
    Column("cloud_RoleName", "VARCHAR", _tag("ai.cloud.role")),
    Column("cloud_RoleInstance", "VARCHAR", _tag("ai.cloud.roleInstance")),
    Column("appId", "VARCHAR", "$app_id"),
    Column("appName", "VARCHAR", f"'{APP_NAME}'"),
    Column("iKey", "VARCHAR", 'e."iKey"'),
    Column("sdkVersion", "VARCHAR", _tag("ai.internal.sdkVersion")),
    Column("itemId", "VARCHAR", "CAST(gen_random_uuid() AS VARCHAR)"),
    Column("itemCount", "INTEGER", _COUNT),
    Column("_ResourceId", "VARCHAR", f"'{RESOURCE_ID}'"),
)

_OTHER_ITEMS = (
    Column("timestamp", "TIMESTAMP", _TIME),
    Column("baseType", "VARCHAR", 'e."data"."baseType"'),
    Column("name", "VARCHAR", 'e."name"'),
    Column("iKey", "VARCHAR", 'e."iKey"'),
    Column("tags", "JSON", _TAGS),
    Column("baseData", "JSON", _BASE),
)

_TAGS_USED = (
    "ai.application.ver",
    "ai.cloud.role",
    "ai.cloud.roleInstance",
    "ai.device.model",
    "ai.device.osVersion",
    "ai.device.type",
    "ai.internal.sdkVersion",
    "ai.operation.id",
    "ai.operation.name",
    "ai.operation.parentId",
    "ai.operation.syntheticSource",
    "ai.session.id",
    "ai.user.accountId",
    "ai.user.authUserId",
    "ai.user.id",
)
# An envelope as DuckDB reads it: only what a column needs.
_EVENT = {
    "time": "VARCHAR",
    "iKey": "VARCHAR",
    "sampleRate": "DOUBLE",
    "tags": dict.fromkeys(_TAGS_USED, "VARCHAR"),
    "data": {"baseData": {"name": "VARCHAR", "properties": "JSON", "measurements": "JSON"}},
}
_OTHER = {
    "name": "VARCHAR",
    "time": "VARCHAR",
    "iKey": "VARCHAR",
    "tags": "JSON",
    "data": {"baseType": "VARCHAR", "baseData": "JSON"},
}


class Table(NamedTuple):
    """One table.

    Attributes:
        name: As queries say it.
        columns: In the order of `SELECT *`.
        envelope: The structure DuckDB reads an envelope into.
    """

    name: str
    columns: tuple[Column, ...]
    envelope: Mapping[str, object]

    def create(self) -> str:
        """SQL that makes the table unless it is there."""
        columns = ", ".join(f'"{column.name}" {column.type}' for column in self.columns)
        return f'CREATE TABLE IF NOT EXISTS "{self.name}" ({columns})'

    def insert(self) -> str:
        """SQL that adds envelopes; parameter `items`: a JSON array's text; `app_id` where used.

        One parameter for thousands of envelopes: DuckDB parses and spreads them in C++, a
        hundred times as fast as a row at a time.
        """
        sources = ", ".join(column.source for column in self.columns)
        return (
            f'INSERT INTO "{self.name}" SELECT {sources} FROM '  # noqa: S608  # names from this file
            f"(SELECT unnest(from_json($items, '{json.dumps([self.envelope])}')) AS e)"
        )


CUSTOM_EVENTS = Table("customEvents", _CUSTOM_EVENTS, _EVENT)
# Whatever is no custom event: kept only so that one can see that it came.
OTHER_ITEMS = Table("otherItems", _OTHER_ITEMS, _OTHER)
