"""How answers ended, as sentences for people and as differences of shares for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalctl.model.aggregate import Stability
from evalctl.results.entries import shown
from evalctl.suggest import plural

WORDS: Mapping[str, str] = {
    "cut_off": "cut off", "unended": "with reasoning that never ended", "refused": "refused", "repeats": "repeating themselves",
    "empty": "empty", "unknown": "whose end is not known",
}  # fmt: skip
FINISHED = "whose answers all ended by themselves"
_MOST = 12  # sentences; programs read all of them


def share(found: Stability, kind: str) -> float:
    """Of all answers."""
    return float(getattr(found, kind)) / found.answers if found.answers else 0.0


def sentences(found: Mapping[str, Stability]) -> Iterator[str]:
    """A sentence for each entry with an answer of any kind, those with the fewest finished questions first."""
    bad = {name: one for name, one in found.items() if any(getattr(one, kind) for kind in WORDS)}
    names = sorted(bad, key=lambda name: bad[name].finished / max(1, bad[name].questions))
    yield from (f"{name}: {_sentence(bad[name])}" for name in names[:_MOST])
    if len(names) > _MOST:
        yield f"how the answers of {len(names) - _MOST} more entries ended: --json"


def _sentence(found: Stability) -> str:
    kinds = ", ".join(f"{share(found, kind):.1%} {word}" for kind, word in WORDS.items() if getattr(found, kind))
    of = f"of {plural(found.answers, 'answer')} {kinds}"
    if found.finished == found.questions:
        return of
    return f"{of}; {shown(found.score)} over the {found.finished:,} of {found.questions:,} questions {FINISHED}"


def both(name: str, model: Stability, baseline: Stability) -> str:
    """A sentence about an entry of two models; "" where all their answers ended well."""
    kinds = [
        f"{word} {share(model, kind):.1%} / {share(baseline, kind):.1%} ({share(model, kind) - share(baseline, kind):+.1%})"
        for kind, word in WORDS.items()
        if getattr(model, kind) or getattr(baseline, kind)
    ]
    if not kinds:
        return ""
    alone = f"{shown(model.score)} / {shown(baseline.score)} over {model.finished:,} / {baseline.finished:,} questions {FINISHED}"
    return f"answers of {name}, model / baseline: {', '.join(kinds)}; {alone}"


def differences(model: Stability | None, baseline: Stability | None) -> dict[str, object] | None:
    """The share of each kind on both sides and their difference; None where one of the two is not known."""
    if model is None or baseline is None:
        return None
    shares = {kind: (share(model, kind), share(baseline, kind)) for kind in WORDS}
    return {
        kind: {"model": mine, "baseline": other, "difference": mine - other} for kind, (mine, other) in shares.items()
    }
