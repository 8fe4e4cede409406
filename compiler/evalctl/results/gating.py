"""Decides gates: each entry and average of a candidate against the baseline, by the interval of their paired difference.

Whatever cannot be compared is INVALID with its reason, never a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.results.comparing import ComparedEntry, compare
from evalctl.results.gated import REQUIRED, Gated
from evalctl.results.sides import Side
from evalctl.review.average import average
from evalctl.review.difference import Difference
from evalctl.review.gate import Decision, Outcome, decide, together
from evalctl.review.methods import AVERAGE, MARGIN
from evalctl.review.spread import Spread
from evalctl.review.verdicts import Verdict
from evalctl.suggest import listed

Doubts = Mapping[str, str]  # the path of a record to why it does not count


@dataclass(frozen=True, slots=True)
class Decided:
    """One line of a gate: scores, difference and margin in the units of the line; `why` is the reason of an outcome without them.

    `decision` has how many questions or answers would decide, where these were too few.
    """

    gated: Gated
    decision: Decision
    baseline: float | None = None
    candidate: float | None = None
    difference: Difference | None = None
    why: str = ""

    @property
    def outcome(self) -> Outcome:
        """PASS, FAIL, INCONCLUSIVE or INVALID."""
        return self.decision.outcome

    @property
    def method(self) -> str:
        """How the outcome was computed; "" where nothing was."""
        return "" if self.difference is None else f"{MARGIN}, {self.difference.method}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate of a gate. `why` is the reason of an outcome without lines: it or the baseline was not measured."""

    name: str
    outcome: Outcome
    lines: tuple[Decided, ...] = ()
    why: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """A gate: the worst outcome of its candidates. `notes` are what was not checked, or the errors of its manifest."""

    name: str
    outcome: Outcome
    baseline: str
    candidates: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()


def undecided(name: str, why: str) -> Candidate:
    """A candidate that cannot be compared at all."""
    return Candidate(name, Outcome.INVALID, why=why)


def faulty(name: str, errors: Sequence[str]) -> GateOutcome:
    """A gate whose manifest, or whose tables, have errors."""
    return GateOutcome(name, Outcome.INVALID, "–", notes=tuple(errors))


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Of several candidates or gates: one that FAILs is not hidden by another of which nothing is known."""
    found = set(outcomes)
    return next((one for one in _BY_WEIGHT if one in found), Outcome.INVALID)


_BY_WEIGHT = (Outcome.FAIL, Outcome.INVALID, Outcome.INCONCLUSIVE, Outcome.PASS)


def candidate(
    model: Side, baseline: Side, compares: Sequence[Gated], metrics: Metrics, mine: Doubts, others: Doubts
) -> Candidate:
    """Decides one candidate; `mine` and `others` are the records of candidate and baseline that do not count."""
    there = [_measured(each, baseline) for each in compares]
    entries = list({entry.name: entry for each in there for entry in each.entries}.values())
    comparison = compare(model, baseline, metrics, entries=entries)
    known = {each.entry: each for each in comparison.entries}
    reasons = {entry.name: _doubt(entry, model, baseline, mine, others) for entry in entries}
    lines = [_decided(each, known, reasons) for each in there if each.entries]
    lines += _empty_rules(compares, lines)
    outcome = together([each.outcome for each in lines if each.gated.tier == REQUIRED])
    return Candidate(model.name, outcome, tuple(lines), remarks=(*comparison.remarks, *comparison.judges))


def _measured(gated: Gated, baseline: Side) -> Gated:
    """Without the entries that the baseline lacks, where the rule is about those that it has."""
    if not gated.optional:
        return gated
    return replace(gated, entries=tuple(entry for entry in gated.entries if baseline.score(entry) is not None))


def _empty_rules(compares: Sequence[Gated], lines: Sequence[Decided]) -> list[Decided]:
    """A rule of which the baseline has no entry compares nothing."""
    found: dict[tuple[str, int], list[Gated]] = {}
    for each in compares:
        found.setdefault(each.rule, []).append(each)
    there = {line.gated.rule for line in lines}
    return [
        _invalid(replace(those[0], name=listed([one.name for one in those], 2)), "the baseline has no score of it")
        for rule, those in found.items() if rule not in there
    ]  # fmt: skip


def _doubt(entry: MetricEntry, model: Side, baseline: Side, mine: Doubts, others: Doubts) -> str:
    for side, doubts in ((model, mine), (baseline, others)):
        for result, _ in side.rows(entry):
            if result.path in doubts:
                return f"{result.path}: {doubts[result.path]}"
    return ""


def _decided(gated: Gated, known: Mapping[str, ComparedEntry], reasons: Mapping[str, str]) -> Decided:
    for entry in gated.entries:
        why = reasons[entry.name] or _why_not(known.get(entry.name))
        if why:
            return _invalid(gated, f"{entry.name}: {why}" if gated.is_average else why)
    parts = [known[entry.name] for entry in gated.entries]
    return averaged(gated, parts) if gated.is_average else _entry(gated, parts[0])


def _why_not(compared: ComparedEntry | None) -> str:
    """Why an entry cannot be compared; "" if it can."""
    if compared is None:
        return "neither model was measured"
    return compared.why if compared.verdict is Verdict.NOT_COMPARABLE else ""


def _invalid(gated: Gated, why: str) -> Decided:
    return Decided(gated, Decision(Outcome.INVALID, gated.margin), why=why)


def _entry(gated: Gated, compared: ComparedEntry) -> Decided:
    decision = decide(compared.difference, gated.margin, lower_is_better=gated.lower_is_better)
    return Decided(gated, decision, compared.baseline.value, compared.model.value, compared.difference, compared.why)


def averaged(gated: Gated, parts: Sequence[ComparedEntry]) -> Decided:
    """The mean of the differences, each as a share of its full mark."""
    full_marks = [entry.full_mark or 1.0 for entry in gated.entries]
    pairs = [(one.difference, full_mark) for one, full_mark in zip(parts, full_marks, strict=True) if one.difference]
    if len(pairs) < len(parts):
        first = next(one for one in parts if not one.difference)
        return Decided(gated, Decision(Outcome.INCONCLUSIVE, gated.margin), why=f"{first.entry}: {first.why}")
    whole = average([difference.spread.over(full_mark) for difference, full_mark in pairs]).of_shares()
    questions = sum(difference.questions for difference, _ in pairs)
    spread = Spread(whole.mean, whole.error**2, inf, len(parts))
    better, worse = (sum(getattr(difference, name) for difference, _ in pairs) for name in ("better", "worse"))
    lost, won = (
        average([one.with_left_out(moved).over(full_mark) for one, full_mark in pairs]) for moved in (-1.0, 1.0)
    )
    made = Difference(
        whole.mean, whole.low, whole.high, whole.p, questions, better, worse, AVERAGE, spread,
        left_out=sum(difference.left_out for difference, _ in pairs), of_parts=(lost.low, won.high),
    )  # fmt: skip
    decision = decide(made, gated.margin, lower_is_better=gated.lower_is_better)
    theirs, its = (
        [side.value for side in sides] for sides in zip(*((one.baseline, one.model) for one in parts), strict=True)
    )
    return Decided(gated, decision, _mean(theirs, full_marks), _mean(its, full_marks), made)


def _mean(values: Sequence[float | None], full_marks: Sequence[float]) -> float:
    shares = [(value or 0.0) / full_mark for value, full_mark in zip(values, full_marks, strict=True)]
    return sum(shares) / len(shares)
