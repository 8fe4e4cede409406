"""`evalctl results site --answers TASK`: texts only of the tasks that are named, only where they are here, bounded and harmless."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from planted_site import HOSTILE, planted

from evalctl import cli
from evalctl.environments import catalogue

MODELS = ["lab/one", "lab/two", "lab/three"]
TASK, FOLDER = "ja_gpqa", "ja/gpqa"
OTHER, OTHER_FOLDER = "en_hellaswag", "en/hellaswag"
LONG = "開" + "あ" * 9_000 + "終"
TURNED = "\u202etxt.exe\u2066 \ud800 \x00 </pre></script>"


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that reads details: a program that prints what a real one reads from them."""
    made, environment = tmp_path_factory.mktemp("environments"), catalogue()["lighteval"]
    folder = made / environment.directory_name
    (folder / "bin").mkdir(parents=True)
    (folder / ".complete").write_text(environment.digest)
    (folder / "bin/python").write_text('#!/bin/sh\nshift 2\nexec cat "$@"\n')
    (folder / "bin/python").chmod(0o755)
    return made


@pytest.fixture(autouse=True)
def reader(environments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has it."""
    monkeypatch.setenv("EVALCTL_ENVIRONMENTS", str(environments))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models; the first two have details here."""
    made = planted(tmp_path_factory.mktemp("clone"), MODELS, questions=20, right=(19, 15, 3), only=[TASK, OTHER])
    for model in MODELS[:2]:
        with_details(made, model, TASK, FOLDER)
    with_details(made, MODELS[0], OTHER, OTHER_FOLDER)
    return made


@pytest.fixture(scope="module")
def site(root: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the answers of one task; the command says on standard error what is said of them."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stderr(io.StringIO()) as told:
        patched.setenv("EVALCTL_ENVIRONMENTS", str(environments))
        assert made(root, folder, "--answers", TASK) == 0
    (folder / "told.txt").write_text(told.getvalue())
    return folder


def digest(task: str, place: int) -> str:
    """Of a question of `planted`."""
    return hashlib.sha256(f"{task} {place}".encode()).hexdigest()[:16]


def with_details(root: Path, model: str, task: str, folder: str, answers: tuple[str, ...] = (LONG, TURNED)) -> Path:
    """Writes what a job leaves beside the result: its questions and the answers of one model."""
    path = beside(root, model, folder) / "details/details_x_2026-11-24T08-50-47.6.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (
        {"file": "x.pqt", "row": place + 1, "question": f"prompt {place}", "gold": [f"right {place} {HOSTILE}"],
         "answers": [f"{model} answers {place} {HOSTILE}", *answers, "fourth"], "scores": {"acc": 1.0},
         "text": f"question {place} {HOSTILE}", "digest": digest(task, place)}
        for place in range(20)
    )  # fmt: skip
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def beside(root: Path, model: str, folder: str) -> Path:
    """Where a record is."""
    (record,) = root.glob(f"results/hosted_vllm/{model}/{folder}/result.json")
    return record.parent


def made(root: Path, folder: Path, *words: str) -> int:
    """The exit code of the command."""
    return cli.main(["--repo", str(root), "results", "site", "-o", str(folder), *words])


def path_of(folder: Path, task: str) -> Path:
    """A task's page."""
    (path,) = folder.glob(f"tasks/{task.replace('_', '-')}-????????.html")
    return path


def page(folder: Path, task: str) -> str:
    """The text of a task's page."""
    return path_of(folder, task).read_text("utf-8")


def pages(folder: Path) -> Iterator[str]:
    """The text of every page."""
    return (path.read_text("utf-8") for path in folder.rglob("*.html"))


def test_no_page_has_a_text_that_was_not_asked_for(
    root: Path, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither of another task whose texts are here, nor without the option, which removes what an earlier call wrote."""
    assert "lab/one answers 19" in page(site, TASK)
    assert not any(
        "answers 1" in path.read_text("utf-8")
        for path in (site / "tasks").glob("*.html")
        if path != path_of(site, TASK)
    )
    copied = shutil.copytree(site, tmp_path / "site")
    assert made(root, copied) == 0
    assert not any("answers 1" in text or "question 1" in text for text in pages(copied))
    assert capsys.readouterr().err == ""


def test_the_hardest_questions_have_their_texts(site: Path) -> None:
    """The hardest first: what was asked, the right answer, each model's answer with its committed score."""
    text = page(site, TASK)
    opened = re.findall(r'<details id="q-([0-9a-f]{16})">', text)
    assert opened[0] == digest(TASK, 19) and len(opened) == len(set(opened)) == 20
    assert all(f'href="#q-{one}"' in text for one in opened)
    (first, second) = (text.split(f'id="q-{digest(TASK, place)}"')[1].split("</details>")[0] for place in (19, 15))
    assert "question 19 " in first and "right 19 " in first and "More answers, not shown: 1" in first
    assert re.findall(r"(lab/\w+)</a> · Score ([\d.]+)", first) == [("lab/one", "0.0000"), ("lab/two", "0.0000")]
    assert re.findall(r"(lab/\w+)</a> · Score ([\d.]+)", second) == [("lab/one", "1.0000"), ("lab/two", "0.0000")]


def test_texts_are_harmless_and_bounded(site: Path) -> None:
    """Markup is text, what turns the direction of writing or is half a character is replaced, a long text says what is left out."""
    text = page(site, TASK)
    assert "&lt;script&gt;document.title" in text and "<script>" not in text and "<img" not in text
    assert "&lt;/pre&gt;&lt;/script&gt;" in text and not re.search("[\u202a-\u202e\u2066-\u2069\x00]", text)
    assert f"Characters left out here: {len(LONG) - 3500}" in text and "あ" * 2501 not in text
    assert "開あ" in text and "あ終" in text


def test_the_questions_on_which_two_differ_have_their_texts(site: Path) -> None:
    """On the page of the pair, with both answers."""
    (text,) = (text for text in pages(site) if "<h1>lab/one – lab/two</h1>" in text and '<html lang="en"' in text)
    assert "lab/one answers 16" in text and "lab/two answers 16" in text and "lab/one answers 3 " not in text
    assert "The licence of the data set may forbid to publish them" in text


def test_what_is_not_here_is_said_with_its_reason(
    root: Path, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the page and on the command line: no details, another result than the committed one, no values of questions."""
    told = (site / "told.txt").read_text()
    assert f"{TASK}: answers are missing of lab/three: no details files beside its result" in told
    assert "licences of data sets may forbid to publish them" in told
    assert "lab/three: no details files beside its result" in page(site, TASK)
    record = beside(root, MODELS[0], FOLDER) / "result.json"
    kept = record.read_bytes()
    record.write_bytes(kept + b"\n")
    try:
        assert made(root, tmp_path, "--answers", TASK) == 0
    finally:
        record.write_bytes(kept)
    told = capsys.readouterr().err
    assert "missing of lab/one: its result in this work tree is another than the committed one" in told
    assert "lab/two answers" in page(tmp_path, TASK) and "lab/one answers" not in page(tmp_path, TASK)


def test_without_a_reader_no_page_has_texts(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to type is said, and no warning about licences, which nothing needs then."""
    monkeypatch.setenv("EVALCTL_ENVIRONMENTS", str(tmp_path / "none"))
    assert made(root, tmp_path / "site", "--answers", TASK) == 0
    told = capsys.readouterr().err
    assert "evalctl env setup lighteval" in told and "licence" not in told


def test_a_task_that_nobody_was_measured_on_is_an_error(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written, with what was meant."""
    assert made(root, tmp_path / "site", "--answers", f"{TASK}x") == 1
    assert f"did you mean `{TASK}`?" in capsys.readouterr().err and not (tmp_path / "site").exists()


def test_answers_are_not_written_where_git_would_commit_them(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this clone and in any other, unless git ignores the folder, which need not be there."""
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    for folder in (root / "site", other / "a/b"):
        assert made(root, folder, "--answers", TASK) == 1
        assert "git does not ignore it" in capsys.readouterr().err and not folder.exists()
    (other / ".gitignore").write_text("/pages/\n")
    assert made(root, other / "pages", "--answers", TASK) == 0


def test_what_is_missing_is_said_however_many_pages_there_are(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site of many pages is made by several processes; one with answers is not."""
    monkeypatch.setattr("evalctl.site.pages._FEWEST", 1)
    assert made(root, tmp_path, "--answers", TASK) == 0
    told = capsys.readouterr().err
    assert "licences of data sets may forbid to publish them" in told and "missing of lab/three" in told
