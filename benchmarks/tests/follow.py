"""Follow one command by the harness, in a process of its own: `python follow.py REQUEST`.

The harness makes its process the subreaper of all that starts below it, for good, and ends whom it
finds there: not in a test run's own process.
"""

import dataclasses
import json
import os
import sys

from processes import Family, ProgramError

request = json.loads(sys.argv[1])
family = Family(request["said"])
spared = family.start(request["spared"], os.environ) if request["spared"] else 0
if spared:
    family.spare_the_living()
try:
    run = family.run(request["command"], os.environ, **request["settings"])
except ProgramError as error:
    sys.exit(str(error))
lives = bool(spared) and os.waitpid(spared, os.WNOHANG) == (0, 0)
if lives:
    os.kill(spared, 9)
json.dump({**dataclasses.asdict(run), "spared_lives": lives}, sys.stdout)
