"""What was measured: the record of one eval. A missing score is absent here; the lab's -1 exists only in aggregated_results.json.

An older or a newer evalctl, or a person, may have written a record. Its JSON object is therefore kept as it was read and is
written again so; each property has one meaning and one kind: what a record lacks is "", None or empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from evalctl.model.scores import Scores

SCHEMA = "evalctl/result/1"
IMPORTED = "imported-"  # begins the digest of a result measured before evalctl; no eval's digest has it
Facts = Mapping[str, object]  # a JSON object


@dataclass(frozen=True, slots=True)
class Part:
    """A JSON object of a record, as it was read."""

    _facts: Facts

    def as_json(self) -> Facts:
        """The object, with all that it has besides what is named here."""
        return self._facts

    def recorded(self, name: str, otherwise: object = None) -> object:
        """The value of any kind that the record has; `otherwise` where it has none."""
        return self._facts.get(name, otherwise)

    def _text(self, name: str) -> str:
        return str(self._facts.get(name) or "")

    def _whole_number(self, name: str) -> int | None:
        value = self._facts.get(name)
        return value if type(value) is int else None

    def _number(self, name: str) -> float | None:
        value = self._facts.get(name)
        return value if isinstance(value, (int, float)) else None

    def _part(self, name: str) -> Facts:
        value = self._facts.get(name)
        return value if isinstance(value, dict) else {}

    def _numbers(self, name: str) -> Mapping[str, float | None]:
        return cast("Mapping[str, float | None]", self._part(name))  # the reader refuses all others

    def _texts(self, name: str) -> dict[str, str]:
        return {key: str(value) for key, value in self._part(name).items()}


class RecordedTask(Part):
    """The task: its key, the framework's name of it, its folder in a model folder, and what defines its questions."""

    __slots__ = ()

    @property
    def key(self) -> str:
        """As in tasks_runtime.csv."""
        return self._text("key")

    @property
    def script(self) -> str:
        """The framework's name of the task."""
        return self._text("script")

    @property
    def result_dir(self) -> str:
        """Below the model folder."""
        return self._text("result_dir")

    @property
    def framework(self) -> str:
        """The dialect."""
        return self._text("framework")

    @property
    def framework_version(self) -> str:
        """As it was planned, not as it was found."""
        return self._text("framework_version")

    @property
    def digest(self) -> str:
        """Of the task's own definition; "" for tasks of the framework."""
        return self._text("digest")


class RecordedSettings(Part):
    """The custom settings that were used; empty texts where none were."""

    __slots__ = ()

    @property
    def path(self) -> str:
        """Of their file."""
        return self._text("path")

    @property
    def name(self) -> str:
        """A folder below the model's."""
        return self._text("name")

    @property
    def version(self) -> str:
        """As their file says it."""
        return self._text("version")


class RecordedSubject(Part):
    """The measured model: its provider, revision and custom settings."""

    __slots__ = ()

    @property
    def provider(self) -> str:
        """The provider; `vllm` for a server of the job."""
        return self._text("provider")

    @property
    def model(self) -> str:
        """`publisher/model`."""
        return self._text("model")

    @property
    def revision(self) -> str:
        """Of the weights; "" where a provider serves them."""
        return self._text("revision")

    @property
    def custom_settings(self) -> RecordedSettings:
        """Empty where none were used."""
        return RecordedSettings(self._part("custom_settings"))


class Inputs(Part):
    """The inputs of an eval: everything that its digest covers."""

    __slots__ = ()

    @property
    def digest(self) -> str:
        """Of the eval."""
        return self._text("digest")

    @property
    def task(self) -> RecordedTask:
        """The task of the eval."""
        return RecordedTask(self._part("task"))

    @property
    def subject(self) -> RecordedSubject:
        """The subject of the eval."""
        return RecordedSubject(self._part("subject"))

    @property
    def generation(self) -> Facts:
        """The settings that are sent with each question."""
        return self._part("generation")

    @property
    def server(self) -> Facts:
        """The settings that the server is started with."""
        return self._part("server")

    @property
    def max_samples(self) -> int | None:
        """Of a debugging run, how many questions are asked."""
        return self._whole_number("max_samples")

    @property
    def unanswered(self) -> int:
        """How many questions may stay without an answer."""
        return self._whole_number("unanswered") or 0


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


@dataclass(frozen=True, slots=True)
class Result(Inputs):
    """The committed record of one eval (result.json) at `path`, which is relative to the repository."""

    path: str

    @property
    def scores(self) -> Scores:
        """What was measured."""
        return Scores(cast("Mapping[str, Mapping[str, float | None]]", self._part("scores")), self._numbers("weights"))

    @property
    def per_question(self) -> Facts:
        """The digests of its question set and of the values of its questions; empty for a record of before."""
        return self._part("per_question")

    @property
    def stability(self) -> Facts | None:
        """How its answers ended, as numbers of answers (`evalctl_job.ends.KINDS`); None where nobody knows it."""
        return self._part("stability") if "stability" in self._facts else None

    @property
    def names_questions(self) -> bool:
        """Whether it names files with the values of its questions, however wrongly: a file that it does not name never counts."""
        return self._facts.get("per_question") is not None

    @property
    def samples(self) -> Samples | None:
        """None for a result without counts of answers."""
        return Samples(self._part("samples")) if self._facts.get("samples") is not None else None

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
    def imported(self) -> Facts | None:
        """When and from which files it was taken over; None for what evalctl measured."""
        return self._part("imported") if "imported" in self._facts else None

    @property
    def entries(self) -> Mapping[str, float | None]:
        """Of an imported aggregate, which has no scores: its entries."""
        return self._numbers("entries")

    @property
    def reused_from(self) -> str:
        """The path of the result that was measured, of a copy for another request."""
        return self._text("reused_from")
