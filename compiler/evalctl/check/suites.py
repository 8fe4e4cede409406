"""Expands suites: named lists of tasks and other suites."""

from __future__ import annotations

from collections.abc import Container, Mapping

from evalctl.check.schema import validated
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.document import Document
from evalctl.model.evaluation import Task
from evalctl.suggest import help_for


def suites(
    document: Document | None, tasks: Mapping[str, Task], faulty: Container[str] | None, problems: list[Diagnostic]
) -> dict[str, tuple[str, ...]]:
    """The task keys of every suite, in the order written; unknown names and circles are findings.

    `faulty` are tasks whose rows have findings already (None: the table cannot be read at all).
    """
    if document is None or document.data is None:
        return {}
    written, found = validated("suites", document)
    problems += found
    if written is None:
        return {}
    problems += [
        Diagnostic(
            "duplicate-key",
            f"`{name}` is also the key of a task",
            document.key_span((name,)),
            "give the suite another name",
        )
        for name in written
        if name in tasks
    ]
    expander = _Expander(document, written, tasks, faulty, problems)
    return {name: expander.expand(name, ()) for name in written}


class _Expander:
    def __init__(
        self,
        document: Document,
        written: Mapping[str, list[str]],
        tasks: Mapping[str, Task],
        faulty: Container[str] | None,
        problems: list[Diagnostic],
    ) -> None:
        self.document = document
        self.written = written
        self.tasks = tasks
        self.faulty = faulty
        self.problems = problems
        self.done: dict[str, tuple[str, ...]] = {}

    def expand(self, name: str, above: tuple[str, ...]) -> tuple[str, ...]:
        if name not in self.done:
            keys: dict[str, None] = {}
            for index, word in enumerate(self.written[name]):
                self._add(keys, word, (*above, name), (name, index))
            self.done[name] = tuple(keys)
        return self.done[name]

    def _add(self, keys: dict[str, None], word: str, above: tuple[str, ...], path: tuple[str, int]) -> None:
        plain = word.removeprefix("-")
        if plain in above:
            message = f"suite `{plain}` contains itself: {' > '.join((*above, plain))}"
            self.problems.append(
                Diagnostic("suite-circle", message, self.document.span(path), help="remove one of them")
            )
            return
        if plain in self.written:
            found = self.expand(plain, above)
        elif plain in self.tasks:
            found = (plain,)
        elif self.faulty is None or plain in self.faulty:
            return
        else:
            help = help_for(plain, [*self.tasks, *self.written], "task keys are in manifests/tasks/tasks_runtime.csv")
            self.problems.append(
                Diagnostic("unknown-task", f"there is no task or suite `{plain}`", self.document.span(path), help)
            )
            return
        for key in found:
            if word.startswith("-"):
                keys.pop(key, None)
            else:
                keys[key] = None
