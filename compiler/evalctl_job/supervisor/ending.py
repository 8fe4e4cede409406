"""How a job ends: its exit code and why."""

from __future__ import annotations

# Never 99 or 100, which have a special meaning for Grid Engine. The scripts (render/job.sh, doctor/site_test.sh) exit with
# ENVIRONMENT and SECOND_START themselves, before any program of the job runs; tests/render/test_exit_codes.py compares them.
DONE, SOME_FAILED, SERVER_DIED, NEVER_READY, ENVIRONMENT, SECOND_START, STOPPED = 0, 3, 70, 71, 72, 75, 76


class GiveUp(Exception):
    """The job ends now, with this exit code, reason and detail."""

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.status, self.reason, self.detail = status, reason, detail
