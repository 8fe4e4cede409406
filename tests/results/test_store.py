"""Finding results on disk: by path, by digest, and what cannot be read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from evalctl import stamps
from evalctl.model.aggregate import Aggregate, AggregatedEval
from evalctl.model.recorded import RecordedSettings
from evalctl.model.scores import Score
from evalctl.results.reading import aggregate_in, parse
from evalctl.results.record import to_text, weights
from evalctl.results.store import folder_of, index_folder

PATH = "results/hosted_vllm/team/tiny/greedy/ja/mmlu/result.json"


def document(digest: str = "d1", result_dir: str = "ja/mmlu", **more: Any) -> dict[str, Any]:
    """The least that a result is."""
    task = {"key": "ja_mmlu", "script": "mmlu", "result_dir": result_dir}
    return {
        "schema": "evalctl/result/1", "digest": digest, "task": task, "subject": {"model": "team/tiny"},
        "scores": {"mmlu|0": {"em": 0.5}}, "weights": {"mmlu|0": 4}, "measured_at": 5, **more,
    }  # fmt: skip


def put(root: Path, path: str, text: str) -> Path:
    """A file."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    return root / path


def test_results_are_known_by_path_and_by_digest(tmp_path: Path) -> None:
    """The first path in order stands for a digest that several have."""
    put(tmp_path, PATH, to_text(document()))
    put(tmp_path, PATH.replace("greedy", "twin"), to_text(document()))
    index = index_folder(tmp_path)
    assert index.current(PATH, "d1") and not index.current(PATH, "d2")
    assert (index.by_digest["d1"].path, index.by_digest["d1"].folder) == (PATH, "results/hosted_vllm/team/tiny/greedy")
    assert [listed.path for listed in index.by_folder["results/hosted_vllm/team/tiny/twin"]] == [
        PATH.replace("greedy", "twin")
    ]


def test_a_link_is_no_result(tmp_path: Path) -> None:
    """Neither a file nor a folder behind one is read: it may lead anywhere."""
    elsewhere = put(tmp_path, "elsewhere/result.json", to_text(document()))
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).symlink_to(elsewhere)
    (tmp_path / "results/linked").symlink_to(elsewhere.parent)
    index = index_folder(tmp_path)
    assert (index.by_path, index.unreadable) == ({}, {})


@pytest.mark.parametrize(("count", "found"), [(3, {"mmlu|0": 3}), (0, {"mmlu|0": 0}), (-1, {}), (2.5, {}), (None, {})])
def test_only_a_count_is_a_weight(count: object, found: dict[str, int]) -> None:
    """lighteval writes -1 where it does not know; keys are spelled with and without the suite."""
    assert weights({"mmlu|0": {"em": 1}}, {"lighteval|mmlu|0": {"effective_num_docs": count}}) == found


def test_nothing_is_found_where_there_is_nothing(tmp_path: Path) -> None:
    """A fresh repository."""
    assert index_folder(tmp_path).by_path == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"schema": "evalctl/result/2"}', "\udc80", json.dumps({**document(), "scores": {"a": 1}}),
     json.dumps({**document(), "digest": 7}),
     json.dumps({**document(), "scores": {"a": {"em": "0.5"}}}), json.dumps({**document(), "scores": {"a": {"em": float("nan")}}}),
     json.dumps({**document(), "weights": {"a": "30"}}), json.dumps({**document(), "entries": [1]}),
     json.dumps({**document(), "subject": {"custom_settings": "greedy"}}), json.dumps({**document(), "samples": [1]}),
     json.dumps({**document(), "scores": {"a": {"em": 10**400}}}), json.dumps({**document(), "weights": {"a": -(10**4000)}}),
     json.dumps(document()).replace("0.5", "9" * 5000), json.dumps(document()).replace("0.5", "1e309"),
     json.dumps({**document(), "server": {"x": "\ud800"}}), json.dumps(document()).replace("0.5", "[" * 200_000),
     json.dumps({**document(), "warnings": 5}), json.dumps({**document(), "warnings": [1]}), json.dumps({**document(), "sent": []}),
     json.dumps({**document(), "seconds": "5"}), json.dumps({**document(), "max_samples": [1]}), json.dumps({**document(), "ran": 0}),
     json.dumps({**document(), "seconds": 1e308}), json.dumps({**document(), "seconds": -1e308}),
     json.dumps({**document(), "measured_at": 10**400}), json.dumps({**document(), "measured_at": 1e12}), json.dumps(document(result_dir="en/mmlu"))],
)  # fmt: skip
def test_what_cannot_be_read_is_named_and_left_alone(tmp_path: Path, text: str) -> None:
    """Empty, truncated, of a newer version, of a wrong form, with a score that is none or that cannot be computed with, in a wrong place."""
    content = text.encode("utf-8", "surrogateescape")
    put(tmp_path, PATH, "").write_bytes(content)
    index = index_folder(tmp_path)
    assert (list(index.unreadable), index.by_path, index.by_digest) == ([PATH], {}, {})
    finding = index.diagnostics()[0]
    assert (finding.code, finding.span.file) == ("unreadable-result", PATH)
    assert (tmp_path / PATH).read_bytes() == content


