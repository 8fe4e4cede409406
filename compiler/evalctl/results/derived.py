"""The files derived from records: the aggregates of model folders, and the leaderboard.

`everything` computes all of them, a pure function of the records and metrics.yaml; `aggregates` and `page` do the part
that changed records concern.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from evalctl.model import plain_json
from evalctl.model.aggregate import GENERATED_BY, Aggregate, Stability, Uncertainty, is_newer
from evalctl.model.metrics import Metrics
from evalctl.model.recorded import Facts
from evalctl.model.result import Result
from evalctl.results import leaderboard, question_values
from evalctl.results.aggregate import aggregated
from evalctl.results.question_values import FOLDER, path_of
from evalctl.results.reading import Read, aggregate_in, parse
from evalctl.results.record import to_text
from evalctl.results.store import Listed, ResultIndex, folder_of, index_folder, named
from evalctl.review.methods import is_known
from evalctl_job import scores

AGGREGATE = "aggregated_results.json"
_ROUNDED = 2e-6  # intervals are written with six decimals
_AT_ONCE = 256  # folders whose records are in memory: some 20 MB
Known = Mapping[str, Sequence[str]]  # model folder to the keys of its inputs and of its aggregate, as last made


@dataclass(frozen=True, slots=True)
class Base:
    """The files under results/: the index of records, the paths of aggregates, and how to read any (what is missing is left out).

    `keys` maps all files to what identifies their content, where that is known without reading them.
    """

    index: ResultIndex
    aggregates: Sequence[str]
    read: Read
    keys: Mapping[str, str] = field(default_factory=dict)
    unproven: Mapping[str, Sequence[Listed]] = field(default_factory=dict)  # by model folder


def on_disk(root: Path) -> Base:
    """What is under results/ in a folder, links not followed."""
    paths = named(root, AGGREGATE)
    return Base(
        index_folder(root),
        paths,
        lambda wanted: {path: (root / path).read_bytes() for path in wanted if _is_file(root, path)},
    )


def _is_file(root: Path, path: str) -> bool:
    """One of the folder itself, not behind a link."""
    return (root / path).is_file() and not any((root / one).is_symlink() for one in (path, path.rpartition("/")[0]))


def with_files(base: Base, texts: Mapping[str, str | None]) -> Base:
    """The base with these new texts in place of its own, or beside them; without those that are None."""

    def read(paths: Sequence[str]) -> Mapping[str, bytes]:
        new = {path: text.encode() for path in paths if (text := texts.get(path)) is not None}
        return {**base.read([path for path in paths if path not in texts]), **new}

    return replace(base, read=read)


def everything(
    base: Base, metrics: Metrics, known: Known | None = None
) -> tuple[dict[str, str | None], dict[str, Aggregate]]:
    """Every derived file as it follows from the records (None: no record supports it), and the aggregates by folder.

    `known` saves time: a folder with unchanged records, tables and aggregate is not computed again.
    """
    inputs = input_keys(base, metrics) if known else {}
    unchanged = {
        folder for folder, keys in (known or {}).items()
        if folder in inputs and list(keys) == [inputs[folder], base.keys.get(f"{folder}/{AGGREGATE}")]
    }  # fmt: skip
    there = base.read([f"{folder}/{AGGREGATE}" for folder in sorted(unchanged)])
    kept = {_folder(path): one for path, text in there.items() if (one := aggregate_in(text))}
    new = _aggregates({folder: () for folder in base.index.by_folder if folder not in kept}, base, metrics)
    found = {folder: kept.get(folder) or new[folder] for folder in sorted(base.index.by_folder)}
    texts: dict[str, str | None] = {path: None for path in base.aggregates if _folder(path) not in found}
    texts.update(texts_of(found))
    if found or base.aggregates:
        texts[leaderboard.PATH] = leaderboard.leaderboard(found, metrics, _doubted(base))
    return texts, found


def without(texts: Mapping[str, str | None], newer: Collection[str]) -> dict[str, str | None]:
    """Derived files without the aggregates of a newer evalctl, and then without the leaderboard, which has them too."""
    left = {*newer, leaderboard.PATH} if newer else set[str]()
    return {path: text for path, text in texts.items() if path not in left}


def texts_of(aggregates: Mapping[str, Aggregate]) -> dict[str, str]:
    """The files of these aggregates (by folder), by path."""
    return {f"{folder}/{AGGREGATE}": to_text(one.as_json()) for folder, one in aggregates.items()}


def input_keys(base: Base, metrics: Metrics) -> dict[str, str]:
    """By model folder, what identifies all that its aggregate depends on: records, values and sets of questions, the tables."""
    tables, sets = tables_key(metrics), _sets(base)
    return {
        folder: hashlib.sha256(
            json.dumps([tables, sorted(_inputs(one, base, sets) for one in listed)]).encode()
        ).hexdigest()
        for folder, listed in base.index.by_folder.items()
    }


def _inputs(one: Listed, base: Base, sets: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """A record may name any question set of its task."""
    return [one.path, base.keys.get(one.path, ""), base.keys.get(path_of(one.path), ""), *sets.get(one.task, ())]


def _sets(base: Base) -> dict[str, list[str]]:
    """What identifies the contents of the question sets of each task."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for path in base.keys if path.startswith(f"{FOLDER}/")):
        found.setdefault(path.removeprefix(f"{FOLDER}/").rpartition("-")[0], []).extend((path, base.keys[path]))
    return found


