"""Whatever a scheduler, a job, a result in git or a model's folder says: it is read with bounds, or refused with a reason."""

from __future__ import annotations

import datetime
import json
import shutil
import struct
import subprocess
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hostile import JSON_VALUES, TEXTS, answer, changed_json, changed_text, dumped, examples, one_of, written
from hypothesis import given
from hypothesis import strategies as st

from evalctl.cards.card import read_folder
from evalctl.cards.text import write
from evalctl.check.models import model_file
from evalctl.git import remote
from evalctl.model.run import Attempt, Phase
from evalctl.results.reading import aggregate_in, parse
from evalctl.results.store import folder_of
from evalctl.schedulers import SCHEDULERS, Unreadable
from evalctl.shell import EnvironmentProblem, Reply
from evalctl.sync import record_text, records
from evalctl.sync.marks import read_marks

_RECORDED = Path(__file__).parents[1] / "schedulers" / "replies"


# ---- Schedulers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
@examples(60)
@given(data=st.data())
def test_hostile_replies_of_schedulers(name: str, data: st.DataObject) -> None:
    """Any text and status: sightings with a name and an id of one word each, or Unreadable; never a guess, never an error."""
    scheduler = SCHEDULERS[name]
    reply = data.draw(_replies(name))
    try:
        for seen in scheduler.sightings(reply):
            assert seen.name and seen.native_id, seen
            assert record_text.is_native_id(seen.native_id), seen
    except Unreadable as why:
        assert str(why)
    assert record_text.is_native_id(scheduler.native_id(reply, "ev-x-0-a1"))
    for said in (scheduler.refusal(reply), scheduler.postponed(reply)):
        assert said is None or isinstance(said, str)
    assert isinstance(scheduler.cancelled(reply), bool)


_LOCAL = '{"jobs": [{"id": 1, "name": "ev-x-0-a1", "state": "running", "exit_status": 0}]}'
_TEXTS = {
    name: [path.read_text(encoding="utf-8", errors="replace") for path in sorted((_RECORDED / name).rglob("*.*"))]
    for name in SCHEDULERS
}


@st.composite
def _replies(draw: st.DrawFn, name: str) -> Reply:
    """A recorded reply, changed in a place or two, or any text."""
    good = one_of(_TEXTS[name] or [_LOCAL])
    changed = good.flatmap(changed_text)
    if name == "local":
        changed = st.one_of(changed, changed_json(json.loads(_LOCAL)))
    text = st.one_of(changed.map(lambda data: data.decode("utf-8", "replace")), good, TEXTS)
    status = st.sampled_from([0, 0, 0, 1, 153, -1])
    return Reply(draw(status), draw(text), draw(st.one_of(st.just(""), text)), draw(st.booleans()))


# ---- git --------------------------------------------------------------------------------------------------------


@examples(60)
@given(
    lines=st.lists(TEXTS, max_size=4),
    prefix=st.sampled_from(["", "remote: ", "remote:", "fatal: ", "! a\tb\t", "error: "]),
)
def test_hostile_words_of_a_remote(lines: list[str], prefix: str) -> None:
    """What a remote or a hook says is shown as lines that a terminal shows as they are."""
    said = "\n".join(f"{prefix}{line}" for line in lines)
    for line in (*remote.remote_words(said), remote.printable(said)):
        assert line.isprintable(), line


# ---- What jobs and people leave ---------------------------------------------------------------------------------

_ATTEMPT = Attempt(
    job="ev-x-0", number=1, name="ev-x-0-a1", phase=Phase.CLOSED, service="local", request="manifests/requests/x.yaml",
    evals={"ja_mmlu": "0" * 64}, run_dir="/r/ev-x-0/a1", claimed_at=5.0, submitted_at=6.0, closed_at=7.0, native_id="7",
    outcome="failed:timeout", walltime_seconds=60, by="someone",
)  # fmt: skip
_RECORD = json.loads(
    record_text.to_text(
        records.JobRecord("ev-x-0", (_ATTEMPT,), {1: ("0" * 64,)}, (records.Event(5.0, "someone", "retry", 1),))
    )
)


