"""The page of changes: which score a commit added, changed or removed, when and by whom, and how it is found without a script."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from planted_site import HOSTILE, commit, derive, planted, tables

from evalctl import cli

MODELS = ["lab/one", "lab/two"]
PERSON = f"Kana \x01abcdef1 2030-01-01 {HOSTILE} " + "\u202e" + "x" * 200


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models measured in November; in December one score changes, and in January a task of the other goes."""
    made = planted(
        tmp_path_factory.mktemp("clone"), MODELS, questions=20, right=(15, 10), only=["ja_gpqa", "en_hellaswag"]
    )
    scored(made, MODELS[0], 0.25)
    commit_by(made, PERSON, "2026-12-05")
    for name in ("result.json", "scores.json"):
        (made / f"results/hosted_vllm/{MODELS[1]}/en/hellaswag/{name}").unlink()
    derive(made, tables(made)[0])
    commit_by(made, "Mori", "2027-01-02")
    return made


def scored(root: Path, model: str, score: float) -> None:
    """The model's task measured again, without values of questions."""
    path = root / f"results/hosted_vllm/{model}/ja/gpqa/result.json"
    path.with_name("scores.json").unlink(missing_ok=True)
    record = json.loads(path.read_text("utf-8"))
    record["scores"] = {key: dict.fromkeys(values, score) for key, values in record["scores"].items()}
    record.pop("per_question", None)
    path.write_text(json.dumps(record), encoding="utf-8")
    derive(root, tables(root)[0])


def commit_by(root: Path, person: str, day: str) -> None:
    """All files, by a person of this name."""
    git = ["git", "-C", str(root), "-c", f"user.name={person}", "-c", "user.email=a@example.org"]
    stamp = {"GIT_AUTHOR_DATE": f"{day}T00:00:00Z", "GIT_COMMITTER_DATE": f"{day}T00:00:00Z", "PATH": "/usr/bin:/bin"}
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "again"], check=True, env=stamp)


