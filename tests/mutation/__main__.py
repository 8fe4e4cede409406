"""`make mutants`: whether the tests notice a changed operator, number, condition or loop in the modules that decide.

    .venv/bin/python -m tests.mutation [--minutes N] [MODULE …]

A mutant whose tests pass has survived: a test is missing, or the change has no effect. Works on a copy of the work tree.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.modules import MODULES, Module
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.trial import ROOT, copied, passes


@dataclass(frozen=True)
class Score:
    """What became of a module's mutants; those that the time was too short for are in `made` only."""

    name: str
    made: int
    run: int
    survivors: tuple[Mutant, ...]

    def line(self) -> str:
        """A line of the table."""
        killed = self.run - len(self.survivors)
        share = f"{100 * killed / self.run:.1f} %" if self.run else "-"
        part = "" if self.run == self.made else f"  ({self.made - self.run} not run: out of time)"
        return f"{self.name:<18}{self.run:>8}{killed:>8}{len(self.survivors):>10}{share:>9}{part}"


def main() -> int:
    """Prints each survivor when it is found, then the table."""
    words = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").splitlines()[0])
    words.add_argument("--minutes", type=float, default=60, help="the most time for one module")
    words.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(MODULES))
    arguments = words.parse_args()
    unknown = sorted(set(arguments.modules) - set(MODULES))
    if unknown:
        words.error(f"no such module: {', '.join(unknown)}; there are {', '.join(MODULES)}")
    with tempfile.TemporaryDirectory(prefix="evalctl-mutants-") as folder:
        tree = copied(Path(folder).resolve() / "tree")
        scores = [_score(name, MODULES[name], tree, arguments.minutes) for name in arguments.modules or MODULES]
    _say(f"\n{'module':<18}{'mutants':>8}{'killed':>8}{'survived':>10}{'score':>9}")
    for score in scores:
        _say(score.line())
    return 0


def _score(name: str, module: Module, tree: Path, minutes: float) -> Score:
    path, log = tree / module.path, tree.parent / "log"
    source = path.read_text(encoding="utf-8")
    seconds, cpu_seconds = _baseline(module, tree, log)
    made, survivors, end, run = mutants(source), [], time.monotonic() + 60 * minutes, 0
    _say(f"== {name}: {len(made)} mutants, the tests take {seconds:.1f} s ({cpu_seconds:.1f} s of CPU)")
    try:
        for mutant in made:
            path.write_text(mutant.text, encoding="utf-8")
            if passes(tree, module.tests, 60 + 20 * seconds, int(10 + 5 * cpu_seconds), log):
                survivors.append(mutant)
                _say(f"survived: {module.path}:{mutant.line} {mutant.operator}\n{mutant.difference(source)}")
            run += 1
            if time.monotonic() > end:
                break
    finally:
        path.write_text(source, encoding="utf-8")
    _baseline(module, tree, log)  # or the machine, not the mutants, made the tests fail
    score = Score(name, len(made), run, tuple(survivors))
    _say(score.line())  # a run that is ended early has told this much
    return score


def _baseline(module: Module, tree: Path, log: Path) -> tuple[float, float]:
    """How long the tests take on the unchanged module, on the clock and of a CPU; they have to pass."""
    begin, before = time.monotonic(), os.times()
    if not passes(tree, module.tests, 600, 600, log):
        raise SystemExit(
            f"the tests of {module.path} fail without any mutant:\n{log.read_text(errors='replace')[-3000:]}"
        )
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - begin, cpu


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    assert (ROOT / "tests").is_dir()
    sys.exit(main())
