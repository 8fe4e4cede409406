"""`python -m evalctl_job.run`: one job on its compute node, from the document that its script gives on descriptor 3."""

from __future__ import annotations

from evalctl_job.supervisor.signals import Signals

SIGNALS = Signals()  # before the other imports, which may take a while from a shared file system

import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from evalctl_job.marks import Finished  # noqa: E402
from evalctl_job.run_folder import RunFolder  # noqa: E402
from evalctl_job.supervisor.document import read_job  # noqa: E402
from evalctl_job.supervisor.ending import ENVIRONMENT  # noqa: E402
from evalctl_job.supervisor.job import Course  # noqa: E402
from evalctl_job.supervisor.marks import MarkWriter, now  # noqa: E402
from evalctl_job.supervisor.place import say  # noqa: E402

DOCUMENT = 3


def main() -> int:
    """The job's exit code."""
    folder = RunFolder(Path(os.environ["EVALCTL_RUN_DIR"]))
    umask, begin = int(os.environ.pop("EVALCTL_UMASK", "077"), 8), float(os.environ.pop("EVALCTL_BEGIN", "inf"))
    try:
        with os.fdopen(DOCUMENT, encoding="utf-8", newline="") as file:
            job = read_job(file.read())
    except (OSError, ValueError, TypeError) as error:
        return _unreadable(folder, f"the job in the script cannot be read: {error}")
    return Course(job, folder, umask, begin, SIGNALS).run()


def _unreadable(folder: RunFolder, why: str) -> int:
    """Report a script that was cut off or changed, or is of another version."""
    say(why)
    marks = MarkWriter(folder, lambda text: text.encode("ascii", "replace").decode()[:400])
    marks.write(Finished(exit=ENVIRONMENT, reason="script-failed", detail=why, ended_at=now()))
    folder.spare.unlink(missing_ok=True)
    return ENVIRONMENT


if __name__ == "__main__":
    sys.exit(main())