@examples(100)
@given(content=changed_json(_RECORD))
def test_hostile_records_of_the_ledger(content: bytes) -> None:
    """A record has the form that evalctl gives it, or is refused with a reason; what is taken can be written again."""
    try:
        record = record_text.from_text("ev-x-0", content)
    except ValueError as why:
        assert str(why)
        return
    assert record_text.from_text("ev-x-0", record_text.to_text(record).encode()) == record


_MARKS = {
    "started": {"started_at": 5.0, "host": "n1", "native_id": "7", "gpu_name": "H100"},
    "server_ready": {"ready_at": 6.0, "server_version": "0.32"},
    "finished": {"exit": 0, "reason": "", "detail": ""},
    "task/ja_mmlu": {
        "key": "ja_mmlu", "state": "done", "reason": "", "detail": "", "started_at": 6.0, "ended_at": 7.0,
        "acceptance": {
            "verdict": "accepted", "scores": {"a|0": {"em": 0.5}}, "samples": {"a|0": 4}, "tokens": {"in": 1},
            "warnings": ["x"], "sent": {"n": 1}, "versions": {"a": "1"}, "answered_by": {"m": 1}, "config_tasks": {"a": {}},
        },
    },
}  # fmt: skip


@examples(60)
@given(name=st.sampled_from(sorted(_MARKS)), data=st.data())
def test_hostile_marks_of_a_job(name: str, data: st.DataObject) -> None:
    """A mark of any bytes is read or named as unreadable; times have a date and texts can be shown."""
    content = data.draw(changed_json(_MARKS[name]))
    with TemporaryDirectory() as folder:
        run_dir = Path(folder) / "runs/ev-x-0/a1"
        (run_dir / "marks/task").mkdir(parents=True)
        (run_dir / f"marks/{name}.json").write_bytes(content)
        marks = read_marks(run_dir)
        json.dumps(asdict(marks), allow_nan=False)
        assert (
            marks.unreadable
            or marks.tasks
            or any(one is not None for one in (marks.started, marks.server_ready, marks.finished))
        )


