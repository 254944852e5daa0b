"""`azure` and `azure_official` say the same: for any records, equal envelopes, field by field."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from official import Official
from support import KEY

from afterword.exporters import choose
from afterword.exporters.base import Record

DESTINATION = f"InstrumentationKey={KEY};IngestionEndpoint=https://ingestion.example/"
NOW = 1_795_551_596.789

names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
fields = st.one_of(
    st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    st.sampled_from(["session_id", "timestamp", "version", "x" * 150, "x" * 151, "tags", "name"]),
)
values = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.sampled_from(["a,b,c", '"tags": {"a": "b"}', "}{", "x" * 8191, "y" * 8193, ""]),
)
ages = st.one_of(
    st.integers(-3600_000, 30 * 86_400_000).map(lambda ms: ms / 1000),
    st.sampled_from([0.0, -0.001, 48 * 3600.0 - 600, 48 * 3600.0 - 600.001, 86_400.0]),
)
records = st.builds(
    lambda name, age, who, attributes: Record(name, NOW - age, str(who), attributes),
    names,
    ages,
    st.uuids(version=4),
    st.dictionaries(fields, values, max_size=12),
)


@pytest.fixture(scope="module")
def official() -> Iterator[Official]:
    with Official(KEY) as running:
        yield running


@given(batch=st.lists(records, min_size=1, max_size=5))
@settings(max_examples=75, deadline=None)
def test_equal_envelopes(official: Official, batch: list[Record]) -> None:
    ours = choose.make(DESTINATION, role="app", role_version="1.2.3", silence=5, clock=lambda: NOW)
    rendered = json.loads(json.dumps(ours.render(batch)))
    assert rendered == official.sent(NOW, batch)


def test_an_old_event_has_the_time_of_the_day_and_not_of_the_moment(official: Official) -> None:
    old = [Record("e", NOW - age, "id", {}) for age in (49 * 3600, 29 * 86_400, -5)]
    assert {one["time"] for one in official.sent(NOW, old)} == {"2026-11-24T00:00:00Z"}
