"""The names that outputs give their numbers, and the heading of docs/statistics.md that describes each. Light: outputs import it anywhere."""

from __future__ import annotations

from collections.abc import Iterator

# One score.
WILSON, EXACT = "Wilson interval", "Clopper-Pearson interval"
EFFECTIVE, EXACT_EFFECTIVE = (f"{name} of the effective number of questions" for name in (WILSON, EXACT))
STUDENT, WIDENED = "t interval", "adjusted t interval"
# A difference: its interval, and a test where few questions changed.
PAIRED, ADJUSTED = "paired t interval", "adjusted paired interval"
MCNEMAR, FLIPS = "exact McNemar test", "exact sign-flip test"
CLUSTERED = ", by clusters"  # behind the name of an interval
# Of several.
AVERAGE, HOLM = "average over entries", "Holm's correction"
MARGIN, POWER = "non-inferiority by the interval", "power by Student's t"

ANCHORS = {
    WILSON: "wilson-interval", EXACT: "clopper-pearson-interval",
    EFFECTIVE: "effective-number-of-questions", EXACT_EFFECTIVE: "effective-number-of-questions",
    STUDENT: "t-interval", WIDENED: "adjusted-t-interval",
    PAIRED: "paired-t-interval", ADJUSTED: "adjusted-paired-interval",
    MCNEMAR: "exact-mcnemar-test", FLIPS: "exact-sign-flip-test", CLUSTERED.removeprefix(", "): "by-clusters",
    AVERAGE: "average-over-entries", HOLM: "holms-correction", MARGIN: "margins", POWER: "power",
}  # fmt: skip


def is_known(method: object) -> bool:
    """Whether this evalctl computes it; "" is that of one question, which says nothing of others."""
    return isinstance(method, str) and all(part in ANCHORS for part in method.split(", ") if part)


def sections(method: str) -> Iterator[tuple[str, str]]:
    """Each part of a method as an output names it, and the heading on the page that it links to."""
    for part in method.split(", "):
        if part:
            yield part, ANCHORS[part]
