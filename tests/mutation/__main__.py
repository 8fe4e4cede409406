"""`make mutants`: whether the tests notice a changed operator, number, condition or loop in the modules that decide.

    .venv/bin/python -m tests.mutation [--minutes N] [--again] [MODULE …]

A mutant whose tests pass has survived: a test is missing, or the change has no effect (`equivalents.py` says why). Works on a
copy of the work tree. Exit code 1: of the mutants that can have an effect, the tests of a module noticed less than 90 %.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.equivalents import why
from tests.mutation.killed import Killed
from tests.mutation.modules import MODULES
from tests.mutation.mutants import mutants
from tests.mutation.trial import Trial, copied

_AIM = 90
_HEAD = f"{'module':<18}{'mutants':>8}{'killed':>8}{'survived':>10}{'score':>9}{'explained':>11}{'of the others':>15}"


@dataclass
class Score:
    """What became of a module's mutants; those that the time was too short for are in `made` only."""

    name: str
    made: int
    run: int = 0
    survived: int = 0
    explained: int = 0

    def line(self) -> str:
        """A line of the table."""
        killed = self.run - self.survived
        part = "" if self.run == self.made else f"  ({self.made - self.run} not run: out of time)"
        shares = f"{_percent(killed, self.run):>9}{self.explained:>11}{_percent(killed, self.run - self.explained):>15}"
        return f"{self.name:<18}{self.run:>8}{killed:>8}{self.survived:>10}{shares}{part}"

    def reached(self) -> bool:
        """Whether the tests notice most of what can be noticed."""
        return 100 * (self.run - self.survived) >= _AIM * (self.run - self.explained)


def main() -> int:
    """Prints each survivor when it is found, then the table."""
    words = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").splitlines()[0])
    words.add_argument("--minutes", type=float, default=60, help="the most time for one module")
    words.add_argument(
        "--again", action="store_true", help="try only those that survived, or are new, since the last run"
    )
    words.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(MODULES))
    arguments = words.parse_args()
    unknown = sorted(set(arguments.modules) - set(MODULES))
    if unknown:
        words.error(f"no such module: {', '.join(unknown)}; there are {', '.join(MODULES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copy is removed then, too
    with tempfile.TemporaryDirectory(prefix="evalctl-mutants-", dir=_memory()) as folder:
        tree = copied(Path(folder).resolve() / "tree")
        scores = [_score(name, tree, arguments.minutes, arguments.again) for name in arguments.modules or MODULES]
    _say(f"\n{_HEAD}")
    for score in scores:
        _say(score.line())
    return 0 if all(score.reached() for score in scores) else 1


def _score(name: str, tree: Path, minutes: float, again: bool) -> Score:
    trial = Trial(tree, MODULES[name])
    seconds, cpu_seconds = trial.measure()
    path = tree / trial.module.path
    source = path.read_text(encoding="utf-8")
    made, end, killed = mutants(source), time.monotonic() + 60 * minutes, Killed(name)
    score = Score(name, len(made))
    _say(f"== {name}: {score.made} mutants, the tests take {seconds:.1f} s ({cpu_seconds:.1f} s of CPU)")
    known = {mutant.text for mutant in made if again and mutant.text in killed}
    left = [mutant.text for mutant in made if mutant.text not in known]
    noticed, untried = trial.noticed_inside(source, left, end - 30 * minutes)
    for text in noticed:
        killed.add(text)
    for mutant in [mutant for mutant in made if mutant.text not in untried]:
        score.run += 1
        if mutant.text in known | noticed:
            continue
        path.write_text(mutant.text, encoding="utf-8")
        if trial.passes():
            reason = why(name, *mutant.change(source))
            score.survived += 1
            score.explained += reason is not None
            _say(f"survived: {trial.module.path}:{mutant.line} {mutant.operator}\n{mutant.difference(source)}")
            _say(f"  {reason}" if reason else "  not explained")
        else:
            killed.add(mutant.text)
        if time.monotonic() > end:
            break
    path.write_text(source, encoding="utf-8")
    trial.check()
    killed.save()
    _say(f"{_HEAD}\n{score.line()}")  # a run that is ended early has told this much
    return score


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _memory() -> str | None:
    """A folder that is on no disk, where there is one: the tests make and delete thousands of small files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
