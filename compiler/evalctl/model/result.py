"""What was measured: the record of one eval, as its JSON object was read (`recorded`).

A missing score is absent here; the lab's -1 exists only in aggregated_results.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from evalctl.model.recorded import Inputs, Part
from evalctl.model.scores import Scores
from evalctl_job.fence.words import CodeExecution

SCHEMA = "evalctl/result/1"
IMPORTED = "imported-"  # begins the digest of a result measured before evalctl; no eval's digest has it


class Samples(Part):
    """Counts of the answers that a task asked for."""

    __slots__ = ()

    @property
    def asked(self) -> int | None:
        """None where the record does not say it."""
        return self._whole_number("asked")

    @property
    def replayed(self) -> int:
        """Answers from earlier attempts."""
        return self._whole_number("replayed") or 0


class RunFacts(Part):
    """Where and in which attempt it ran."""

    __slots__ = ()

    @property
    def service(self) -> str:
        """The manifest of the site."""
        return self._text("service")

    @property
    def node_kind(self) -> str:
        """One of the service's."""
        return self._text("node_kind")

    @property
    def gpu(self) -> str:
        """As the driver names it."""
        return self._text("gpu")

    @property
    def tensor_parallel(self) -> int | None:
        """GPUs that shared a copy of the model; None where others served it, and in a record of an older evalctl."""
        return self._whole_number("tensor_parallel")

    @property
    def data_parallel(self) -> int | None:
        """Copies of the model; None as above."""
        return self._whole_number("data_parallel")

    @property
    def name(self) -> str:
        """Of the attempt, as the scheduler knows it."""
        return self._text("name")

    @property
    def origin(self) -> tuple[str, int]:
        """The job and the number of the attempt; "" and 0 where the record does not name both."""
        job, attempt = self._facts.get("job"), self._whole_number("attempt")
        return (job, attempt) if isinstance(job, str) and attempt is not None else ("", 0)


class RecordedJudge(Part):
    """The model that scored the answers of a task; several are joined by commas."""

    __slots__ = ()

    @property
    def model(self) -> str:
        """As its provider names it."""
        return self._text("model")

    @property
    def provider(self) -> str:
        """Who served it; `vllm` for the framework's own process."""
        return self._text("provider")

    @property
    def prompts(self) -> str:
        """A digest of its prompts, of 16 hexadecimal digits; "" where they were not found."""
        return self._text("prompts")

    def __str__(self) -> str:
        """In words: gpt-4o-2024-08-06 (openai, prompts 1f0c…)."""
        more = [self.provider, f"prompts {self.prompts[:8]}" if self.prompts else ""]
        named = ", ".join(filter(None, more))
        return f"{self.model} ({named})" if named else self.model


class ValueFiles(Part):
    """The files in git with the questions of a record and the value of each, by their digests; "" where it does not name them."""

    __slots__ = ()

    @property
    def questions(self) -> str:
        """The digest of the question set, which is a part of its file's name."""
        return self._text("questions")

    @property
    def scores(self) -> str:
        """The SHA-256 of scores.json."""
        return self._text("scores")


class EndCounts(Part):
    """How the answers of a record ended, as numbers of answers (`evalctl_job.ends.KINDS`), of `questions` and of `answers`."""

    __slots__ = ()

    def number(self, name: str) -> int | None:
        """One of these numbers."""
        return self._whole_number(name)


class ImportedFrom(Part):
    """When and from which files a result was taken over."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Result(Inputs):
    """The committed record of one eval (result.json) at `path`, which is relative to the repository."""

    path: str

    @property
    def scores(self) -> Scores:
        """What was measured."""
        return Scores(cast("Mapping[str, Mapping[str, float | None]]", self._part("scores")), self._numbers("weights"))

    @property
    def value_files(self) -> ValueFiles:
        """The files with its questions and their values; without digests for a record of an older evalctl."""
        return ValueFiles(self._part("per_question"))

    @property
    def stability(self) -> EndCounts | None:
        """How its answers ended; None where nobody knows it."""
        return EndCounts(self._part("stability")) if self._facts.get("stability") is not None else None

    @property
    def names_questions(self) -> bool:
        """Whether it names files with the values of its questions, however wrongly: a file that it does not name never counts."""
        return self._facts.get("per_question") is not None

    @property
    def samples(self) -> Samples | None:
        """None for a result without counts of answers."""
        return Samples(self._part("samples")) if self._facts.get("samples") is not None else None

    @property
    def completion_tokens(self) -> int | None:
        """Tokens of all answers; None where the record does not say it."""
        return Part(self._part("tokens"))._whole_number("completion")

    @property
    def seconds(self) -> float | None:
        """How long the task worked."""
        return self._number("seconds")

    @property
    def measured_at(self) -> float:
        """When the eval ended; 0 where the record does not say it."""
        return float(self._number("measured_at") or 0)

    @property
    def ran(self) -> RunFacts:
        """Where, and by which attempt."""
        return RunFacts(self._part("ran"))

    @property
    def versions(self) -> Mapping[str, str]:
        """The installed versions of the programs that took part."""
        return self._texts("versions")

    @property
    def environments(self) -> Mapping[str, str]:
        """The job environments by their role: `framework`, `server`."""
        return self._texts("environments")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about its answers: cut off, missing, of another model."""
        found = self._facts.get("warnings")
        return tuple(found) if isinstance(found, list) else ()

    @property
    def judge(self) -> RecordedJudge | None:
        """The model that scored its answers; None where the framework scored them, or the record is older and names none."""
        judge = RecordedJudge(self._part("judge"))
        return judge if judge.model else None

    @property
    def code_execution(self) -> str:
        """What stood around code that the model wrote, in words; "" where none was run, or the record is older."""
        found = self._part("code_execution")
        if not found:
            return ""
        fence, denies = found.get("fence"), found.get("denies")
        return CodeExecution(
            policy="", fence=str(fence), denies=tuple(map(str, denies)) if isinstance(denies, list | tuple) else ()
        ).in_words

    @property
    def imported(self) -> ImportedFrom | None:
        """None for what evalctl measured."""
        return ImportedFrom(self._part("imported")) if "imported" in self._facts else None

    @property
    def entries(self) -> Mapping[str, float | None]:
        """Of an imported aggregate, which has no scores: its entries."""
        return self._numbers("entries")

    @property
    def reused_from(self) -> str:
        """The path of the result that was measured, of a copy for another request."""
        return self._text("reused_from")
