"""glean-sdk, as its documentation shows for Python: declared metrics, a ping at the end.

The ping is written down, and a process that the SDK starts sends it (`allow_multiprocessing`, the
default). Data that is declared before it is collected is the idea that we share with it.
"""

import os
from pathlib import Path

from glean import Configuration, Glean, load_metrics, load_pings

DECLARED = Path(__file__).parent / "glean"
pings = load_pings(DECLARED / "pings.yaml")
metrics = load_metrics(DECLARED / "metrics.yaml")
Glean.initialize(
    application_id="bench",
    application_version="1.0.0",
    upload_enabled=True,
    data_dir=Path.home() / ".bench" / "glean",
    configuration=Configuration(server_endpoint=os.environ["BENCH_ENDPOINT"]),
)
said = metrics.bench.CommandExtra(command="init", success=True, mark=int(os.environ["BENCH_MARK"]))
metrics.bench.command.record(said)
pings.commands.submit()
