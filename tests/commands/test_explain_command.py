"""`evalctl explain`: a code's page, the list of all, and who set a value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import samples
from samples import card_file
from spec.literate import EXAMPLE, repository

from evalctl.check.codes import CODES, PAGES
from evalctl.cli import main
from evalctl.plan.filled import FROM_MODEL
from evalctl.review.methods import ANCHORS, sections
from evalctl.sync.pages import pages

REQUEST = """\
model: tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5
custom_settings: sampling
service: tsubame
tasks: [ja_mmlu, ja_humaneval]
overrides:
  ja_mmlu: {max_new_tokens: 4096, seed: null}
"""
SETTINGS = "manifests/models/tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5.yaml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one request, as the current folder."""
    monkeypatch.chdir(repository(tmp_path, {EXAMPLE: REQUEST.encode()}))
    return tmp_path


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_explained_anywhere(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outside of a repository, too: people look codes up at home."""
    monkeypatch.chdir(tmp_path)
    assert main(["explain", code]) == 0
    out, page = capsys.readouterr().out.rstrip(), (PAGES / f"{code}.md").read_text(encoding="utf-8").rstrip()
    assert out == page if code not in pages() else out.startswith(page)


@pytest.mark.parametrize("word", pages())
def test_a_reason_is_explained_anywhere(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every word that status, sync or plan print: what it means, why it happens, what to type."""
    monkeypatch.chdir(tmp_path)
    assert main(["explain", *word.split()]) == 0
    out, page = capsys.readouterr().out, pages()[word]
    assert page.means in out and f"Why: {page.why}" in out and page.do in out
    assert codes_page(word) in out


def test_words_that_are_nothing_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More than a request and a task, and no reason: with what was probably meant."""
    assert main(["--repo", str(tmp_path), "explain", "inputs", "changed", "since", "its", "resullt"]) == 1
    assert "did you mean `inputs changed since its result`?" in capsys.readouterr().err


def codes_page(word: str) -> str:
    """The page of a diagnostic that has the same name as a reason, or nothing."""
    return (PAGES / f"{word}.md").read_text(encoding="utf-8").rstrip() if word in CODES else ""


@pytest.mark.parametrize("word", ["failed:out-of-memory", "progressed:timeout"])
def test_an_outcome_is_explained_as_it_is_printed(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The ledger and `sync` put a word before the reason."""
    assert main(["explain", word]) == 0
    assert capsys.readouterr().out.startswith(f"# {'out-of-memory' if 'failed' in word else 'progressed'}")


def test_a_request_that_has_the_name_of_a_word(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The word is explained, and how to ask for the request is said."""
    (here / "manifests/requests/timeout.yaml").write_text(REQUEST, encoding="utf-8")
    assert main(["explain", "timeout"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("# timeout") and "evalctl explain manifests/requests/timeout.yaml" in shown.err
    assert main(["explain", "timeout", "ja_mmlu"]) == 0
    assert "ja_mmlu: tokyotech-llm" in capsys.readouterr().out


@pytest.mark.parametrize("words", [(), ("--list",)])
def test_all_words_are_listed(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """A line each: codes, then reasons and states, with what they mean."""
    assert main(["explain", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    methods = {name: f"how a number is computed ({anchor})" for name, anchor in ANCHORS.items()}
    meanings = [*CODES.items(), *((page.word, page.means) for page in pages().values()), *methods.items()]
    assert lines == [f"{word:<28} {means}" for word, means in meanings]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("unknown-taks", "unknown-task"),
        ("dataset-unreachabel", "dataset-unreachable"),
        ("attempt-exhausted", "attempts-exhausted"),
    ],
)
def test_a_misspelt_word_gets_a_suggestion(
    word: str, meant: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, and the nearest code or reason."""
    assert main(["explain", word]) == 1
    assert f"did you mean `{meant}`?" in capsys.readouterr().err


def test_who_set_a_value(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each value with its layer, file and line; what was not applied says why."""
    assert main(["explain", "example", "ja_humaneval"]) == 0
    out = capsys.readouterr().out
    assert f"custom settings sampling, {SETTINGS}:5:16; NOT APPLIED" in out
    assert "task default, manifests/tasks/task_settings.csv:" in out
    assert main(["explain", EXAMPLE, "ja_mmlu"]) == 0
    out = capsys.readouterr().out
    assert "request override, manifests/requests/example.yaml:6:29" in out
    assert "(unset)" in out
    assert "model card tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5" in out


def test_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs: the same with places and reasons."""
    assert main(["explain", "example", "ja_humaneval", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    kept_out = [one for one in shown["settings"] if not one["applied"]]
    assert {one["name"] for one in kept_out} == {"temperature", "top_p"}
    assert all(one["why"] and one["place"].startswith(SETTINGS) for one in kept_out)


def test_what_the_model_fills_is_no_setting_that_is_not_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server applies the model's own top_k where the custom settings' is kept out of a task that samples by design."""
    request = "model: lab/small-8B\ncustom_settings: ja\nservice: tsubame\ntasks: [en_code]\n"
    card = card_file(generation_config={"top_k": 20, "temperature": 0.6})
    monkeypatch.chdir(samples.repository(tmp_path, {EXAMPLE: request, **card}))
    assert main(["explain", "example", "en_code"]) == 0
    split = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    rows = [row for row in split if len(row) == 3]
    top_k = [(value, origin) for name, value, origin in rows if name == "top_k"]
    assert top_k[0] == ("20", FROM_MODEL)
    assert top_k[1][0] == "20" and "custom settings ja" in top_k[1][1] and "; not sent: " in top_k[1][1]
    assert not any("NOT APPLIED" in origin for _, _, origin in rows)
    assert [value for name, value, _ in rows if name == "min_p"] == ["0.0"]
    assert main(["explain", "example", "en_code", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert {"name": "top_k", "value": 20, "origin": FROM_MODEL} in shown["filled"]


def test_a_task_that_the_request_does_not_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a suggestion among the tasks that it does run."""
    assert main(["explain", "example", "ja_mmul"]) == 1
    assert "did you mean `ja_mmlu`?" in capsys.readouterr().err


def test_a_request_with_errors_shows_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to explain until they are mended."""
    (here / EXAMPLE).write_text(REQUEST.replace("tsubame", "tsubane"), encoding="utf-8")
    assert main(["explain", "example", "ja_mmlu"]) == 1
    assert "unknown-service" in capsys.readouterr().out
    assert main(["explain", "example", "ja_mmlu", "--json"]) == 1
    assert [one["code"] for one in json.loads(capsys.readouterr().out)] == ["unknown-service"]


@pytest.mark.parametrize(
    "method", [*ANCHORS, "adjusted paired interval, by clusters, exact McNemar test", "references"]
)
def test_each_method_that_an_output_names_is_explained_anywhere(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The section of the page of methods that is shipped, as text without markup; words need no quotes."""
    assert main(["--repo", str(tmp_path), "explain", *method.split()]) == 0
    said = capsys.readouterr().out
    anchors = [anchor for _, anchor in sections(method)] if method != "references" else ["references"]
    assert f"\n{said}".count("\n# ") == len(anchors) and len(said) > 150 * len(anchors)
    assert "<" not in said.replace("< ", "") and "&" not in said.replace(" & ", "")


def test_codes_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them with what they mean, or one with its page."""
    assert main(["explain", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "codes": CODES, "reasons": {page.word: page.means for page in pages().values()},
        "methods": {name: f"how a number is computed ({anchor})" for name, anchor in ANCHORS.items()},
    }  # fmt: skip
    assert main(["explain", "unknown-task", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["page"] == (PAGES / "unknown-task.md").read_text("utf-8").rstrip()
