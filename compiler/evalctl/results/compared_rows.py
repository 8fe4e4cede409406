"""A comparison as rows of a table and sentences below it, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite

from evalctl.model.aggregate import Stability
from evalctl.results import ended_text
from evalctl.results.comparing import ComparedAverage, ComparedEntry, Comparison, Side, SideScore
from evalctl.results.entries import HOW, LOWER, shown, shown_margin
from evalctl.results.question_values import NOT_BOUND
from evalctl.results.stability import Ended
from evalctl.results.tables import SURE, Measured
from evalctl.review.average import Average
from evalctl.review.difference import Difference
from evalctl.review.methods import AVERAGE, HOLM
from evalctl.review.score import Estimate, share
from evalctl.review.verdicts import Verdict
from evalctl.suggest import listed

NOTHING = "–"
FEW_ENTRIES = "fewer than two of its entries can be compared"
ENDED_UNKNOWN = "not in older records: which answers were refused, repeat themselves or have reasoning that never ended (evalctl details)"
_MOST_ENDED = 6  # sentences
_SHOWABLE = "the smallest true difference that so many questions show in 8 of 10 such comparisons"
_INDEPENDENT = "average: corrected among the averages; takes entries for independent, and is about other questions of the same tasks"
NO_ENTRY = "it is not an entry of metrics.yaml"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, or one average."""

    name: str
    baseline: str
    model: str
    errors: tuple[str, str] = ("", "")  # of the baseline and of the model
    difference: str = NOTHING
    verdict: Verdict = Verdict.NOT_COMPARABLE
    why: str = ""
    showable: str = ""
    p: str = ""
    questions: str = ""
    better: str = ""
    worse: str = ""
    cut_off: str = ""


_HEADS: Mapping[str, Callable[[Line], str]] = {
    "ENTRY": lambda one: one.name,
    "BASELINE": lambda one: one.baseline,
    "MODEL": lambda one: one.model,
    "BASELINE ±": lambda one: f"{one.baseline} {one.errors[0]}".rstrip(),
    "MODEL ±": lambda one: f"{one.model} {one.errors[1]}".rstrip(),
    "DIFFERENCE [95 %]": lambda one: one.difference,
    "VERDICT": lambda one: one.verdict.value,
    "COULD SHOW": lambda one: one.showable,
    "P": lambda one: one.p,
    "QUESTIONS": lambda one: one.questions,
    "BETTER": lambda one: one.better,
    "WORSE": lambda one: one.worse,
    "CUT OFF": lambda one: one.cut_off,
}
_NARROW = ("ENTRY", "BASELINE", "MODEL", "DIFFERENCE [95 %]", "VERDICT")
_SURE = ("ENTRY", "BASELINE ±", "MODEL ±", "DIFFERENCE [95 %]", "VERDICT", "COULD SHOW")
# From the most that is shown to the least: the first form that fits is printed.
FORMS = ((*_SURE, "P", "QUESTIONS", "BETTER", "WORSE", "CUT OFF"), (*_SURE, "P", "QUESTIONS"), _SURE, (*_NARROW, "COULD SHOW"), _NARROW)  # fmt: skip


def forms(lines: Sequence[Line]) -> list[list[list[str]]]:
    """The table in each form, without columns that have nothing."""
    return [[list(heads), *([_HEADS[head](one) for head in heads] for one in lines)] for form in FORMS
            if (heads := [head for head in form if head in _NARROW or any(_HEADS[head](one) for one in lines)])]  # fmt: skip


def lines(comparison: Comparison, model: Measured, baseline: Measured, names: Sequence[str]) -> list[Line]:
    """A line per name, averages and entries; those that were not measured at all are left out."""
    entries, means = (
        {each.entry: each for each in comparison.entries},
        {each.name: each for each in comparison.averages},
    )
    made = []
    for name in names:
        texts = (name, baseline.text(name), model.text(name))
        if name in means:
            made.append(_of_average(means[name]))
        elif name in entries:
            made.append(_of_entry(entries[name], texts))
        elif texts[1:] != (NOTHING, NOTHING):
            made.append(Line(*texts, why=FEW_ENTRIES if name in model.means else NO_ENTRY))
    return made


def _of_entry(each: ComparedEntry, texts: tuple[str, str, str]) -> Line:
    errors = (_margin(each.baseline), _margin(each.model))
    cut = _cut_off([each.model.ended, each.baseline.ended])
    if each.difference is None:
        return Line(*texts, errors, verdict=each.verdict, why=each.why, cut_off=cut)
    return Line(
        *texts, errors, with_interval(each.difference), each.verdict, each.why,
        _showable(each.showable) if each.verdict is Verdict.NOT_SHOWN else "",
        _p(each.p), str(each.difference.questions), str(each.better), str(each.worse), cut,
    )  # fmt: skip


