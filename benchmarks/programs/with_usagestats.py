"""usagestats, as its README shows: notes while the program runs, `submit` at its end.

It asks first (by a prompt on stderr), so the answer is there before: `enable_reporting`. Its flag
OPERATING_SYSTEM is left out: it calls a function that its dependency no longer has.
"""

import os

import usagestats

stats = usagestats.Stats(
    "~/.bench/usage_stats",
    usagestats.Prompt(enable="bench --enable", disable="bench --disable"),
    f"{os.environ['BENCH_ENDPOINT']}/",
    version="1.0.0",
    unique_user_id=True,
)
stats.enable_reporting()
stats.note({"command": "init", "mark": os.environ["BENCH_MARK"]})
stats.submit({"success": True}, usagestats.PYTHON_VERSION, usagestats.SESSION_TIME)
