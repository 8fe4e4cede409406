"""The outcome of a gate for people (table, Markdown) and for programs (plain data)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from evalctl.exits import OF_GATE
from evalctl.results.entries import shown
from evalctl.results.tables import signed
from evalctl.suggest import listed

if TYPE_CHECKING:
    from evalctl.results.gating import Candidate, Decided, GateOutcome

HEAD = ("COMPARED", "TIER", "OUTCOME", "DIFFERENCE", "95 % INTERVAL", "MARGIN", "BASELINE", "CANDIDATE", "QUESTIONS")


def rows(candidate: Candidate) -> list[list[str]]:
    """A row per line of the gate, under a row of names."""
    return [list(HEAD), *map(_row, candidate.lines)]


def _row(line: Decided) -> list[str]:
    difference = line.difference
    interval = "–" if difference is None else f"{signed(difference.low)} to {signed(difference.high)}"
    return [
        line.gated.name, line.gated.tier, line.outcome.name, signed(difference.mean if difference else None), interval, _margin(line),
        shown(line.baseline), shown(line.candidate), f"{difference.questions:,}" if difference else "–",
    ]  # fmt: skip


def _margin(line: Decided) -> str:
    """The worst difference that is accepted."""
    return f"{'+' if line.gated.lower_is_better else '-'}{line.gated.margin:g}"


def reasons(candidate: Candidate) -> Iterator[str]:
    """A sentence for each line that is neither PASS nor FAIL, then what differs otherwise and the methods."""
    yield from undecided(candidate)
    yield from candidate.remarks
    yield from _methods(candidate)


def undecided(candidate: Candidate) -> Iterator[str]:
    """Why lines are INCONCLUSIVE or INVALID."""
    if candidate.why:
        yield candidate.why
    for line in candidate.lines:
        if line.why:
            yield f"{line.gated.name}: {line.outcome.name}: {line.why}"
        elif line.decision.left_out:
            yield (
                f"{line.gated.name}: {line.outcome.name}: {line.decision.left_out:,} questions have no value of both models; "
                "the outcome depends on whether they were lost or won"
            )
        elif needed := _needed(line):
            yield f"{line.gated.name}: {line.outcome.name}: {needed} would decide, if the true difference is the one measured"


def _methods(candidate: Candidate) -> Iterator[str]:
    """How the numbers were computed, each method with its lines."""
    found: dict[str, list[str]] = {}
    for line in candidate.lines:
        if line.method:
            found.setdefault(line.method, []).append(line.gated.name)
    yield from (f"method of {listed(names, 4)}: {method}" for method, names in found.items())


def _needed(line: Decided) -> str:
    """How many questions or answers would decide; "" where that is not known."""
    decision, difference = line.decision, line.difference
    if difference is None or decision.outcome.name != "INCONCLUSIVE":
        return ""
    words = []
    if decision.questions is not None:
        words.append(f"about {decision.questions:,} questions (it has {difference.questions:,})")
    if decision.answers is not None:
        words.append(f"{decision.answers} answers to each question")
    return " or ".join(words) or "more than 1,000 times as many questions"


def markdown(made: GateOutcome, cell: Callable[[str], str]) -> str:
    """For the summary of a workflow; `cell` escapes texts of manifests."""
    lines = [f"## gate {cell(made.name)}: {made.outcome.name}", "", f"Baseline: {cell(made.baseline)}", ""]
    for candidate in made.candidates:
        lines += [f"### {cell(candidate.name)}: {candidate.outcome.name}", ""]
        if candidate.lines:
            head, *body = [[cell(text) for text in row] for row in rows(candidate)]
            lines += [_cells(head), _cells(["---"] * len(head)), *map(_cells, body), ""]
        lines += [*(f"- {cell(one)}" for one in reasons(candidate)), ""]
    return "\n".join([*lines, *(f"- {cell(one)}" for one in made.notes), ""])


def _cells(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def as_object(made: GateOutcome) -> dict[str, Any]:
    """For programs."""
    return {
        "gate": made.name, "outcome": made.outcome.name, "exit_code": OF_GATE[made.outcome.name], "baseline": made.baseline,
        "candidates": [_candidate(one) for one in made.candidates], "notes": list(made.notes),
    }  # fmt: skip


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "name": candidate.name, "outcome": candidate.outcome.name, "why": candidate.why,
        "compared": [_object(line) for line in candidate.lines], "remarks": list(candidate.remarks),
    }  # fmt: skip


def _object(line: Decided) -> dict[str, Any]:
    difference, decision = line.difference, line.decision
    return {
        "name": line.gated.name, "tier": line.gated.tier, "entries": [entry.name for entry in line.gated.entries],
        "outcome": line.outcome.name, "why": line.why, "margin": line.gated.margin, "lower_is_better": line.gated.lower_is_better,
        "baseline": line.baseline, "candidate": line.candidate, "difference": difference.mean if difference else None,
        "low": difference.low if difference else None, "high": difference.high if difference else None, "questions": difference.questions if difference else None,
        "needed_questions": decision.questions, "needed_answers": decision.answers,
        "left_out": difference.left_out if difference else None, "method": line.method,
    }  # fmt: skip
