"""The columns of a table, and the SQL that creates and fills it.

Pure: names and expressions in, SQL out. `tables` lists the tables.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

APP_NAME = "afterword-sink"
RESOURCE_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/local"
    f"/providers/microsoft.insights/components/{APP_NAME}"
)
BASE = 'e."data"."baseData"'
_TAGS = 'e."tags"'


class Column(NamedTuple):
    """One column.

    Attributes:
        name: In the table behind the public query API (api.applicationinsights.io).
        type: DuckDB's type.
        source: SQL over `e`, the envelope as a struct; `$app_id` is the resource's own.
        workspace: Its name in the workspace's table; empty where it has none.
    """

    name: str
    type: str
    source: str
    workspace: str = ""


class Table(NamedTuple):
    """The table of one kind of telemetry, which has two names.

    Attributes:
        name: In the query API, `customEvents`.
        workspace: In a workspace, `AppEvents`.
        columns: In the order of `SELECT *`.
        base: The structure of `baseData`, as DuckDB reads it.
    """

    name: str
    workspace: str
    columns: tuple[Column, ...]
    base: Mapping[str, object]

    def create(self) -> tuple[str, str]:
        """SQL that creates the table and the workspace's view of it if they are missing."""
        columns = ", ".join(f'"{column.name}" {column.type}' for column in self.columns)
        shown = ", ".join(
            f'{_SHOWN.get(column.name, _quoted(column.name))} AS "{column.workspace}"'
            for column in self.columns
            if column.workspace
        )
        view = (
            f'CREATE VIEW IF NOT EXISTS "{self.workspace}" AS '  # noqa: S608  # names from this package
            f'SELECT {shown}, \'{self.workspace}\' AS "Type" FROM "{self.name}"'
        )
        return f'CREATE TABLE IF NOT EXISTS "{self.name}" ({columns})', view

    def insert(self) -> str:
        """SQL that adds envelopes; parameter `items`: a JSON array's text, and `app_id`.

        One parameter for thousands of envelopes: DuckDB parses and spreads them in C++, a
        hundred times as fast as a row at a time.
        """
        sources = ", ".join(column.source for column in self.columns)
        envelope = {
            "time": "VARCHAR",
            "iKey": "VARCHAR",
            "sampleRate": "DOUBLE",
            "tags": dict.fromkeys(_TAGS_USED, "VARCHAR"),
            "data": {"baseData": self.base},
        }
        return (
            f'INSERT INTO "{self.name}" SELECT {sources} FROM '  # noqa: S608  # names from this package
            f"(SELECT unnest(from_json($items, '{json.dumps([envelope])}')) AS e)"
        )


def text(field: str) -> str:
    """A text field of `baseData`; a text column is never null, as in the service."""
    return f"coalesce({BASE}.\"{field}\", '')"


def number(field: str) -> str:
    """A number of `baseData`."""
    return f'{BASE}."{field}"'


def flag(field: str) -> str:
    """A boolean of `baseData`, in the words of the service."""
    return f"CASE lower({BASE}.\"{field}\") WHEN 'true' THEN 'True' WHEN 'false' THEN 'False' END"


def document(field: str, otherwise: str = "{}") -> str:
    """A dynamic value of `baseData`."""
    return f"coalesce({BASE}.\"{field}\", '{otherwise}')"


def milliseconds(field: str) -> str:
    """A duration of `baseData`, `[d.]hh:mm:ss[.fffffff]`, in milliseconds."""
    value = f'{BASE}."{field}"'
    return (
        f"coalesce(TRY_CAST(regexp_extract({value}, '^(\\d+)\\.', 1) AS DOUBLE), 0) * 86400000 + "
        f"epoch(TRY_CAST(regexp_extract({value}, '(\\d+:\\d+:\\d+(\\.\\d{{1,6}})?)\\d*$', 1)"
        " AS INTERVAL)) * 1000"
    )


def severity(field: str) -> str:
    """A severity of `baseData`: SDKs write its number or its name."""
    value = f'{BASE}."{field}"'
    names = ("verbose", "information", "warning", "error", "critical")
    cases = " ".join(f"WHEN '{name}' THEN {level}" for level, name in enumerate(names))
    return f"CASE lower({value}) {cases} ELSE TRY_CAST({value} AS INTEGER) END"