_FOLDER = "results/hosted_vllm/lab/small-8B/ja"
_RESULT = {
    "schema": "evalctl/result/1", "digest": "0" * 64, "measured_at": 5.0, "warnings": ["w"], "reused_from": "results/x",
    "task": {"key": "ja_exact", "script": "jemhopqa_cot", "result_dir": "ja/exact", "framework": "lighteval-swallow"},
    "subject": {"model": "lab/small-8B", "address": "http://127.0.0.1/v1", "custom_settings": {"name": "ja", "version": "2"}},
    "scores": {"swallow|jemhopqa_cot|0": {"exact": 0.5, "exact_stderr": 0.1}}, "weights": {"swallow|jemhopqa_cot|0": 4},
    "samples": {"asked": 4, "answered": 4}, "seconds": 7.5, "tokens": {"in": 5},
    "ran": {"job": "ev-x-0", "attempt": 1, "service": "local", "node_kind": "gpu_1", "task_seconds": 5.5, "seconds": 5},
    "server": {"version": "0.32", "restarts": 0},
}  # fmt: skip
_AGGREGATE = {
    "model": "hosted_vllm/lab/small-8B", "results": {"JA exact": 0.5, "EN code": -1}, "overall": "0.5,-1", "tasks": ["JA exact"],
    "custom_settings": {"path": "a.yaml", "name": "ja", "version": "2"}, "warnings": ["w"],
    "evals": {"ja_exact": {"measured": "2026-01-02T03:04:05Z", "digest": "0" * 64, "samples": 4}},
}  # fmt: skip
_COMMANDS = (
    ("results", "show"), ("results", "show", "--json"), ("results", "export"), ("results", "export", "--format", "overall"),
    ("results", "history", "small-8B"), ("results", "rebuild", "--check"), ("plan",), ("plan", "--format", "markdown"),
    ("runtimes",), ("runtimes", "--json"), ("status",), ("details", "sample"),
)  # fmt: skip


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a request."""
    request = b"model: lab/small-8B\ncustom_settings: ja\nservice: tsubame\ntasks: [ja]\n"
    root = written(tmp_path_factory.mktemp("clone"), {"manifests/requests/sample.yaml": request})
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*_WHO, "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


_WHO = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")


@examples(10, share=0.2)
@given(name=st.sampled_from(["result.json", "aggregated_results.json"]), data=st.data())
def test_hostile_results(clone: Path, name: str, data: st.DataObject) -> None:
    """A record or an aggregate of any bytes in git: every command that reads results answers, with 0 or 1."""
    good = _RESULT if name == "result.json" else _AGGREGATE
    content = data.draw(changed_json(good))
    shutil.rmtree(clone / "results", ignore_errors=True)
    files = {f"{_FOLDER}/ja/exact/result.json": _RESULT, f"{_FOLDER}/aggregated_results.json": _AGGREGATE}
    for path, document in files.items():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_bytes(content if document is good else json.dumps(document).encode())
    subprocess.run(["git", "add", "-A", "-f", "results"], cwd=clone, check=True)
    subprocess.run(["git", *_WHO, "commit", "-q", "--amend", "-m", "a"], cwd=clone, check=True)
    for command in (*_COMMANDS, ("results", "site", "-o", str(clone / "site"))):
        done = answer(clone, *command, size=len(content))
        if command[-1] == "--json" and done.out:
            json.loads(done.out)


def test_the_results_are_good_before_they_are_changed() -> None:
    """The record can be read and the aggregate is in the table, or the changes would never get further."""
    path = f"{_FOLDER}/ja/exact/result.json"
    assert parse(path, json.dumps(_RESULT)).task.key == "ja_exact"
    assert aggregate_in(json.dumps(_AGGREGATE).encode()) is not None
    assert folder_of(path, "ja/exact") == _FOLDER


# ---- A model's folder -------------------------------------------------------------------------------------------

_MODEL = {
    "config.json": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "torch_dtype": "bfloat16",
        "vocab_size": 32, "head_dim": 32, "sliding_window": 64, "rope_scaling": {"factor": 2.0, "rope_type": "yarn"},
        "layer_types": ["full_attention", "sliding_attention"], "text_config": {"hidden_size": 128}, "intermediate_size": 256,
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["lm_head"]},
    },
    "generation_config.json": {"temperature": 0.6, "top_p": 0.9, "eos_token_id": [1, 2], "max_new_tokens": 5},
    "tokenizer_config.json": {"chat_template": "{{ messages }}", "added_tokens_decoder": {"1": {"content": "<think>"}}},
    "tokenizer.json": {"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1, "content": "</think>"}]},
    "params.json": {"dim": 128, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 32, "max_seq_len": 64},
    "model.safetensors.index.json": {"metadata": {"total_size": 8}, "weight_map": {"a.weight": "model.safetensors"}},
}  # fmt: skip


@examples(80)
@given(name=st.sampled_from(sorted(_MODEL)), data=st.data())
def test_hostile_files_of_a_model(name: str, data: st.DataObject) -> None:
    """`lock` writes a card of the form that check takes, or says what is wrong with the folder."""
    content = data.draw(changed_json(_MODEL[name]))
    with TemporaryDirectory() as folder:
        for other in {"config.json", "tokenizer_config.json", "tokenizer.json"} | {name}:
            (Path(folder) / other).write_text(json.dumps(_MODEL[other]))
        (Path(folder) / name).write_bytes(content)
        (Path(folder) / "model.safetensors").write_bytes(_safetensors(data.draw(st.one_of(st.just(None), JSON_VALUES))))
        try:
            card = read_folder(Path(folder), "lab/local-1B", datetime.date(2026, 11, 26))
        except EnvironmentProblem as why:
            assert why.message
            return
        found, problems = model_file("manifests/models/lab/local-1B.lock.yaml", write(card))
        assert (found, problems) == (card, ())


def _safetensors(wrong: object) -> bytes:
    header = {"a.weight": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}
    text = dumped(header if wrong is None else {"a.weight": wrong}).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + bytes(8)
