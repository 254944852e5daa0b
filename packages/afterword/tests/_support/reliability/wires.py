"""Over which wire a test runs: by the fixture `wire`, which `app` and `upload` follow.

What is marked `every_wire` runs over Azure's, by the standard library, in `make test`, and over all
three in `make faults`. What is marked `each_wire` runs over all three always.
"""

import pytest

WIRES = ("azure", "azure_official", "otlp")


def _wires(*others: pytest.MarkDecorator) -> pytest.MarkDecorator:
    found = [WIRES[0], *(pytest.param(wire, marks=others) for wire in WIRES[1:])]
    return pytest.mark.parametrize("wire", found, indirect=True)


every_wire = _wires(pytest.mark.long)
each_wire = _wires()
