"""azure-cli-telemetry, as Azure CLI's core calls it at the end of a command: `save`.

It writes the payload into a cache and starts a process that uploads. The address of the service is
a constant in a package below it; `environments.py` makes it a variable.
"""

import json
import os

from azure.cli.telemetry import DEFAULT_INSTRUMENTATION_KEY, save

event = {
    "name": "azurecli/command",
    "properties": {"command": "init", "success": "True", "mark": os.environ["BENCH_MARK"]},
}
folder = os.path.join(os.environ["HOME"], ".azure")
os.makedirs(folder, exist_ok=True)
save(folder, json.dumps({DEFAULT_INSTRUMENTATION_KEY: [event]}))