def page(root: Path, folder: Path, *words: str) -> str:
    """The page of changes in English."""
    assert cli.main(["--repo", str(root), "results", "site", "-o", str(folder), *words]) == 0
    return (folder / "changes.html").read_text("utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of each change as text."""
    found = re.findall(r'<tr><th scope="row">(.*?)</tr>', text, re.DOTALL)
    return [
        [unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in re.split(r"</t[hd]>", row)][:-1] for row in found
    ]


def test_each_changed_score_has_a_line_with_commit_and_person(root: Path, tmp_path: Path) -> None:
    """The newest first: model, day, entry, what happened, the score before and after with its ±."""
    found = rows(page(root, tmp_path))
    commits = subprocess.run(
        ["git", "-C", str(root), "log", "--format=%H"], capture_output=True, text=True
    ).stdout.split()
    assert [row[:2] + row[3:4] + row[6:7] for row in found] == [
        ["lab/two", "2027-01-02", "removed", commits[0][:12]],
        ["lab/one", "2026-12-05", "changed", commits[1][:12]],
        *([model, "2026-11-20", "new", commits[2][:12]] for model in MODELS for _ in range(2)),
    ]
    assert [row[5] for row in found[:2]] == ["–", "0.2500"] and re.fullmatch(r"0\.7500 ±0\.\d{4}", found[1][4])
    assert re.fullmatch(r"0\.5000 ±0\.\d{4}", found[0][4]) and found[0][7] == "Mori"
    assert all(row[4] == "–" and "±" in row[5] for row in found[2:])


def test_a_persons_name_is_text_and_bounded(root: Path, tmp_path: Path) -> None:
    """Whatever git has as a name: no markup, no characters that turn the text, and no line that is not there."""
    text = page(root, tmp_path)
    assert (
        "<script>" not in text
        and "Kana" in text
        and "\u202e" not in text
        and "2030-01-01" not in re.findall(r'<td class="text">(20[\d-]+)</td>', text)
    )
    assert max(len(row[7]) for row in rows(text)) <= 60


def test_months_have_anchors_for_readers_without_scripts(root: Path, tmp_path: Path) -> None:
    """The first page leads to the list, which names each month with the number of its changes."""
    text = page(root, tmp_path)
    assert re.findall(r'<a href="#(m-[\d-]+)">[\d-]+</a> \((\d)\)', text) == [
        ("m-2027-01", "1"),
        ("m-2026-12", "1"),
        ("m-2026-11", "4"),
    ]
    assert re.findall(r'<tbody id="([^"]+)"', text) == ["m-2027-01", "m-2026-12", "m-2026-11"]
    assert 'href="changes.html"' in (tmp_path / "index.html").read_text("utf-8").split("<main")[1]


def test_the_list_is_that_of_the_commit(root: Path, tmp_path: Path) -> None:
    """What came later is not on it."""
    assert "2027-01" not in page(root, tmp_path, "--at", "HEAD~1")


def test_that_older_changes_are_not_listed_is_said(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the earliest known version changed is not known: it is not called new."""
    monkeypatch.setattr("evalctl.site.source._MOST_VERSIONS", 2)
    text = page(root, tmp_path)
    assert [row[3] for row in rows(text)] == ["removed", "changed"]
    assert "Older changes are not listed (evalctl results history MODEL has them); models with such changes: 2." in text


def test_a_list_that_was_never_cut_does_not_say_so(root: Path, tmp_path: Path) -> None:
    """Though a commit is a merge or of another folder."""
    (root / "README.md").write_text("later")
    commit(root, "of something else", "2027-02-02")
    text = page(root, tmp_path)
    assert "Older changes" not in text and not any(row[1] > "2027-01-02" for row in rows(text))


def test_a_deleted_model_folder_is_listed(root: Path, tmp_path: Path) -> None:
    """Each of its scores with the commit that deleted it, whether other models have the entry or not; it has no page to lead to."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "rm", "-rq", f"results/hosted_vllm/{MODELS[0]}"], check=True)
    derive(clone, tables(clone)[0])
    commit_by(clone, "Mori", "2027-03-01")
    text = page(clone, tmp_path / "site")
    gone = [row for row in rows(text) if row[1] == "2027-03-01"]
    words = "removed with all scores of the model"
    assert [row[0] for row in gone] == [MODELS[0]] * 2 and {row[3] for row in gone} == {words}
    assert "0.2500" in {row[4] for row in gone} and {row[5] for row in gone} == {"–"}
    assert [row[3] for row in rows(text) if row[0] == MODELS[0]][2:] == ["changed", "new", "new"]
    assert "lab-one" not in text and not list((tmp_path / "site/models").glob("*lab-one*"))


def test_a_model_folder_that_came_back_is_listed_as_deleted_and_new(root: Path, tmp_path: Path) -> None:
    """Its page has its history without the time in between."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True)
    git = ["git", "-C", str(clone)]
    subprocess.run([*git, "rm", "-rq", f"results/hosted_vllm/{MODELS[0]}"], check=True)
    commit_by(clone, "Mori", "2027-03-01")
    subprocess.run([*git, "checkout", "-q", "HEAD~1", "--", f"results/hosted_vllm/{MODELS[0]}"], check=True)
    commit_by(clone, "Mori", "2027-03-02")
    found = [(row[1], row[3]) for row in rows(page(clone, tmp_path / "site")) if row[0] == MODELS[0]]
    assert found[:4] == [("2027-03-02", "new")] * 2 + [("2027-03-01", "removed with all scores of the model")] * 2
    (text,) = (one.read_text("utf-8") for one in (tmp_path / "site/models").glob("*lab-one*"))
    assert "2026-12-05" in text and "2027-03-01" not in text


def test_a_debugging_run_that_was_deleted_is_not_listed(root: Path, tmp_path: Path) -> None:
    """Debugging runs have no pages, nor changes."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True)
    debug = clone / "results/debug/max_samples-5/hosted_vllm/lab/debugged"
    shutil.copytree(clone / f"results/hosted_vllm/{MODELS[0]}", debug)
    commit_by(clone, "Mori", "2027-03-01")
    shutil.rmtree(clone / "results/debug")
    commit_by(clone, "Mori", "2027-03-02")
    assert "2027-03" not in page(clone, tmp_path / "site").split("<main")[1].split("<footer")[0]
