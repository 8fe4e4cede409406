"""aggregated_results.json, the lab's form: the entries of metrics.yaml for one model folder, and the evals behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from evalctl.model.recorded import Facts, RecordedSettings
from evalctl.model.result import ImportedFrom, Samples

GENERATED_BY = "evalctl aggregate 5"
MISSING = -1  # the lab's value of an entry that was not measured; used only in this file
Entries = Mapping[str, float | None]  # by name, as metrics.yaml calls them


def is_newer(generated_by: str) -> bool:
    """Whether an evalctl made it that knows more than this one."""
    return _number(generated_by) > _number(GENERATED_BY)


def _number(generated_by: str) -> int:
    found = re.fullmatch(r"evalctl aggregate ([0-9]{1,9})", generated_by, re.ASCII)
    return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class AggregatedEval:
    """One eval: its record, relative to the model folder, and when and how it was measured.

    `measured` is None where nobody wrote down when, `script` "" in an aggregate that an older evalctl made. `imported` says
    when and from where a result was taken over; None for one that evalctl measured. `judge` names the model that scored the
    answers, in words; "" where the framework scored them, or nobody wrote down who did. `code_execution` says what stood around code that
    the model wrote; "" where none was run, or nobody wrote that down.
    """

    digest: str
    script: str
    result: str
    measured: str | None
    samples: Samples | None
    seconds: float | None
    imported: ImportedFrom | None = None
    judge: str = ""
    code_execution: str = ""

    def as_json(self) -> Facts:
        """The eval's part of the file."""
        return {
            "digest": self.digest,
            "script": self.script,
            "result": self.result,
            "measured": self.measured,
            "samples": None if self.samples is None else self.samples.as_json(),
            "seconds": self.seconds,
            **({} if self.imported is None else {"imported": self.imported.as_json()}),
            **({"judge": self.judge} if self.judge else {}),
            **({"code_execution": self.code_execution} if self.code_execution else {}),
        }


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How sure an entry is: the standard error of its mean over `questions`, and the 95 % interval by `method`.

    The meaning of each is that of `review.score.Estimate`. One question, or one cluster, says nothing of others: None.
    """

    questions: int
    answers: int
    clusters: int | None
    error: float | None
    low: float | None
    high: float | None
    of_sampling: float | None
    method: str

    def margin(self, score: float | None) -> float | None:
        """How far the interval goes from the score, on its longer side: all of it is within score ± margin."""
        if score is None or self.low is None or self.high is None:
            return None
        return max(score - self.low, self.high - score)


@dataclass(frozen=True, slots=True)
class Stability:
    """How the answers behind an entry ended, as numbers of answers; one answer may be of several kinds.

    `cut_off` at the limit of tokens, `unended` reasoning without an end, `refused` by the model's own word or a provider's filter,
    `repeats` until it ends, `empty` without a text; of `unknown` ones nobody can say it. `finished` is the number of questions all
    of whose answers ended by themselves, and `score` that of these questions alone.
    """

    questions: int
    answers: int
    cut_off: int
    unended: int
    refused: int
    repeats: int
    empty: int
    unknown: int
    finished: int
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The scores of one model with one set of custom settings.

    `results` has every entry, MISSING where it was not measured; `overall` is these as one line. `unmatched` says of an entry
    that its task has no such metric. `evals` are by the key of the task, `uncertainty` and `stability` by entry.
    """

    model: str
    results: Entries
    overall: str = ""
    tasks: tuple[str, ...] = ()
    custom_settings: RecordedSettings = field(default_factory=lambda: RecordedSettings({}))
    evals: Mapping[str, AggregatedEval] = field(default_factory=dict)
    uncertainty: Mapping[str, Uncertainty] = field(default_factory=dict)
    stability: Mapping[str, Stability] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unmatched: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    generated_by: str = ""

    def as_json(self) -> Facts:
        """The whole file."""
        return {
            "model": self.model,
            "results": self.results,
            "overall": self.overall,
            "tasks": self.tasks,
            "custom_settings": self.custom_settings.as_json(),
            "evals": {task: one.as_json() for task, one in self.evals.items()},
            "uncertainty": {entry: asdict(one) for entry, one in self.uncertainty.items()},
            **({"stability": {entry: asdict(one) for entry, one in self.stability.items()}} if self.stability else {}),
            "missing": self.missing,
            "unmatched": self.unmatched,
            "warnings": self.warnings,
            "generated_by": self.generated_by,
        }
