"""Whether two results of an entry are of one task, asked in the same way, and in which settings they differ.

How a task was defined and how many questions were asked must be equal. Settings of a model (temperature, template, reasoning
parser, …) belong to what is compared; where both results are of one model, differences of them are remarked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence

from evalctl.model.recorded import RecordedTask
from evalctl.model.result import RecordedJudge, Result
from evalctl.results.store import fingerprint
from evalctl.suggest import listed

Rows = Sequence[tuple[Result, str]]  # records, each with the framework's key of a task or subset
SAME = "both are the same result, measured once"
_PLACE = frozenset({"key", "result_dir"})  # of a task in tasks_runtime.csv: they define nothing
_WORDS: Mapping[str, str] = {
    "script": "task of the framework", "framework_version": "version of the framework", "digest": "definition of the task",
}  # fmt: skip
_LONGEST = 60


def unlike(one: Rows, other: Rows) -> str:
    """Why the two cannot be compared, whatever their questions; "" where nothing is against it."""
    mine, others = (_by_script(rows) for rows in (one, other))
    if mine and _are_same(mine.values(), others.values()):
        return SAME
    if mine and others and mine.keys() != others.keys():
        return f"another task of the framework: {listed(mine, 3)} and {listed(others, 3)}"
    for script in sorted(mine.keys() & others.keys()):
        if why := _otherwise_asked(mine[script], others[script]):
            return why
    shots = [sorted({_shots(key) for _, key in rows}) for rows in (one, other)]
    return (
        f"another number of examples in the prompt: {_both(*map(listed, shots))}"
        if all(shots) and shots[0] != shots[1]
        else ""
    )


def _are_same(some: Collection[Result], others: Collection[Result]) -> bool:
    """The digest is a part of the fingerprint, which takes long to compute."""
    if {one.digest for one in some} != {one.digest for one in others}:
        return False
    return {fingerprint(one) for one in some} == {fingerprint(one) for one in others}


def _by_script(rows: Rows) -> dict[str, Result]:
    found = {result.path: result for result, _ in rows}  # of a task with many subsets there is one record
    return {result.task.script: result for result in found.values()}


def _otherwise_asked(one: Result, other: Result) -> str:
    if one.max_samples != other.max_samples:
        return f"another number of questions: max_samples {_both(one.max_samples, other.max_samples)}"
    if (
        one.judge and other.judge and one.judge.as_json() != other.judge.as_json()
    ):  # an older record names none: `judges`
        return f"another judge: {_judges_apart(one.judge, other.judge)}"
    return next(
        (
            f"another {_WORDS.get(name, name)}: {texts}"
            for name, texts in _differing(_definition(one), _definition(other))
        ),
        "",
    )


def _judges_apart(one: RecordedJudge, other: RecordedJudge) -> str:
    """Their names, or what else a newer evalctl recorded of them."""
    if str(one) != str(other):
        return _both(str(one), str(other))
    return ", ".join(f"{name} {texts}" for name, texts in _differing(one.as_json(), other.as_json()))


def unlike_planned(planned: RecordedTask, rows: Rows) -> str:
    """Why what is still to be measured will not be comparable with these results; `planned` is its task in a record."""
    measured = _by_script(rows)
    script, definition = planned.script, planned.as_json()
    if script and measured and script not in measured:
        return f"another task of the framework: {script} and {listed(sorted(measured), 3)}"
    for name, texts in _differing(definition, _definition(measured[script]) if script in measured else definition):
        if name in definition and name not in _PLACE:
            return f"another {_WORDS.get(name, name)}: {texts}"
    return ""


def _definition(result: Result) -> dict[str, object]:
    return {name: value for name, value in result.task.as_json().items() if name not in _PLACE}


def _shots(key: str) -> str:
    """The last part of a framework's key: the number of examples."""
    last = key.rpartition("|")[2]
    return last if last.isdigit() else ""


def remarks(pairs: Sequence[tuple[Rows, Rows]]) -> tuple[str, ...]:
    """What else differs between the results of one model, each with the tasks that it is of where it is not of all."""
    found: dict[str, list[str]] = {}
    tasks = set()
    for one, other in pairs:
        mine, others = _by_script(one), _by_script(other)
        for script in sorted(mine.keys() & others.keys()):
            two = mine[script], others[script]
            key = mine[script].task.key
            if key in tasks or not _of_one_model(*two):
                continue
            tasks.add(key)
            for name, texts in (*_differing(*map(_settings, two)), *_division(*two)):
                found.setdefault(f"{name}: {texts}", []).append(key)
    return tuple(f"{text} ({listed(keys, 4)})" if len(keys) < len(tasks) else text for text, keys in found.items())


def judges(pairs: Mapping[str, tuple[Rows, Rows]]) -> tuple[str, ...]:
    """What is not known of the judges of compared entries: who it was, where a record does not name it, and which version replied."""
    found: dict[str, list[str]] = {}
    for entry, rows in pairs.items():
        named = [{str(one.judge) for one, _ in own if one.judge} for own in rows]
        for who, own in zip(("model", "baseline"), named, strict=True):
            if not own:
                found.setdefault(
                    f"the record of the {who} does not name its judge: it may have been another one", []
                ).append(entry)
        for judge in sorted(named[0] & named[1]):
            found.setdefault(f"judge {judge}: as it was asked for; no record says which version replied", []).append(
                entry
            )
    return tuple(f"{text} ({listed(entries, 4)})" for text, entries in found.items())


def _of_one_model(one: Result, other: Result) -> bool:
    return (one.subject.provider, one.subject.model) == (other.subject.provider, other.subject.model)


def _settings(result: Result) -> dict[str, object]:
    settings = result.subject.custom_settings
    return {
        "revision": result.subject.revision, "custom settings": settings.name, "version of the custom settings": settings.version,
        **result.server, **result.generation,
        **{f"version of {name}": version for name, version in result.versions.items()},
    }  # fmt: skip


def _division(one: Result, other: Result) -> Iterator[tuple[str, str]]:
    """Another number of GPUs for a copy sums in another order, which can move a score of half precision slightly."""
    mine, others = one.ran.tensor_parallel, other.ran.tensor_parallel
    if mine and others and mine != others:
        yield "GPUs that share the model (tensor parallel size)", _both(mine, others)


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys((*one, *other)):
        mine, others = one.get(name), other.get(name)
        if mine != others and (mine or others or type(mine) is not type(others)):
            yield name, _both(mine, others)


def _both(one: object, other: object) -> str:
    return f"{_text(one)} and {_text(other)}"


def _text(value: object) -> str:
    """A chat template is a page long."""
    if value in (None, "", []):
        return "none"
    words = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
