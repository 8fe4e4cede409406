"""Commits results and the files derived from them, one commit per request."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalctl.git.commit import commit_made
from evalctl.git.drafts import Draft
from evalctl.git.push import OURS, PushReport, push_results
from evalctl.git.repository import Repository
from evalctl.model.aggregate import MISSING, Aggregate
from evalctl.model.result import Result
from evalctl.results import derived, leaderboard
from evalctl.results.aggregate import remarks_of
from evalctl.results.entries import entry_margin, main_entries, methods, shown, shown_margin
from evalctl.results.names import read_name, task_name
from evalctl.results.proof import unproven
from evalctl.results.question_files import copied
from evalctl.results.question_values import path_of
from evalctl.results.reading import Read, parse
from evalctl.results.store import FILE, ResultIndex, index
from evalctl.sync.context import Context
from evalctl.sync.proofs import proofs_at
from evalctl.sync.secrets import secret_in

SUBJECT = 72  # characters: git log and GitHub cut off what is longer
_HEAD = "results: "


@dataclass(frozen=True, slots=True)
class RequestResults:
    """The new records of one request (path to text), the jobs that gave them, and the files with their questions' values."""

    request: str
    files: Mapping[str, str]
    jobs: tuple[str, ...]
    beside: Mapping[str, str] = field(default_factory=dict)


def publish(context: Context, repo: Repository, batches: Sequence[RequestResults], warnings: list[str]) -> str | None:
    """Commits the batches on the current branch, and returns the last commit, None if all of it was there already.

    An entry of metrics.yaml that names a metric which a measured task does not have becomes one of `warnings`.
    """
    made: dict[str, Aggregate] = {}
    commit = commit_made(repo, lambda parent: _drafts(context, repo, parent, batches, made))
    warnings += [f"manifests/tasks/metrics.yaml: {line}" for line in derived.mismatches(made)]
    return commit


def push(context: Context, repo: Repository) -> PushReport:
    """Pushes local commits, rebuilt on top of commits that others pushed meanwhile."""

    def regenerate(base: str, carried: Mapping[str, str], read: Read) -> Mapping[str, str | None]:
        lying = lying_at(context, repo, base)
        carried = _not_there(carried, lying)
        if not carried:  # a commit of derived files alone
            texts, aggregates = derived.everything(lying, context.metrics) if context.metrics.entries else ({}, {})
            return derived.without(texts, derived.of_newer(lying, aggregates))
        lying, new = _less(lying, carried), derived.by_folder(carried)
        files = _with_values(carried, _beside(new, read))
        made = derived.aggregates(new, derived.with_files(lying, files), context.metrics)
        return {**files, **derived.texts_of(made), leaderboard.PATH: derived.page(made, lying, context.metrics)}

    return push_results(repo, regenerate)


def _not_there(records: Mapping[str, str], lying: derived.Base) -> dict[str, str]:
    """The records without those of evals for which the base has a result that is not unproven: the first one counts."""
    doubted = {one.path for found in lying.unproven.values() for one in found}
    return {
        path: text for path, text in records.items()
        if path in doubted or not lying.index.current(path, parse(path, text).digest)
    }  # fmt: skip


def _beside(records: Mapping[str, Sequence[Result]], read: Read) -> dict[str, str]:
    """The files with the values of these records' questions, in the commit that `read` reads."""
    found = dict[str, str]()
    for one in (one for results in records.values() for one in results):
        found.update(copied(one, one, read))
    return found


def _with_values(records: Mapping[str, str], beside: Mapping[str, str]) -> dict[str, str | None]:
    """New records and the files beside them; the values of what was measured there before are removed (None)."""
    return {**{path_of(record): None for record in records}, **records, **beside}


def secrets_in(context: Context, files: Mapping[str, str]) -> str | None:
    """Why these records must not be committed, or None. Names the file and the kind of secret, never the secret."""
    for path, text in files.items():
        if found := secret_in(text, context.environment):
            return f"{path} holds {found}"
    return None


def lying_at(context: Context, repo: Repository, commit: str | None) -> derived.Base:
    """The files of a commit under results/, and which of its records are unproven."""
    found = _lying_at(context, repo, commit)
    return replace(found, unproven=unproven(found.index, proofs_at(repo, commit, authoritative=True)))


def _lying_at(context: Context, repo: Repository, commit: str | None) -> derived.Base:
    entries = repo.entries(commit, "results")
    blobs = {path: entry.blob for path, entry in entries.items()}

    def read(paths: Sequence[str]) -> Mapping[str, bytes]:
        there = [path for path in paths if path in blobs]
        contents = repo.blobs(blobs[path] for path in there)
        return {path: contents[blobs[path]] for path in there}

    records = {path: blob for path, blob in blobs.items() if path.endswith(f"/{FILE}")}
    aggregates = [path for path in blobs if path.endswith(f"/{derived.AGGREGATE}")]
    return derived.Base(index(records, read, context.home_folder.remembered.committed_results), aggregates, read, blobs)