def _of_average(mean: ComparedAverage) -> Line:
    return Line(
        mean.name,
        shown(mean.baseline),
        shown(mean.model),
        ("", ""),
        with_interval(mean.difference),
        mean.verdict,
        p=_p(mean.p),
    )


def _cut_off(both: Sequence[Ended | None]) -> str:
    """The model's share and the baseline's; nothing where no answer was cut off."""
    known = [one if one and _is_share(one) else None for one in both]
    if not any(one and one.of_limit[0] for one in known):
        return ""
    return " / ".join(NOTHING if one is None else f"{one.of_limit[0] / one.of_limit[1]:.0%}" for one in known)


def _is_share(answers: Ended) -> bool:
    """A damaged record has other numbers."""
    cut_off, answered = answers.of_limit
    return 0 <= cut_off <= answered and answered > 0


def _margin(score: SideScore) -> str:
    """± the larger distance to an end of the interval."""
    estimate, value = score.estimate, score.value
    if estimate is None or value is None or estimate.low is None or estimate.high is None:
        return ""
    return shown_margin(value, max(value - estimate.low, estimate.high - value)).strip()


def with_interval(difference: Difference | Average) -> str:
    """The difference with its interval."""
    digits = 3 if max(map(abs, (difference.low, difference.high))) <= 1 else 2
    return f"{difference.mean:+.{digits}f} [{difference.low:+.{digits}f}, {difference.high:+.{digits}f}]"


def number(value: float) -> str:
    """An unsigned difference."""
    return f"{value:.3f}" if value <= 1 else f"{value:.2f}"


def _showable(value: float | None) -> str:
    return "" if value is None else number(value) if isfinite(value) else "none"


def _p(value: float | None) -> str:
    return "" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def notes(comparison: Comparison, lines: Sequence[Line], form: Sequence[str]) -> Iterator[str]:
    """What the table of one comparison cannot say."""
    reasons: dict[str, list[str]] = {}
    for line in lines:
        if line.why:
            reasons.setdefault(f"{line.verdict.value}: {line.why}", []).append(line.name)
    yield from (f"{why} ({listed(names, 4)})" for why, names in reasons.items())
    dark = [f"{line.showable} ({line.name})" for line in lines if line.showable]
    if dark and "COULD SHOW" not in form:
        yield f"{_SHOWABLE}: {listed(dark, 6)}"
    left_out = [
        f"{each.difference.left_out:,} ({each.entry})"
        for each in comparison.entries
        if each.difference and each.difference.left_out
    ]
    if lower := [each.entry for each in comparison.entries if each.sign < 0]:
        yield f"{LOWER}: {listed(lower, 6)}"
    if left_out:
        yield f"questions left out, of which the model, the baseline or both have no value: {listed(left_out, 6)}"
    for mean in comparison.averages:
        left = f"; without {listed(mean.left_out, 4)}, which cannot be compared" if mean.left_out else ""
        yield f"{mean.name}: the mean over {len(mean.members)} entries{left}"
    cut = [f"{line.cut_off} ({line.name})" for line in lines if line.cut_off]
    if cut and "CUT OFF" not in form:
        yield f"answers that were cut off, of the model / of the baseline: {listed(cut, 6)}"
    yield from _ended(comparison, {line.name for line in lines})
    yield from _unbound(comparison)
    yield from (f"differs between model and baseline: {remark}" for remark in comparison.remarks)
    yield from comparison.judges


def _unbound(comparison: Comparison) -> Iterator[str]:
    sides = (comparison.model, comparison.baseline)
    if unbound := [f"{side.name} ({len(side.unbound)})" for side in sides if side.unbound]:
        yield f"records without a digest of the values of their questions ({NOT_BOUND}): {listed(unbound)}"


def _ended(comparison: Comparison, names: Collection[str]) -> Iterator[str]:
    """How the answers of both ended, of the entries that are shown."""
    known = [
        (each.entry, _known(each.model), _known(each.baseline)) for each in comparison.entries if each.entry in names
    ]
    found = [text for entry, mine, other in known if mine and other and (text := ended_text.both(entry, mine, other))]
    yield from found[:_MOST_ENDED]
    if len(found) > _MOST_ENDED:
        yield f"how the answers of {len(found) - _MOST_ENDED} more entries ended: --json"


