"""`python -m tests.bench filling`: how long a job of the standard run takes, and how full its server is, by the order of its tasks (simulated).

The server computes at most PLACES choices at once; each grows by one token a step, and a step takes STEP seconds and a little more for
each choice under way (an 8B model on one H100, roughly). A framework loads, sends all its questions (conversations one after the other), and scores.
Questions are the catalogue's; lengths of answers are assumptions (`TASKS`), log-normal, cut at 16 times the mean. What the frameworks'
own CPU time costs the answers is left out: `framework_load` measures it.
"""

from __future__ import annotations

import csv
import heapq
import math
import random
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

TIMES = Path(__file__).resolve().parents[2] / "manifests/tasks/tasks_runtime.csv"
STEP, STEP_PER_CHOICE = 0.008, 0.00003  # seconds
LOAD, LOAD_PER_QUESTION = 15.0, 0.001  # seconds of a framework; the loads that run at once share the cores
SCORE, SCORE_PER_QUESTION = 8.0, 0.003  # with acceptance
SPREAD, MOST = 0.8, 16.0  # sigma of the logarithm; in means
QUIET = 10.0  # after which a task counts as one that scores
LAST = 0.03  # of the answers, in which no server can be full


@dataclass(frozen=True)
class Kind:
    """A task: its questions, choices of each, mean tokens of an answer, more seconds of scoring, and whether it asks one by one."""

    questions: int
    tokens: int
    choices: int = 1
    scoring: float = 0.0
    turns: int = 1


TASKS = {
    "en_hellaswag": Kind(10_042, 30), "en_mmlu": Kind(14_042, 250), "en_mmlu_pro": Kind(12_032, 450), "en_mmlu_prox": Kind(11_759, 450),
    "ja_mmlu_prox": Kind(11_759, 450), "ja_mmlu": Kind(7_536, 250), "ja_gpqa": Kind(448, 700), "ja_jemhopqa_cot": Kind(120, 200),
    "ja_math_100": Kind(100, 700), "ja_wmt20_en_ja": Kind(1_000, 60), "ja_wmt20_ja_en": Kind(993, 60), "ja_mifeval": Kind(172, 400),
    "ja_humaneval": Kind(164, 250, 10, 120.0), "en_gpqa_diamond": Kind(198, 900), "en_math_500": Kind(500, 600),
    "en_aime_2024_2025": Kind(60, 1_500), "en_livecodebench_v5_v6": Kind(342, 700, 10, 900.0),
    "ja_mtbench": Kind(80, 400, 5, 600.0, turns=2), "en_mtbench": Kind(80, 400, 5, 600.0, turns=2),
}  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """Which tasks are begun when, and whose question is next; `several_first`: that of a task with several answers to each."""

    name: str
    longest_first: bool
    at_once: int
    most_left_is_next: bool = True
    scoring_keeps_its_place: bool = False
    conversations_at_once: bool = True
    several_first: bool = True
    cores: int = 2


ONE_BY_ONE = Policy("one by one", False, 1, False, True, False, False)
BEFORE = Policy("longest first, 4 at once, most left is next", True, 4, True, True, False, False)
NOW = Policy("this policy, 19 at once (16 cores)", True, 32, cores=16)
POLICIES = (
    ONE_BY_ONE,
    replace(ONE_BY_ONE, name="shortest first, 4 at once, in turns", at_once=4),
    replace(ONE_BY_ONE, name="longest first, 4 at once, in turns", at_once=4, longest_first=True),
    BEFORE,
    replace(BEFORE, name="and scoring keeps no place", scoring_keeps_its_place=False),
    replace(NOW, name="this policy, 4 at once (2 cores)", at_once=4, cores=2),
    replace(NOW, name="this policy, 8 at once (4 cores)", at_once=8, cores=4),
    NOW,
    replace(NOW, name="19 at once, without several answers first", several_first=False),
    replace(NOW, name="19 at once, one conversation after the other", several_first=False, conversations_at_once=False),
)


@dataclass
class Task:
    """A running task: what it has still to ask in this call of the framework, and how many choices are unanswered."""

    kind: Kind
    lengths: deque[list[float]]
    left: int
    calls: int = 1  # of the framework: the questions of one are asked at once
    open: int = 0  # requests under way

    def askable(self) -> bool:
        """Whether a question can be asked before the next answer."""
        return bool(self.lengths) and (not self.open or len(self.lengths) % self.of_a_call() != 0)

    def of_a_call(self) -> int:
        """Questions."""
        return self.kind.questions * self.kind.turns // self.calls


@dataclass
class Server:
    """Requests under way. All grow alike: one of `n` tokens ends when `grown` has risen by `n`."""

    grown: float = 0.0
    choices: int = 0
    ends: list[tuple[float, int, int, Task]] = field(default_factory=list)

    def step(self) -> float:
        """Seconds for one token of each."""
        return STEP + STEP_PER_CHOICE * self.choices


@dataclass(frozen=True)
class Outcome:
    """Seconds until the last score, mean filling until the last 3 % of the answers, seconds with nothing under way, and after the last answer."""

    seconds: float
    filled: float
    idle: float
    scoring: float


