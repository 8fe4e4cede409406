"""Loads the data sets of tasks into the cache of jobs, by a program of the framework's environment, or lists which are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from evalctl.shell import EnvironmentProblem, stream
from evalctl.sync.context import Context
from evalctl.sync.hub import hub_home, program
from evalctl.sync.weights import hub_cache

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")  # .env may set them for jobs; fetching needs the Hub


@dataclass(frozen=True, slots=True)
class Dataset:
    """One data set and the tasks that read it; `reason` and `detail` say why it is not there."""

    repo: str
    part: str
    revision: str
    tasks: tuple[str, ...]
    reason: str = ""
    detail: str = ""

    def named(self) -> str:
        """REPOSITORY, PART at REVISION, for messages."""
        revision = f" at {self.revision[:12]}" if self.revision else ""
        return f"{self.repo}{f', {self.part}' if self.part else ''}{revision}"


def load(
    context: Context, framework: str, environment: str, scripts: Mapping[str, Sequence[str]],
    begun: Callable[[Dataset], None], ended: Callable[[Dataset], None], *, online: bool,
) -> list[Dataset]:  # fmt: skip
    """Every data set of the scripts (each with its task keys). Without `online` nothing is fetched, as on a node without a network.

    Files that an interrupted call fetched stay; the next call continues.
    """
    reading = _ProgramLines(scripts, begun, ended)
    variables = dict.fromkeys(_OFFLINE, "0" if online else "1")
    variables |= {"HF_HOME": str(hub_home(context)), "HF_HUB_CACHE": str(hub_cache(context))}
    words = ("evalctl_job.fetch_datasets", "--framework", framework, "--", *scripts)
    status = stream(program(context, environment, *words, **variables), reading.line)
    if not reading.done:
        why = f"the program of {environment} ended early (exit status {status}): {reading.last[:400]}"
        raise EnvironmentProblem(why, help="evalctl env check; then the same command again continues")
    return reading.found


class _ProgramLines:
    """The lines of the program (evalctl_job.fetch_datasets) as they come; other lines are output of its libraries."""

    def __init__(
        self, scripts: Mapping[str, Sequence[str]], begun: Callable[[Dataset], None], ended: Callable[[Dataset], None]
    ) -> None:
        self._scripts, self._begun, self._ended = scripts, begun, ended
        self._now = Dataset("", "", "", ())
        self.found = list[Dataset]()
        self.last, self.done = "", False

    def line(self, line: str) -> None:
        """Takes one line."""
        word, *fields = line.rpartition("\r")[2].split("\t")
        if (word, len(fields)) == ("begin", 6):
            self._now = Dataset(fields[2], fields[3], fields[4], self._keys(fields[5].split(",")))
            self._begun(self._now)
        elif (word, len(fields)) == ("end", 3):
            self._end(replace(self._now, reason=fields[1], detail=fields[2]))
        elif (word, len(fields)) == ("task", 3):
            self._end(Dataset(fields[0], "", "", self._keys([fields[0]]), fields[1], fields[2]))
        elif (word, fields) == ("done", []):
            self.done = True
        elif line.strip():
            self.last = line.strip()

    def _end(self, one: Dataset) -> None:
        self.found.append(one)
        self._ended(one)

    def _keys(self, scripts: Sequence[str]) -> tuple[str, ...]:
        return tuple(key for script in scripts for key in self._scripts.get(script, ()))