@pytest.mark.parametrize("replaced", [False, True], ids=["in place", "another file"])
@pytest.mark.parametrize("window", [-(10**18), stamps.SETTLED_NS], ids=["old", "new"])
def test_the_cache_notices_a_change_that_keeps_size_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int, replaced: bool
) -> None:
    """A result that a backup or `rsync --times` brought back is another one; whether the cache is older or not."""
    monkeypatch.setattr(stamps, "SETTLED_NS", window)
    cache = tmp_path / "cache.json"
    place = put(tmp_path, PATH, to_text(document()))
    os.utime(place, (1_000_000_000, 1_000_000_000))
    assert set(index_folder(tmp_path, cache).by_digest) == {"d1"}
    source = put(tmp_path, f"{PATH}.new" if replaced else PATH, to_text(document("d2")))
    os.utime(source, (1_000_000_000, 1_000_000_000))
    source.rename(place)
    assert set(index_folder(tmp_path, cache).by_digest) == {"d2"}


def test_the_cache_follows_every_change(tmp_path: Path) -> None:
    """Changed, added, removed; and a cache of garbage is only rebuilt."""
    cache = tmp_path / "cache.json"
    file = put(tmp_path, PATH, to_text(document("d1")))
    assert set(index_folder(tmp_path, cache).by_digest) == {"d1"}
    assert set(index_folder(tmp_path, cache).by_digest) == {"d1"}
    file.write_text(to_text(document("digest2")))
    assert set(index_folder(tmp_path, cache).by_digest) == {"digest2"}
    cache.write_text("{")
    assert set(index_folder(tmp_path, cache).by_digest) == {"digest2"}
    file.unlink()
    assert set(index_folder(tmp_path, cache).by_digest) == set()


def test_logs_and_details_are_not_searched(tmp_path: Path) -> None:
    """They lie in the same folders and may be many."""
    put(tmp_path, PATH.replace("result.json", "details/result.json"), to_text(document()))
    assert index_folder(tmp_path).by_path == {}


def test_the_model_folder_is_the_path_without_the_tasks_part() -> None:
    """Debugging runs have a folder of their own kind."""
    assert folder_of("results/debug/max_samples-10/hosted_vllm/a/b/ja/mmlu/result.json", "ja/mmlu") == (
        "results/debug/max_samples-10/hosted_vllm/a/b"
    )
    with pytest.raises(ValueError, match="ja/mmlu"):
        folder_of(PATH.replace("ja/", "en/"), "ja/mmlu")


def test_a_parsed_result_has_scores_and_weights() -> None:
    """By the framework's key and the metric's name; a standard error is the metric's, and no metric."""
    scores = {"mmlu|0": {"em": 0.5, "em_stderr": 0.25, "f1": None}}
    result = parse(PATH, to_text(document(scores=scores)))
    mmlu = result.scores["mmlu|0"]
    assert (mmlu["em"], mmlu["f1"], mmlu.questions) == (Score(0.5, 0.25), Score(None), 4)
    assert (list(mmlu.metrics), result.measured_at) == (["em", "f1"], 5)


def test_a_record_says_by_name_what_it_has() -> None:
    """And nothing, in the same kinds, of what it lacks or has of another kind."""
    ran = {"job": "ev-a", "attempt": 2, "service": "local", "node_kind": "gpu_1", "name": "ev-a-a2"}
    subject = {"model": "team/tiny", "revision": None, "custom_settings": {"name": "greedy", "version": 2}}
    known = parse(PATH, to_text(document(ran=ran, subject=subject, samples={"asked": 4}, warnings=["cut off"])))
    assert (known.subject.model, known.subject.revision, known.subject.custom_settings.version) == (
        "team/tiny",
        "",
        "2",
    )
    assert (known.ran.origin, known.ran.service, known.samples and known.samples.asked) == (("ev-a", 2), "local", 4)
    assert (known.warnings, known.imported, known.reused_from) == (("cut off",), None, "")
    least = parse(PATH, to_text(document(ran={"job": "ev-a", "attempt": "2"}, measured_at="noon")))
    assert (least.ran.origin, least.samples, least.seconds, least.measured_at) == (("", 0), None, None, 0.0)
    assert (least.generation, least.server, least.max_samples, least.unanswered) == ({}, {}, None, 0)


def test_a_record_of_another_evalctl_is_written_as_it_was_read() -> None:
    """Keys that are not known here, the order of all keys and the way numbers are written survive a copy."""
    text = to_text({"newer": {"b": 1.0, "a": [1]}, **document(subject={"z": 0, "model": "team/tiny", "newer": None})})
    assert to_text(parse(PATH, text).as_json()) == text


def test_an_aggregate_of_an_earlier_evalctl_is_read() -> None:
    """What it did not say is empty; a value that is no number was not measured."""
    text = {
        "model": "m", "results": {"a": 0.5, "b": "0.5"}, "overall": "", "custom_settings": {"name": "", "version": ""},
        "evals": {"ja": {"measured": None, "samples": 4}}, "unmatched": ["b"], "warnings": "cut off",
    }  # fmt: skip
    found = aggregate_in(json.dumps(text).encode())
    assert found == Aggregate(
        "m", {"a": 0.5, "b": None}, custom_settings=RecordedSettings({"name": "", "version": ""}),
        evals={"ja": AggregatedEval("", "", "", None, None, None)},
    )  # fmt: skip
    for lacking in ("model", "results", "evals"):
        assert aggregate_in(json.dumps({**text, lacking: None}).encode()) is None