class Run:
    """One job from its first framework to its last score; the server is ready at 0."""

    def __init__(self, policy: Policy, places: int, tasks: Sequence[tuple[str, Kind]]) -> None:
        """`tasks` in the order in which they begin. Every policy gets answers of the same lengths."""
        self.policy, self.places, self.now = policy, places, 0.0
        self.waiting = deque(tasks)
        self.server, self.asking, self.turn = Server(), list[Task](), 0
        self.events: list[tuple[float, int, str, Task | None]] = []  # `loaded`, or a place is `free`
        self.held = self.loading = self.number = 0
        self.scored = 0.0
        self.samples: list[tuple[float, int, int]] = []  # when, under way from then on, answered so far
        self.answered = 0

    def outcome(self) -> Outcome:
        """Runs it."""
        self._begin()
        while self.events or self.server.ends:
            self._next()
        return self._summary()

    def _begin(self) -> None:
        while self.waiting and self.held < self.policy.at_once:
            name, kind = self.waiting.popleft()
            self.held += 1
            self.loading += 1
            shared = max(1.0, self.loading / self.policy.cores)
            turns = kind.questions * kind.turns
            calls = turns if kind.turns > 1 and not self.policy.conversations_at_once else kind.turns
            task = Task(kind, lengths(name, kind), turns * kind.choices, calls)
            self._later(LOAD * shared + LOAD_PER_QUESTION * kind.questions, "loaded", task)

    def _later(self, seconds: float, what: str, task: Task | None) -> None:
        self.number += 1
        heapq.heappush(self.events, (self.now + seconds, self.number, what, task))

    def _next(self) -> None:
        due = self.events[0][0] if self.events else math.inf
        answer = math.inf
        if self.server.ends:
            answer = self.now + (self.server.ends[0][0] - self.server.grown) * self.server.step()
        until = min(due, answer)
        self.server.grown += (until - self.now) / self.server.step()
        self.now = until
        if answer <= due:
            self._answered()
        else:
            self._happens(*heapq.heappop(self.events)[2:])
        self._admit()
        self.samples.append((self.now, self.server.choices, self.answered))

    def _happens(self, what: str, task: Task | None) -> None:
        if what == "loaded":
            assert task is not None, "it was loaded"
            self.loading -= 1
            self.asking.append(task)
        else:  # its place is free
            self.held -= 1
            self._begin()

    def _answered(self) -> None:
        _, _, choices, task = heapq.heappop(self.server.ends)
        self.server.choices -= choices
        task.open -= 1
        task.left -= choices
        self.answered += choices
        if task.left:
            return
        self.asking.remove(task)
        scoring = SCORE + SCORE_PER_QUESTION * task.kind.questions + task.kind.scoring
        self._later(scoring if self.policy.scoring_keeps_its_place else min(QUIET, scoring), "free", None)
        self.scored = max(self.scored, self.now + scoring)

    def _admit(self) -> None:
        while (task := self._next_task()) is not None:
            wanted = task.kind.choices
            if self.server.choices and self.server.choices + wanted > self.places:
                return
            self.number += 1
            longest = max(task.lengths.popleft())
            heapq.heappush(self.server.ends, (self.server.grown + longest, self.number, wanted, task))
            self.server.choices += wanted
            task.open += 1

    def _next_task(self) -> Task | None:
        """Conversations wait for no other task."""
        able = [task for task in self.asking if task.askable()]
        if not able:
            return None
        if self.policy.most_left_is_next:
            return max(able, key=self._left)
        self.turn += 1
        return able[self.turn % len(able)]

    def _left(self, task: Task) -> float:
        several = self.policy.several_first and task.kind.choices > 1
        return math.inf if several or task.kind.turns > 1 else task.left

    def _summary(self) -> Outcome:
        end = max(self.scored, self.now)
        first = next(at for at, choices, _ in self.samples if choices)
        last = next(at for at, _, answered in self.samples if answered >= (1 - LAST) * self.answered)
        whole = last_answer = busy = idle = 0.0
        for (at, choices, _), (until, _, _) in zip(self.samples, self.samples[1:], strict=False):
            whole += choices * (min(until, last) - at) if at < last else 0.0
            busy += until - at if choices else 0.0
            last_answer = until if choices else last_answer
        idle = end - busy
        return Outcome(end, whole / (last - first) / self.places, idle, end - last_answer)


def lengths(name: str, kind: Kind) -> deque[list[float]]:
    """Of each choice of each question; the same at each call."""
    dice = random.Random(name)
    mean = math.log(kind.tokens) - SPREAD**2 / 2

    def one() -> float:
        return min(MOST * kind.tokens, max(1.0, dice.lognormvariate(mean, SPREAD)))

    return deque([one() for _ in range(kind.choices)] for _ in range(kind.questions * kind.turns))


def ordered(longest_first: bool) -> list[tuple[str, Kind]]:
    """The standard run by the times of the lab's table."""
    seconds = {}
    with TIMES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            hours, minutes, rest = map(int, row["hrt_q"].split(":"))
            seconds[row["key"]] = 3600 * hours + 60 * minutes + rest
    return sorted(TASKS.items(), key=lambda one: (-seconds[one[0]] if longest_first else seconds[one[0]], one[0]))


def rows(places: int) -> Iterator[tuple[Policy, Outcome]]:
    """Each policy."""
    for policy in POLICIES:
        yield policy, Run(policy, places, ordered(policy.longest_first)).outcome()


def main() -> int:
    """Prints a table for a server of 128, 256 and 1,024 places."""
    for places in (128, 256, 1024):
        sys.stdout.write(
            f"\n{places} places\n\n| policy | makespan | filled | GPU idle | scoring at the end |\n|---|---|---|---|---|\n"
        )
        for policy, found in rows(places):
            sys.stdout.write(
                f"| {policy.name} | {found.seconds / 60:.1f} min | {found.filled:.3f} | {found.idle / 60:.1f} min | {found.scoring / 60:.1f} min |\n"
            )
            sys.stdout.flush()
    return 0
