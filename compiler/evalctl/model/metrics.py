"""manifests/tasks/metrics.yaml: what goes into aggregated_results.json."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from evalctl.model.fields import Line, Name, Strict

MetricFunction = Literal["pick", "micro", "mean"]


class MetricEntry(Strict):
    """One line of aggregated_results.json."""

    name: Line
    function: MetricFunction
    metrics: Annotated[tuple[Line, ...], Field(min_length=1, strict=False)]
    tasks: Annotated[tuple[Line, ...], Field(min_length=1, strict=False)] = Field(
        description="Framework task name(s); with several, whichever was run counts."
    )
    subsets: Name | None = Field(None, description="A group of subset_groups; all subsets if left out.")
    full_mark: Annotated[float, Field(gt=0)] | None = Field(
        1.0, description="The value of a perfect score: averages divide by it. null: it takes part in no average."
    )
    clusters: Literal["subsets"] | None = Field(
        None, description="subsets: each is a passage or a conversation, whose questions depend on each other."
    )
    lower_is_better: bool = Field(
        False,
        description="Whether a lower score is the better one (word error rate); such an entry has no full_mark and takes part in no average.",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_full_mark(cls, data: Any) -> Any:
        """0 is the perfect score where lower is better: nothing is a share of it."""
        if not isinstance(data, dict) or data.get("lower_is_better") is not True:
            return data
        if data.get("full_mark") is not None:
            context = {
                "key": "full_mark",
                "help": "remove `full_mark`: 0 is the perfect score where lower is better",
                "other": "lower_is_better",
            }
            raise PydanticCustomError("exclusive-keys", "`{other}` and `{key}` are both given", context)
        return {**data, "full_mark": None}

    @property
    def sign(self) -> int:
        """1 where a higher score is better, -1 where a lower one is: a difference times this is above 0 where it is better."""
        return -1 if self.lower_is_better else 1


class Metrics(Strict):
    """manifests/tasks/metrics.yaml: what aggregated_results.json lists, in order, and the subset groups."""

    entries: tuple[MetricEntry, ...] = Field(strict=False)
    subset_groups: dict[Name, Annotated[tuple[Line, ...], Field(strict=False)]] = Field(default_factory=dict)

    @cached_property
    def tasks(self) -> frozenset[str]:
        """Every task that goes into an entry, by the framework's name."""
        return frozenset(name for entry in self.entries for name in entry.tasks)