def bucket(field: str) -> str:
    """The performance bucket of a duration."""
    buckets = (
        (250, "<250ms"), (500, "250ms-500ms"), (1_000, "500ms-1sec"), (3_000, "1sec-3sec"),
        (7_000, "3sec-7sec"), (15_000, "7sec-15sec"), (30_000, "15sec-30sec"),
        (60_000, "30sec-1min"), (120_000, "1min-2min"), (300_000, "2min-5min"),
    )  # fmt: skip
    spent = milliseconds(field)
    cases = " ".join(f"WHEN {spent} < {limit} THEN '{name}'" for limit, name in buckets)
    return f"CASE {cases} WHEN {spent} IS NOT NULL THEN '>=5min' ELSE '' END"


def columns(
    item_type: str, *own: Column, properties: bool = True, measurements: bool = False
) -> tuple[Column, ...]:
    """All columns of a table: the time, its own, and those that every table has.

    Args:
        item_type: What stands in `itemType`.
        own: Its own columns.
        properties: Whether it has `customDimensions`.
        measurements: Whether it has `customMeasurements`.
    """
    return (
        Column(
            "timestamp",
            "TIMESTAMP",
            """TRY_CAST(e."time" AS TIMESTAMPTZ) AT TIME ZONE 'UTC'""",
            "TimeGenerated",
        ),
        *own,
        Column("itemType", "VARCHAR", f"'{item_type}'"),
        *((_PROPERTIES,) if properties else ()),
        *((_MEASUREMENTS,) if measurements else ()),
        *_COMMON,
    )


def _tag(key: str, otherwise: str = "") -> str:
    return f"coalesce({_TAGS}.\"{key}\", '{otherwise}')"


def _quoted(name: str) -> str:
    return f'"{name}"'


_SHOWN = {"success": 'CAST("success" AS BOOLEAN)'}  # text in the query API
_PROPERTIES = Column("customDimensions", "JSON", document("properties"), "Properties")
_MEASUREMENTS = Column("customMeasurements", "JSON", document("measurements"), "Measurements")
_COUNT = 'CAST(least(round(100 / coalesce(e."sampleRate", 100)), 2147483647) AS INTEGER)'
_COMMON = (
    Column("operation_Name", "VARCHAR", _tag("ai.operation.name"), "OperationName"),
    Column("operation_Id", "VARCHAR", _tag("ai.operation.id"), "OperationId"),
    Column("operation_ParentId", "VARCHAR", _tag("ai.operation.parentId"), "ParentId"),
    Column(
        "operation_SyntheticSource",
        "VARCHAR",
        _tag("ai.operation.syntheticSource"),
        "SyntheticSource",
    ),
    Column("session_Id", "VARCHAR", _tag("ai.session.id"), "SessionId"),
    Column("user_Id", "VARCHAR", _tag("ai.user.id"), "UserId"),
    Column("user_AuthenticatedId", "VARCHAR", _tag("ai.user.authUserId"), "UserAuthenticatedId"),
    Column("user_AccountId", "VARCHAR", _tag("ai.user.accountId"), "UserAccountId"),
    Column("application_Version", "VARCHAR", _tag("ai.application.ver"), "AppVersion"),
    Column("client_Type", "VARCHAR", _tag("ai.device.type", "PC"), "ClientType"),
    Column("client_Model", "VARCHAR", _tag("ai.device.model"), "ClientModel"),
    Column("client_OS", "VARCHAR", _tag("ai.device.osVersion"), "ClientOS"),
    # The service looks up the place of the address and then stores zeros; the sink looks up
    # nothing, so the place is empty.
    Column("client_IP", "VARCHAR", "'0.0.0.0'", "ClientIP"),
    Column("client_City", "VARCHAR", "''", "ClientCity"),
    Column("client_StateOrProvince", "VARCHAR", "''", "ClientStateOrProvince"),
    Column("client_CountryOrRegion", "VARCHAR", "''", "ClientCountryOrRegion"),
    Column("client_Browser", "VARCHAR", "''", "ClientBrowser"),
    Column("cloud_RoleName", "VARCHAR", _tag("ai.cloud.role"), "AppRoleName"),
    Column("cloud_RoleInstance", "VARCHAR", _tag("ai.cloud.roleInstance"), "AppRoleInstance"),
    Column("appId", "VARCHAR", "$app_id", "ResourceGUID"),
    Column("appName", "VARCHAR", f"'{APP_NAME}'"),
    Column("iKey", "VARCHAR", 'e."iKey"', "IKey"),
    Column("sdkVersion", "VARCHAR", _tag("ai.internal.sdkVersion"), "SDKVersion"),
    Column("itemId", "VARCHAR", "CAST(gen_random_uuid() AS VARCHAR)"),
    Column("itemCount", "INTEGER", _COUNT, "ItemCount"),
    Column("_ResourceId", "VARCHAR", f"'{RESOURCE_ID}'", "_ResourceId"),
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
