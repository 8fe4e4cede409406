"""The parts of a record: JSON objects, each kept as it was read, with a property for what it is known to have.

An older or a newer evalctl, or a person, may have written a record, and it is written again with all that it has. Each property
has one meaning and one kind: what a record lacks is "", None or empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

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


NOT_PLANNED = RecordedTask({})  # of a task about which no plan says anything


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