def _known(score: SideScore) -> Stability | None:
    return score.ended.known if score.ended else None


def legend(comparisons: Sequence[Comparison], heads: Collection[str]) -> Iterator[str]:
    """How the numbers of these comparisons were made; once, below the last."""
    entries = [each for one in comparisons for each in one.entries if each.difference]
    if not entries:
        return
    yield f"DIFFERENCE: model minus baseline, question by question. Intervals: {'; '.join(sorted({each.method for each in entries}))}"
    if "BASELINE ±" in heads:
        yield SURE
    if "COULD SHOW" in heads:
        yield f"COULD SHOW: {_SHOWABLE}"
    if "CUT OFF" in heads:
        yield "CUT OFF: the share of answers that were cut off, of the model / of the baseline"
    if len(entries) > 1:
        yield f"VERDICT: at 5 %, with {HOLM} over {len(entries)} comparisons"
    if any(one.averages for one in comparisons):
        yield _INDEPENDENT
    if any(side.ended and not side.ended.known for each in entries for side in (each.model, each.baseline)):
        yield ENDED_UNKNOWN
    yield f"{HOW}, such as: evalctl explain {next(iter(entries[0].method.split(', ')))}"


def as_json(comparison: Comparison, unproven: Mapping[str, object]) -> dict[str, object]:
    """All of it, numbers unrounded; `unproven` has the unproven tasks by the name of the model."""
    return {
        "model": _side(comparison.model, unproven), "baseline": _side(comparison.baseline, unproven),
        "entries": {each.entry: _entry(each) for each in comparison.entries},
        "averages": {each.name: _average(each) for each in comparison.averages},
        "remarks": list(comparison.remarks), "judges": list(comparison.judges), "correction": HOLM, "methods": HOW,
    }  # fmt: skip


def _side(side: Side, unproven: Mapping[str, object]) -> dict[str, object]:
    return {
        "name": side.name, "folder": side.folder, "commit": side.commit or "HEAD", "model": side.aggregate.model,
        "custom_settings": side.aggregate.custom_settings.as_json(), "warnings": list(side.aggregate.warnings),
        "unproven": unproven.get(side.name),
    }  # fmt: skip


def _entry(each: ComparedEntry) -> dict[str, object]:
    return {
        "model": _score(each.model.value, each.model.estimate, each.model.ended),
        "baseline": _score(each.baseline.value, each.baseline.estimate, each.baseline.ended),
        "verdict": each.verdict.value, "why": each.why or None, "lower_is_better": each.sign < 0,
        "ended": ended_text.differences(_known(each.model), _known(each.baseline)),
        "difference": None if each.difference is None else {
            **_interval(each.difference), "p_uncorrected": each.difference.p, "p": each.p, "questions": each.difference.questions,
            "left_out": each.difference.left_out, "better": each.better, "worse": each.worse, "method": each.difference.method,
            "could_show": each.showable if each.showable is not None and isfinite(each.showable) else None,
        },
    }  # fmt: skip


def _interval(difference: Difference | Average) -> dict[str, float]:
    return {"mean": difference.mean, "low": difference.low, "high": difference.high}


def _score(value: float | None, estimate: Estimate | None, answers: Ended | None) -> dict[str, object]:
    names = ("error", "low", "high", "questions", "answers", "clusters", "of_sampling", "method")
    return {
        "score": value, "uncertainty": None if estimate is None else {name: getattr(estimate, name) for name in names},
        "ended": None if answers is None else {
            "answers": answers.answers, "cut_off": answers.cut_off, "empty": answers.empty, "unanswered": answers.unanswered,
            "share_cut_off": _share(answers, estimate), "of_entry": asdict(answers.known) if answers.known else None,
        },
    }  # fmt: skip


def _share(answers: Ended, estimate: Estimate | None) -> dict[str, object] | None:
    """The share of answers that were cut off; None where the number of questions is not known."""
    if estimate is None or not _is_share(answers):
        return None
    cut_off, answered = answers.of_limit
    made = share(cut_off, answered, min(estimate.questions, answered))
    return {"mean": made.mean, "low": made.low, "high": made.high, "method": made.method}


def _average(each: ComparedAverage) -> dict[str, object]:
    return {
        "entries": list(each.members), "left_out": list(each.left_out), "model": each.model, "baseline": each.baseline,
        "verdict": each.verdict.value,
        "difference": {**_interval(each.difference), "p_uncorrected": each.difference.p, "p": each.p, "method": AVERAGE},
    }  # fmt: skip
