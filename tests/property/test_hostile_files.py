"""Whatever stands in manifests/: every command answers with 0 or 1, in time, and nothing in there runs or misleads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hostile import FRAGMENTS, answer, changed_table, changed_text, changed_yaml, examples, nothing_ran, written
from hypothesis import given
from hypothesis import strategies as st
from samples import base_texts

REQUEST = "manifests/requests/sample.yaml"
_REQUESTS = (
    "model: lab/small-8B\ncustom_settings: ja\nservice: tsubame\ntasks: [ja, -ja_judged, en_choice]\n"
    "overrides: {all: {temperature: 0.5, seed: 3, stop_tokens: [x]}, ja_exact: {system_message: hi, max_new_tokens: 64}}\n"
    "requested_by: someone\nreason: why\nmax_samples: 8\npriority: -5\n",
    "models: [lab/small-8B, {path: /gs/x, name: lab/local-1B}]\ncustom_settings: [null, greedy]\nservice: slurm\ntasks: [all]\n"
    "packing: {parallel: 2}\nnode_kind: gpu_1\nunanswered: 2\nretries: 3\n",
    "model: openai/gpt-test\nprovider: openai\nservice: abci\ntasks: [ja_judged, en_choice]\nconcurrency: 7\nrequest_timeout: 1200\n",
    "model: lab/large-70B\ncustom_settings: think\nservice: local\ntasks: [en_choice]\npush_to_hub: {org: lab}\n",
)  # fmt: skip
_PROVIDER = "base_url: http://127.0.0.1:9/v1\nkey: false\ndescription: a server of ours\n"
_GOOD = {**base_texts(), "manifests/providers/other.yaml": _PROVIDER}
_COMMANDS = (
    ("check",), ("check", "--format", "json"), ("check", "--format", "github"), ("plan",), ("plan", "--format", "markdown"),
    ("plan", "--format", "json"), ("explain", "sample"), ("explain", "sample", "--json"), ("compile",), ("compile", "--check"),
    ("plan", "--format", "markdown"), ("check",), ("status",), ("runtimes",),
)  # fmt: skip


def _run_all(root: Path, size: int) -> None:
    for command in _COMMANDS:
        done = answer(root, *command, size=size)
        if command[-1] in ("json", "--json") and done.out:
            json.loads(done.out)
    nothing_ran(root)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, bytes]:
    """A good repository in which one or two files are hostile."""
    files = {path: text.encode() for path, text in _GOOD.items()}
    good = {**_GOOD, REQUEST: draw(st.sampled_from(_REQUESTS))}
    files[REQUEST] = good[REQUEST].encode()
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        path = draw(st.one_of(st.just(REQUEST), st.sampled_from(sorted(good))))
        kind = path.rpartition(".")[2]
        change = {"yaml": changed_yaml, "csv": changed_table}.get(kind, changed_text)
        files[path] = draw(st.one_of(change(good[path]), change(good[path]), changed_text(good[path])))
    return files


@examples(25)
@given(files=manifests())
def test_hostile_manifests_are_refused_or_compiled(files: dict[str, bytes]) -> None:
    """Requests, settings, cards, services, providers, tables and templates of any content."""
    with TemporaryDirectory() as folder:
        _run_all(written(Path(folder), files), sum(map(len, files.values())))


@pytest.mark.parametrize("text", _REQUESTS)
def test_the_inputs_are_good_before_they_are_changed(text: str, tmp_path: Path) -> None:
    """Each request compiles and gives a script, or the changes would never get further than `check`."""
    root = written(tmp_path, {path: good.encode() for path, good in {**_GOOD, REQUEST: text}.items()})
    assert answer(root, "compile").code == 0
    assert list(root.glob("generated/**/*.sh"))


_NAMES = st.one_of(
    st.sampled_from([part.replace("/", "") for part in FRAGMENTS if len(part.encode()) < 200]), st.text(max_size=8),
    st.sampled_from(["\udcff", "a\udc80b", "CON", "x" * 240, ".hidden", "sample", "SAMPLE", "s\u200bample", "a.sh", "plan.json", "x.lock"]),
).map(lambda name: name.replace("/", "").replace("\0", ""))  # fmt: skip
_FOLDERS = (
    "requests",
    "requests/sub",
    "models/lab",
    "models",
    "services",
    "providers",
    "tasks",
    "models/chat_templates",
    "",
)
_KINDS = ("file", "file", "file", "link", "loop", "folder", "closed")


@examples(12)
@given(
    name=_NAMES, folder=st.sampled_from(_FOLDERS), ending=st.sampled_from([".yaml", ".lock.yaml", ".csv", ".jinja", ".yml"]),
    kind=st.sampled_from(_KINDS), text=st.sampled_from([*_REQUESTS, *base_texts().values()]),
)  # fmt: skip
def test_hostile_file_names_are_findings(name: str, folder: str, ending: str, kind: str, text: str) -> None:
    """A name of any bytes, a link, a folder or a file that cannot be read in the place of a manifest."""
    with TemporaryDirectory() as where:
        root = written(Path(where), {REQUEST: _REQUESTS[0].encode()})
        target = root / "manifests" / folder / f"{name}{ending}"
        if len(os.fsencode(target.name)) > 255 or target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        _placed(target, kind, text)
        _run_all(root, len(text))


def _placed(target: Path, kind: str, text: str) -> None:
    if kind in ("link", "loop"):
        target.symlink_to("/etc/passwd" if kind == "link" else target.name)
    elif kind == "folder":
        target.mkdir()
    else:
        target.write_text(text, encoding="utf-8")
        target.chmod(0o000 if kind == "closed" else 0o644)


@pytest.mark.parametrize(
    "number", ["0x" + "f" * 3990, "0o" + "7" * 3990, "9" * 3999, "9" * 400, "1e309", ".inf", "-1e400"]
)
def test_a_number_of_any_length_is_a_finding(number: str, tmp_path: Path) -> None:
    """Numbers that cannot be computed with or printed are refused as any other wrong value is."""
    request = f"model: lab/small-8B\nservice: tsubame\ntasks: [ja]\noverrides: {{all: {{seed: {number}}}}}\n"
    done = answer(written(tmp_path, {REQUEST: request.encode()}), "check")
    assert (done.code, "seed" in done.out + done.err) == (1, True)


@pytest.mark.parametrize(
    "many",
    [
        "".join(f"key{number}: 1\n" for number in range(2000)),
        f"overrides: {{{', '.join(f'k{number}: {{seed: 1}}' for number in range(2000))}}}\n",
        f"custom_settings: [{', '.join(f's{number}' for number in range(9000))}]\n",
    ],
    ids=["unknown keys", "unknown tasks", "unknown settings"],
)
def test_thousands_of_mistakes_take_no_minutes(tmp_path: Path, many: str) -> None:
    """The time grows with the file, not with its square."""
    text = f"model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact]\n{many}"
    root = written(tmp_path, {REQUEST: text.encode()})
    assert answer(root, "check", size=len(text)).code == 1


def test_a_request_of_more_evals_than_anybody_can_plan_is_an_error(tmp_path: Path) -> None:
    """A list of settings makes a matrix: a few lines can mean millions of evals."""
    settings = "".join(f"s{number}: {{version: 1}}\n" for number in range(4000))
    names = ", ".join(f"s{number}" for number in range(4000))
    request = f"model: lab/small-8B\nservice: tsubame\ncustom_settings: [{names}]\ntasks: [all]\n"
    root = written(tmp_path, {"manifests/models/lab/small-8B.yaml": settings.encode(), REQUEST: request.encode()})
    done = answer(root, "check", size=len(request))
    assert "more than 10,000 evals" in done.out + done.err
