"""Runs hostile code behind a fence of the job's own making, and says what each attack came to. A program: facts come on stdin.

python fence_desk.py KIND          KIND is the fence's; the facts are those of `hostile_code`
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial

from hostile_code import ATTACKS, outcome

from evalctl_job.fence import view
from evalctl_job.fence.minder import RunPlace, run
from evalctl_job.fence.offer import in_child

if __name__ == "__main__":
    facts = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        place = RunPlace(folder, view.readable())
        results = {
            name: in_child(lambda link, source=source: run(partial(outcome, source, facts), sys.argv[1], place, link))
            for name, source in ATTACKS.items()
        }
    sys.stdout.write(json.dumps(results) + "\n")
