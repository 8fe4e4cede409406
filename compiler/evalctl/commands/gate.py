"""`evalctl results gate`: decides gates from committed results; the exit code is the outcome."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalctl import report, terminal
from evalctl.clone.gates import gates_of
from evalctl.clone.requests import RESULTS_CACHE
from evalctl.exits import OF_GATE
from evalctl.git.repository import open_repository
from evalctl.load.places import GATES
from evalctl.model.diagnostic import ERROR, NOTE, WARNING, Diagnostic, Span, has_errors
from evalctl.model.gate import compared
from evalctl.model.names import below
from evalctl.pipeline.project import Project
from evalctl.plan.pages import cell
from evalctl.results.question_values import NOT_BOUND
from evalctl.results.store import index_folder
from evalctl.screen import results_text
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed, plural
from evalctl.terminal import as_json, plain, print_composed

if TYPE_CHECKING:
    from evalctl.check.gates import CheckedGate
    from evalctl.clone.compared import Committed, CommittedResults
    from evalctl.results.gating import Candidate, GateOutcome

_SEVERITY = {"PASS": NOTE, "FAIL": ERROR, "INCONCLUSIVE": NOTE, "INVALID": WARNING}
_COLOURS = {"PASS": "bold", "FAIL": "error", "INCONCLUSIVE": "warning", "INVALID": "warning"}


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Decides the named gates, or all, and prints them; the exit code is that of the worst outcome."""
    from evalctl.clone.compared import CommittedResults
    from evalctl.results.gating import worst

    project = Project(root)
    repo = open_repository(root)
    chosen = _chosen(arguments.words, gates_of(project, project.check()[0], index_folder(root, root / RESULTS_CACHE)))
    committed = CommittedResults(repo, project.shared[0].metrics)
    made = [_decided(one, committed, project) for one in chosen]
    _show(arguments.format, made, chosen, root, wide=arguments.wide)
    return OF_GATE[worst(one.outcome for one in made).name]


def _chosen(words: Sequence[str], gates: Sequence[CheckedGate]) -> list[CheckedGate]:
    if not words:
        return list(gates)
    known = {gate.name: gate for gate in gates}
    names = [below(word, f"{GATES}/") for word in words]
    for name in names:
        if name not in known:
            otherwise = f"there are: {listed(known)}" if known else f"a gate is a file {GATES}/NAME.yaml"
            raise EnvironmentProblem(f"there is no gate `{name}`", help=help_for(name, known, otherwise))
    return [known[name] for name in dict.fromkeys(names)]


def _decided(checked: CheckedGate, committed: CommittedResults, project: Project) -> GateOutcome:
    from evalctl.clone.compared import named
    from evalctl.results.gating import GateOutcome, faulty, worst

    problems = [*checked.problems, *_of_tables(project)]
    if checked.gate is None or has_errors(problems):
        notes = [f"{report.place(one.span)}: {one.message} ({one.help})" for one in problems if one.severity == ERROR]
        return faulty(checked.name, notes)
    base = compared(checked.gate.baseline)
    baseline = committed.of(base)
    candidates, sides = [], [] if isinstance(baseline, str) else [baseline]
    for written in checked.gate.candidates:
        one = committed.of(compared(written))
        sides += [] if isinstance(one, str) else [one]
        candidates.append(_candidate(checked, named(compared(written)), one, baseline, project))
    return GateOutcome(
        checked.name, worst(one.outcome for one in candidates), named(base), tuple(candidates), tuple(_notes(sides))
    )


def _of_tables(project: Project) -> list[Diagnostic]:
    """Errors in the tables and metrics.yaml: what they leave out would be missing from the gate."""
    return [one for one in project.shared[1] if one.span.file.startswith("manifests/tasks/")]


def _notes(sides: Sequence[Committed]) -> Iterator[str]:
    """What the outcome does not know of the records that it is made of."""
    if unchecked := {path for one in sides for path in one.unchecked}:
        yield f"{plural(len(unchecked), 'record')} not checked against the ledger: this clone has no branch evalctl-state"
    if unbound := {path for one in sides for path in one.side.unbound}:
        yield f"{plural(len(unbound), 'record')} without a digest of the values of their questions ({NOT_BOUND})"


def _candidate(
    checked: CheckedGate, name: str, one: Committed | str, baseline: Committed | str, project: Project
) -> Candidate:
    from evalctl.results.gating import candidate, undecided

    for side in (baseline, one):
        if isinstance(side, str):
            return undecided(name, side)
    assert not isinstance(one, str) and not isinstance(baseline, str)
    metrics = project.shared[0].metrics
    return candidate(one.side, baseline.side, checked.compares, metrics, one.doubts, baseline.doubts)


# ---- output -----------------------------------------------------------------------------------------------------


def _show(form: str, made: Sequence[GateOutcome], gates: Sequence[CheckedGate], root: Path, *, wide: bool) -> None:
    from evalctl.results import gate_text

    if form == "json":
        print(as_json([gate_text.as_object(one) for one in made], indent=1))
    elif form == "markdown":
        print_composed("\n".join(gate_text.markdown(one, cell) for one in made) or _NOTHING)
    elif form == "github":
        report.show([_annotation(one) for one in made], root, "github")
    else:
        print("\n\n".join(_text(one, wide=wide) for one in made) or _NOTHING)


_NOTHING = f"there are no gates: a gate is a file {GATES}/NAME.yaml (docs/manifests.md)"


def _text(made: GateOutcome, *, wide: bool) -> str:
    from evalctl.results import gate_text

    width = results_text.room(wide=wide)
    lines = [f"gate {plain(made.name)}: {_painted(made.outcome.name)}  baseline {plain(made.baseline)}"]
    for one in made.candidates:
        lines.append(f"{plain(one.name)}: {_painted(one.outcome.name)}")
        if one.lines:
            lines.append(results_text.table(gate_text.rows(one), width, by_name=False))
        lines += [line for reason in gate_text.reasons(one) for line in results_text.folded(plain(reason), width)]
    return "\n".join(
        [*lines, *(line for note in made.notes for line in results_text.folded(f"note: {plain(note)}", width))]
    )


def _painted(outcome: str) -> str:
    if not terminal.colours(sys.stdout):
        return outcome
    return f"{terminal.COLOURS[_COLOURS[outcome]]}{outcome}{terminal.END}"


def _annotation(made: GateOutcome) -> Diagnostic:
    from evalctl.results import gate_text

    outcome = made.outcome.name
    outcomes = [f"{one.name}: {one.outcome.name}" for one in made.candidates]
    more = [reason for one in made.candidates if one.outcome.name == outcome for reason in gate_text.undecided(one)]
    failed = [
        f"{line.gated.name} FAIL" for one in made.candidates for line in one.lines
        if line.outcome.name == "FAIL" and line.gated.tier == "required"
    ]  # fmt: skip
    message = f"gate {made.name}: {outcome}: {listed([*outcomes, *failed, *more, *made.notes], 8, '; ')}"
    help = f"evalctl results gate {made.name}"
    return Diagnostic("gate-outcome", message, Span(f"{GATES}/{made.name}.yaml"), help, severity=_SEVERITY[outcome])
