"""Versions, tasks and digests of the frameworks in the job environments; each is read once."""

from __future__ import annotations

import hashlib
from functools import cache

from evalctl import environments

TASKS = environments.FOLDER / "packages" / "evalctl-tasks" / "evalctl_tasks"


@cache
def catalogue() -> dict[str, environments.Environment]:
    """All job environments, as their files describe them now."""
    return environments.catalogue()


@cache
def pinned(environment: str, distribution: str) -> str:
    """The version of a distribution in an environment's lock; a lock without it is a bug of evalctl."""
    version = environments.version_of(catalogue()[environment], distribution)
    assert version is not None, f"{environment}.lock does not pin {distribution}"
    return version


@cache
def shipped_task_digest(script: str) -> str:
    """Digest of the questions and the code of a task in `evalctl-tasks`; "" for the framework's own tasks."""
    questions = sorted(path for path in (TASKS / "questions").glob("*.jsonl") if path.name.split(".")[0] == script)
    if not questions:
        return ""
    total = hashlib.sha256()
    for path in [*sorted(TASKS.glob("*.py")), *questions]:
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


@cache
def listed_tasks(environment: str) -> dict[str, str]:
    """The framework's own tasks, from its committed list: task name -> what it needs of a server (answers or logprobs), and `code`."""
    lines = (environments.FOLDER / f"{environment}.tasks").read_text(encoding="utf-8").splitlines()
    return {name: needs for name, _, needs in (line.partition(" ") for line in lines if not line.startswith("#"))}


@cache
def runs_code(environment: str, script: str) -> bool:
    """Whether the task, or a part of it, runs code that the model wrote."""
    listed = listed_tasks(environment).items()
    return any("code" in needs.split() for name, needs in listed if name == script or name.startswith(f"{script}:"))


def without_questions(text: str, script: str) -> tuple[str, ...]:
    """The task's subsets that `ENVIRONMENT.empty` names; compiler/evalctl_environments/README.md says what a name there allows."""
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return tuple(words[0] for words in lines if words[0].partition(":")[0] == script)


@cache
def empty_subsets(environment: str, script: str) -> tuple[str, ...]:
    """The task's subsets that have no questions in the pinned data set, and so no score."""
    path = environments.FOLDER / f"{environment}.empty"
    return without_questions(path.read_text(encoding="utf-8"), script) if path.exists() else ()


@cache
def subsets(environment: str, script: str) -> int:
    """Of how many parts with scores of their own the task consists, as its framework expands the name; 0 for an unknown task.

    A name that is the beginning of several tasks up to their colon is all of them (seen: lighteval 0.13 and the fork 0.8).
    """
    listed = listed_tasks(environment)
    own = [path.stem.partition(".")[0] for path in (TASKS / "questions").glob("*.jsonl")]
    parts = own.count(script) or sum(name.partition(":")[0] == script for name in listed)
    return parts or int(script in listed)
