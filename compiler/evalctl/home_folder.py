"""Names of all files and folders of EVALCTL_HOME, where evalctl keeps what it makes on this machine and git does not have."""

from __future__ import annotations

from pathlib import Path

from evalctl_job.run_folder import Folder, Named

DEFAULT = ".evalctl"  # in the clone, where EVALCTL_HOME is not set


class Caches(Folder):
    """Files that can be downloaded again. Jobs have caches of their programs here (evalctl_job/supervisor/node.py)."""

    __slots__ = ()
    hub = Named("huggingface")  # models and data sets of the Hub
    downloads = Named("downloads")  # a note for each model that was downloaded
    uploads = Named("uploads")  # what is sent to the Hub


class Remembered(Folder):
    """What one command keeps for the next: losing it costs time only."""

    __slots__ = ()
    compiled = Named("compile")
    results_on_disk = Named("results-on-disk.json")
    committed_results = Named("results.json")
    derived = Named("derived.json")  # aggregates and the leaderboard that follow from records


class HomeFolder(Folder):
    """EVALCTL_HOME."""

    __slots__ = ()
    environments = Named("environments")  # of jobs; unless EVALCTL_ENVIRONMENTS names another folder
    runs = Named("runs")
    answers = Named("answers")  # of evals without a result
    queue = Named("queue")  # of a machine without a scheduler
    probes = Named("probes")  # run folders of `evalctl doctor --probe`
    demo = Named("demo")
    example = Named("example-model")  # of the first request that `evalctl init --example` writes
    lock = Named("sync.lock")

    @property
    def caches(self) -> Caches:
        """Files that can be downloaded again."""
        return Caches(self.path / "caches")

    @property
    def remembered(self) -> Remembered:
        """What one command keeps for the next."""
        return Remembered(self.path / "cache")

    @property
    def private(self) -> tuple[Path, ...]:
        """The folders that are closed to other users, outer ones first."""
        caches = self.caches
        return (
            self.runs, self.answers, self.queue, self.remembered.path, caches.path, caches.downloads, caches.uploads,
        )  # fmt: skip

    def attempts(self, job: str) -> Path:
        """The run folders of a job's attempts."""
        return self.runs / job

    def attempt(self, job: str, number: int) -> Path:
        """The run folder of one attempt."""
        return self.attempts(job) / f"a{number}"


IN_CLONE = HomeFolder(Path(DEFAULT))  # its paths are relative to the clone
