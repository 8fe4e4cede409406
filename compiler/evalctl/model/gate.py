"""manifests/gates/NAME.yaml: how much worse than a baseline a model may be, and where. Also the `baseline` of a request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from evalctl.model.fields import GIT_REVISION, Line, Name, ServedModelName, Strict, Text

KINDS_OF_RULES = ("entry", "suite", "language", "average")


class Compared(Strict):
    """A model with its settings, as a request names them: whose scores are compared."""

    model: ServedModelName = Field(description="Hugging Face id of the model, or its name at the provider.")
    custom_settings: Name | None = Field(
        None, description="Name in manifests/models/PUBLISHER/MODEL.yaml; left out: without custom settings."
    )
    provider: Name = Field("vllm", description="Who served the model when it was measured.")


class ComparedAt(Compared):
    """The same, whose scores may be those of an earlier commit."""

    commit: Annotated[str, StringConstraints(pattern=GIT_REVISION, max_length=200)] | None = Field(
        None, description="The scores of this commit (digits, branch or tag); left out: those of now."
    )


class GateRule(Strict):
    """Where a candidate is compared with the baseline, and how much worse it may be."""

    entry: Line | None = Field(None, description="An entry of metrics.yaml.")
    suite: Name | None = Field(None, description="A suite or task key: the main entry of each of its tasks.")
    language: Name | None = Field(
        None, description="A language, as task keys begin (ja, en): each of its main entries that the baseline has."
    )
    average: Name | None = Field(
        None, description="A suite or a language: the mean over its entries, each divided by its full mark."
    )
    margin: Annotated[float, Field(gt=0)] = Field(
        description="How much worse is still acceptable: of an entry in its own units, else as a share of the full mark."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, data: Any) -> Any:
        """Before the fields, so that it is reported together with their mistakes."""
        if not isinstance(data, dict):
            return data
        given = [kind for kind in KINDS_OF_RULES if data.get(kind) is not None]
        if not given:
            help = "add `entry:`, `suite:`, `language:` or `average:`"
            context = {"help": help, "wanted": "entry", "known": list(cls.model_fields)}
            raise PydanticCustomError("missing-key", "`entry` is missing", context)
        if len(given) > 1:
            context = {"key": given[1], "help": "keep one of the two", "other": given[0]}
            raise PydanticCustomError("exclusive-keys", "`{other}` and `{key}` are both given", context)
        return data

    @property
    def kind(self) -> str:
        """Which of KINDS_OF_RULES the rule has."""
        return next(kind for kind in KINDS_OF_RULES if getattr(self, kind) is not None)

    @property
    def name(self) -> str:
        """The name of the entry, suite or language."""
        return str(getattr(self, self.kind))


class Gate(Strict):
    """One gate, a file manifests/gates/NAME.yaml: `evalctl results gate NAME` decides it."""

    baseline: ServedModelName | ComparedAt = Field(description="The model that candidates must not be worse than.")
    candidates: Annotated[tuple[ServedModelName | ComparedAt, ...], Field(min_length=1, strict=False)] = Field(
        description="The models that are compared with the baseline."
    )
    required: Annotated[tuple[GateRule, ...], Field(min_length=1, strict=False)] = Field(
        description="A candidate passes only if it passes each of these."
    )
    advisory: Annotated[tuple[GateRule, ...], Field(strict=False)] = Field(
        (), description="Compared and shown; decides nothing."
    )
    reason: Text | None = Field(None, description="For people who read the gate.")


def compared(written: str | Compared) -> ComparedAt:
    """The model of a gate or of a request's `baseline`, which may be just its name."""
    if isinstance(written, str):
        return ComparedAt.model_validate({"model": written})
    return ComparedAt.model_validate(written.model_dump())