def committed_results(context: Context, repo: Repository) -> ResultIndex:
    """The results in the commit that is checked out; what is only in the work tree is no result yet.

    One pass asks several times. A commit does not change, so the index of the last one is kept.
    """
    key = (context.home, repo.git_dir, repo.resolve("HEAD"))
    if key not in _LAST:
        found = _lying_at(context, repo, key[2]).index
        _LAST.clear()
        _LAST[key] = found
    return _LAST[key]


_LAST: dict[tuple[Path, Path, str | None], ResultIndex] = {}


def _drafts(
    context: Context,
    repo: Repository,
    parent: str | None,
    batches: Sequence[RequestResults],
    made: dict[str, Aggregate],
) -> list[Draft]:
    """A draft per batch, each on top of the one before; the leaderboard changes with the last. Fills `made`."""
    lying = _less(lying_at(context, repo, parent), {path for batch in batches for path in batch.files})
    whole = [_with_values(batch.files, batch.beside) for batch in batches]
    lying = derived.with_files(lying, {path: text for files in whole for path, text in files.items()})
    changed: dict[str, dict[str, Result]] = {}
    made.clear()
    drafts = []
    for batch, files in zip(batches, whole, strict=True):
        new = derived.by_folder(batch.files)
        for folder, results in new.items():
            changed.setdefault(folder, {}).update({result.path: result for result in results})
        fresh = derived.aggregates({folder: list(changed[folder].values()) for folder in new}, lying, context.metrics)
        made.update(fresh)
        drafts.append(Draft({**files, **derived.texts_of(fresh)}, _message(context, batch, new, fresh)))
    if drafts:
        page = derived.page(made, lying, context.metrics)
        drafts[-1] = Draft({**drafts[-1].files, leaderboard.PATH: page}, drafts[-1].message)
    return drafts


def _less(lying: derived.Base, replaced: Collection[str]) -> derived.Base:
    """Without the unproven records that get another text."""
    kept = {folder: [one for one in found if one.path not in replaced] for folder, found in lying.unproven.items()}
    return replace(lying, unproven=kept)


def _message(
    context: Context, batch: RequestResults, new: Mapping[str, Sequence[Result]], made: Mapping[str, Aggregate]
) -> str:
    """Subject with model and settings; main scores of each model; trailers for programs."""
    results = sorted((one for found in new.values() for one in found), key=lambda one: one.path)
    names = {task_name(key).partition(":")[0] for result in results for key in result.scores}
    lines = [line for folder in sorted(made) for line in _folder_lines(context, made[folder], names)]
    reused = sum(1 for result in results if result.reused_from)
    lines_above = [
        f"{len(results)} eval(s), {reused} of them measured before" if reused else f"{len(results)} eval(s)",
        "",
    ]
    lines_above += [*warned, ""] if (warned := remarks_of(results)) else []
    trailers = [
        f"Request: {batch.request}",
        *(f"Job: {job}" for job in sorted(set(batch.jobs))),
        *(f"{OURS}: {result.digest}" for result in results),
    ]
    return "\n".join([_subject(made), "", *lines_above, *lines, *([""] if lines else []), *trailers, ""])


def _subject(made: Mapping[str, Aggregate]) -> str:
    """At most SUBJECT characters; a model's name is shortened from the left, where the publisher is."""
    folder, *others = sorted(made)
    settings = made[folder].custom_settings.name
    more = f" and {len(others)} more" if others else ""
    named = f" ({_shortened(settings, SUBJECT // 3)})" if settings else ""
    model = read_name(made[folder].model)
    return _HEAD + _shortened(model, SUBJECT - len(_HEAD + named + more)) + named + more


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]


def _folder_lines(context: Context, aggregate: Aggregate, names: set[str]) -> list[str]:
    scores = _main(context, aggregate, names)
    if not scores:
        return []
    found = methods([aggregate], [name for name, score in scores if " ±" in score])
    lines = [f"{read_name(aggregate.model)}:", *(f"  {name} {score}" for name, score in scores)]
    return [*lines, f"  ±: {'; '.join(found)}"] if found else lines


def _sure(aggregate: Aggregate, name: str) -> str:
    """The score; with its 95 % interval and the number of questions where these are known."""
    score, known = aggregate.results[name], aggregate.uncertainty.get(name)
    sure = shown_margin(score, entry_margin(name, aggregate))
    return f"{shown(score)}{sure} (n = {known.questions})" if known and sure else shown(score)


def _main(context: Context, aggregate: Aggregate, names: set[str]) -> list[tuple[str, str]]:
    """The main entries that the new results gave."""
    return [
        (entry.name, _sure(aggregate, entry.name))
        for entry in main_entries(context.metrics)
        if any(task.partition(":")[0] in names for task in entry.tasks) and aggregate.results[entry.name] != MISSING
    ]