def of_newer(base: Base, computed: Mapping[str, Aggregate]) -> list[str]:
    """The aggregates in the base that a newer evalctl made: computed again by this one, two clones would undo each other's.

    One counts as such only with the scores and intervals that its records give here too (`computed`), but for intervals by methods
    that are not known here: what it says of its origin proves nothing.
    """
    there = base.read([path for path in base.aggregates if _folder(path) in base.index.by_folder])
    newer = {path: text for path, text in there.items() if is_newer(_generated_by(text))}
    return sorted(
        path for path, text in newer.items()
        if (one := computed.get(_folder(path))) and _has_scores_of(text, one) and _has_intervals_of(text, one)
    )  # fmt: skip


def _has_scores_of(text: bytes, computed: Aggregate) -> bool:
    theirs = aggregate_in(text)
    return theirs is not None and all(
        scores.agrees(theirs.results[name], value) for name, value in computed.results.items() if name in theirs.results
    )


def _has_intervals_of(text: bytes, computed: Aggregate) -> bool:
    """And the same ends of answers. A newer evalctl gives a method with other numbers another name."""
    document = plain_json.document(text)
    parts: dict[str, Mapping[str, Uncertainty | Stability]] = {
        "uncertainty": computed.uncertainty,
        "stability": computed.stability,
    }
    for part, ours in parts.items():
        found = document.get(part, {})
        if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
            return False
        known = {name: one for name, one in found.items() if is_known(one.get("method", ""))}
        if not all(name in ours and _is_like(one, ours[name]) for name, one in known.items()):
            return False
    return True


def _is_like(theirs: Facts, ours: Uncertainty | Stability) -> bool:
    return all(
        isinstance(there := theirs.get(name), (int, float)) and abs(there - here) <= _ROUNDED
        if isinstance(here, float)
        else theirs.get(name) == here
        for name, here in asdict(ours).items()
    )


def _generated_by(text: bytes) -> str:
    """Of an aggregate of any form; "" where there is none."""
    try:
        return str(plain_json.document(text).get("generated_by"))
    except ValueError:
        return ""


def tables_key(metrics: Metrics) -> str:
    """Identifies metrics.yaml by what it says, and how this program makes an aggregate of it."""
    return hashlib.sha256(f"{GENERATED_BY}\0{metrics.model_dump_json()}".encode()).hexdigest()


def mismatches(aggregates: Mapping[str, Aggregate]) -> list[str]:
    """`entry: task … has no metric …; it has …` of these aggregates, each once."""
    return sorted({f"{name}: {why}" for one in aggregates.values() for name, why in one.unmatched.items()})


def by_folder(records: Mapping[str, str]) -> dict[str, list[Result]]:
    """New records (path to text) by the model folder that they belong to."""
    folders: dict[str, list[Result]] = {}
    for path in sorted(records):
        result = parse(path, records[path])
        folders.setdefault(folder_of(path, result.task.result_dir), []).append(result)
    return folders


def aggregates(changed: Mapping[str, Sequence[Result]], base: Base, metrics: Metrics) -> dict[str, Aggregate]:
    """Folder to its aggregate, with the `changed` records in place of what the base has."""
    return _aggregates(changed, base, metrics)


def page(made: Mapping[str, Aggregate], base: Base, metrics: Metrics) -> str:
    """The leaderboard: the given aggregates, and the base's for all other folders."""
    others = [
        path for path in base.aggregates
        if _folder(path) not in made and _folder(path) in base.index.by_folder  # no record, no score
    ]  # fmt: skip
    known = {_folder(path): one for path, text in base.read(others).items() if (one := aggregate_in(text))}
    return leaderboard.leaderboard({**known, **made}, metrics, _doubted(base))


def _doubted(base: Base) -> dict[str, set[str]]:
    """The names of scores that unproven records give, by folder."""
    return {folder: {name for one in found for name in one.rows} for folder, found in base.unproven.items()}


def _folder(path: str) -> str:
    return path.removesuffix(f"/{AGGREGATE}")


def _aggregates(changed: Mapping[str, Sequence[Result]], base: Base, metrics: Metrics) -> dict[str, Aggregate]:
    """Of many folders: each read of a commit is two processes of git, so the files of many folders are read together."""
    folders, made = sorted(changed), dict[str, Aggregate]()
    for first in range(0, len(folders), _AT_ONCE):
        results = _results({folder: changed[folder] for folder in folders[first : first + _AT_ONCE]}, base)
        decoded = question_values.reader([one for found in results.values() for one in found], base.read)
        for folder, found in results.items():
            made[folder] = aggregated(folder, found, metrics, {one.path: decoded(one) for one in found})
    return made


def _results(changed: Mapping[str, Sequence[Result]], base: Base) -> dict[str, list[Result]]:
    """By folder: the records of the base, and the changed ones in their place."""
    new = {one.path for found in changed.values() for one in found}
    kept = {
        folder: [listed.path for listed in base.index.by_folder.get(folder, ()) if listed.path not in new]
        for folder in changed
    }
    texts = base.read([path for paths in kept.values() for path in paths])
    return {
        folder: [*(parse(path, texts[path]) for path in paths if path in texts), *changed[folder]]
        for folder, paths in kept.items()
    }
