"""What one attempt costs: the price of its service on the day of its claim, and how long it ran. The ledger keeps one per attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from evalctl_job.typed import Form, Moment

_MOST = 1e15
Quantity = Annotated[float, Form(lambda value: 0 <= value < _MOST, "no quantity")]
Line = Annotated[str, Form(lambda value: len(value) <= 200 and value.isprintable(), "no line of text")]

MARKS, ACCOUNTING, AT_MOST, NEVER_RAN = "marks", "accounting", "at-most", "never-ran"


def units(used_rate: float, reserved_rate: float, minimum_s: float, elapsed_s: float, walltime_s: float) -> float:
    """The charge for a job by these rates per hour, in the service's unit."""
    charged = used_rate * max(elapsed_s, minimum_s) + reserved_rate * walltime_s
    # Both sites cut after the fourth decimal; rounding first, because 0.001 may be 0.00099999… in binary.
    return int(round(charged / 3600 * 10_000, 6)) / 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """The cost of one attempt in the service's unit (`unit` is "" where the service names no price).

    `used_rate` and `reserved_rate` are units per hour: coefficient x priority factor x the weights of elapsed time and of walltime.
    `seconds` has for each task the time that the table allows it: the cost is divided by these. `elapsed` is None until the
    attempt ends; `how` says where it comes from: marks of the job, the scheduler's accounting, at most (a job that left no end), never ran.
    """

    model: Line
    node_kind: Line
    person: Line
    walltime: Quantity
    coefficient: Quantity = 0.0
    priority_factor: Quantity = 1.0
    unit: Line = ""
    used_rate: Quantity = 0.0
    reserved_rate: Quantity = 0.0
    minimum_seconds: Quantity = 0.0
    currency: Line = ""
    currency_per_unit: Quantity | None = None
    checked: Line = ""
    seconds: Mapping[str, Quantity] = field(default_factory=dict)
    elapsed: Quantity | None = None
    how: Line = ""
    ended_at: Moment | None = None
    amount: Quantity | None = None

    @property
    def worst(self) -> float:
        """What it costs if the whole walltime is used."""
        return self.after(self.walltime)

    def after(self, elapsed: float) -> float:
        """What it costs if it runs for so long."""
        return units(self.used_rate, self.reserved_rate, self.minimum_seconds, elapsed, self.walltime)
