"""manifests/tasks/metrics.yaml: what goes into aggregated_results.json."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

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


class Metrics(Strict):
    """manifests/tasks/metrics.yaml: what aggregated_results.json lists, in order, and the subset groups."""

    entries: tuple[MetricEntry, ...] = Field(strict=False)
    subset_groups: dict[Name, Annotated[tuple[Line, ...], Field(strict=False)]] = Field(default_factory=dict)

    @cached_property
    def tasks(self) -> frozenset[str]:
        """Every task that goes into an entry, by the framework's name."""
        return frozenset(name for entry in self.entries for name in entry.tasks)
