"""`evalctl results`: what git has, as a table, side by side, over time, and for a spreadsheet."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli
from evalctl.model.aggregate import Aggregate
from evalctl.results.entries import by_language
from evalctl.results.tables import Measured, lines, matching

TINY = "results/hosted_vllm/team/tiny"
ENTRIES = ("alpha", "beta")


def commit(root: Path, folder: str, **values: float) -> None:
    """An aggregate with these entries, committed."""
    results = {name: values.get(name, -1) for name in ENTRIES}
    settings = {"path": "", "name": "", "version": ""}
    document = {"model": folder.removeprefix("results/"), "results": results, "custom_settings": settings, "evals": {}}
    document["overall"] = ",".join(map(str, results.values()))
    path = root / folder / "aggregated_results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    git = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "results"], check=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models, one of them measured twice, and a debugging run."""
    monkeypatch.delenv("COLUMNS", raising=False)
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
    repository(tmp_path, {})
    commit(tmp_path, TINY, alpha=0.25)
    commit(tmp_path, TINY, alpha=0.5)
    commit(tmp_path, "results/hosted_vllm/team/other/greedy", alpha=0.75, beta=1)
    commit(tmp_path, "results/debug/max_samples-5/hosted_vllm/team/tiny", alpha=1.0)
    return tmp_path


def said(root: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What the command prints; a comparison of scores without values of questions is an error after its table."""
    if words[0] == "compare" and code == 0:
        assert cli.main(["--repo", str(root), "results", *words]) == 1
        return capsys.readouterr().out
    assert cli.main(["--repo", str(root), "results", *words]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_show_has_the_newest_scores_of_real_runs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A debugging run is shown only when asked for."""
    shown = said(root, capsys, "show", "--columns", "alpha,beta")
    assert [line.split() for line in shown.splitlines()] == [
        ["MODEL", "alpha", "beta"], ["team/other/greedy", "0.7500", "1.0000"], ["team/tiny", "0.5000", "–"],
    ]  # fmt: skip
    assert "debug/max_samples-5" in said(root, capsys, "show", "--columns", "alpha", "--debug")


def test_what_is_not_committed_is_no_result(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file in the work tree does not count."""
    (root / TINY / "aggregated_results.json").write_text("{}")
    assert json.loads(said(root, capsys, "show", "team/tiny", "--columns", "alpha", "--json"))[0]["results"] == {
        "alpha": 0.5
    }


def test_history_has_a_row_per_commit_that_changed_the_scores(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest first."""
    told = json.loads(said(root, capsys, "history", "team/tiny", "--entry", "alpha", "--json"))
    assert [one["results"]["alpha"] for one in told] == [0.5, 0.25]


def test_export_is_ready_to_paste(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing stands for a missing entry; `overall` is the lab's line as it is."""
    assert said(root, capsys, "export", "team/tiny") == "0.5\t\n"
    assert (
        said(root, capsys, "export", "team/tiny", "--missing=-1", "--format", "csv", "--header")
        == "alpha,beta\n0.5,-1\n"
    )
    assert said(root, capsys, "export", "team/tiny", "--format", "overall") == "0.5,-1\n"
    assert said(root, capsys, "export", "--columns", "beta") == "team/other/greedy\t1\nteam/tiny\t\n"


@pytest.mark.parametrize(
    "content", ["", "{", "[" * 100_000, '{"model": "m", "results": {}, "custom_settings": {}, "evals": {}}']
)
def test_a_damaged_aggregate_is_named_and_the_others_are_shown(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """Committed as it is; asked for alone, or with nothing to compare it with, it is an error and no bug."""
    (root / TINY / "aggregated_results.json").write_text(content)
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qam", "x"], check=True
    )
    for words in (["show"], ["export", "--format", "overall"]):
        assert cli.main(["--repo", str(root), "results", *words]) == 0
        assert f"warning: at HEAD no aggregate can be read from {TINY}/aggregated" in capsys.readouterr().err
    for words in (["show", "team/tiny"], ["compare", "team/tiny", "team/tiny@HEAD"], ["export", "team/tiny"]):
        assert TINY in said(root, capsys, *words, code=1)
    assert "0.5000" in said(root, capsys, "compare", "team/tiny@HEAD~4", "team/tiny@HEAD~3", "--columns", "alpha")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "team/tinny"], "did you mean `team/tiny`?"),
        (["show", "zzz"], "there are results of: team/other/greedy, team/tiny\n"),
        (["show", "--columns", "alhpa"], "alpha"),
        (["show", "team/tiny@nope"], "nope"),
    ],
)
def test_a_wrong_name_is_named(root: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    """With what was probably meant."""
    assert told in said(root, capsys, *words, code=1)


def test_a_word_is_a_whole_part_of_the_path() -> None:
    """`tiny` is not `tiny-2`."""
    assert matching(["results/hosted_vllm/team/tiny-2", TINY], "tiny") == [TINY]


def test_a_name_is_never_a_formula() -> None:
    """A spreadsheet computes nothing that a folder is called."""
    found = Aggregate("", {"x": 1})
    pasted = lines([Measured("results/=1+1", found), Measured("results/a", found)], ["x"], "tsv", "", header=False)
    assert pasted.startswith("'=1+1\t1\n")


def test_charts_are_grouped_by_the_language_of_their_tasks() -> None:
    """In the entries' order; an entry of a task that nobody's table has stands apart."""
    entries = {"JMMLU": ("swallow_jmmlu",), "GSM8K": ("gsm8k",), "X": ("x",), "JGSM": ("old", "jgsm")}
    scripts = {"ja_mmlu": "swallow_jmmlu", "ja_gsm": "jgsm", "en_gsm8k": "gsm8k"}
    assert by_language(entries, scripts) == {"ja": ["JMMLU", "JGSM"], "en": ["GSM8K"], "other": ["X"]}


def test_a_clone_without_a_commit_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says what is missing and what to type, not what a command of git printed."""
    (tmp_path / "manifests/requests").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert cli.main(["--repo", str(tmp_path), "results", "show"]) == 1
    printed = capsys.readouterr().err
    assert "has no commit yet" in printed and "git add . && git commit" in printed


def test_where_nothing_was_measured_that_is_said(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program gets an empty list, a spreadsheet nothing."""
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.jp"]
    subprocess.run([*git, "rm", "-rq", "--cached", "results"], check=True)
    subprocess.run([*git, "commit", "-qm", "nothing"], check=True)
    assert "nothing has been measured yet" in said(root, capsys, "show")
    assert said(root, capsys, "show", "--json") == "[]\n"
    assert cli.main(["--repo", str(root), "results", "export"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "" and "nothing has been measured yet" in printed.err


def test_a_command_that_is_gone_names_its_successor(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the options that it had, too; it is not among the actions that `--help` lists."""
    told = said(root, capsys, "report", "--columns", "alpha", "-o", "page.html", code=1)
    assert "evalctl results site -o FOLDER" in told
    with pytest.raises(SystemExit):
        cli.main(["results", "--help"])
    assert "report" not in capsys.readouterr().out


def many(root: Path) -> list[str]:
    """Two models of 12 main entries in two languages, whose names and scores together want 300 columns."""
    keys = [f"{language}_{'benchmark-' * 2}{number}" for language in ("ja", "en") for number in range(6)]
    head = "key,script,result_dir,framework,hrt_q,hrt_f,wlt_HG,wlt_HF\n"
    rows = "".join(f"{key},{key},{key.replace('_', '/')},lighteval,,,,\n" for key in keys)
    (root / "manifests/tasks/tasks_runtime.csv").write_text(head + rows, encoding="utf-8")
    lines = [f"  - {{name: {key}, function: pick, metrics: [m], tasks: [{key}]}}\n" for key in keys]
    (root / "manifests/tasks/metrics.yaml").write_text("entries:\n" + "".join(lines), encoding="utf-8")
    for name, number in ((f"{'publisher' * 3}/tiny", 12), (f"{'publisher' * 3}/tiny-2", 9)):
        folder = f"results/hosted_vllm/{name}"
        commit(root, folder)
        path = root / folder / "aggregated_results.json"
        document = json.loads(path.read_text())
        document["results"] = {key: 0.5 if at < number else -1 for at, key in enumerate(keys)}
        document["evals"] = {key: {"measured": "2026-01-02T03:04:05Z", "script": key} for key in keys}
        document["warnings"] = [f"{keys[0]}: 22 % of 100 answers were cut off"] if number == 12 else []
        path.write_text(json.dumps(document), encoding="utf-8")
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qam", "x"], check=True
    )
    return keys


@pytest.mark.parametrize("columns", [40, 80, 132])
@pytest.mark.parametrize("action", ["show", "compare", "history"])
def test_a_table_fits_the_terminal(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, action: str
) -> None:
    """What has no room is named below the table with what to type; --wide shows all of it."""
    keys = many(root)
    monkeypatch.setenv("COLUMNS", str(columns))
    words = [] if action == "show" else ["publisher" * 3 + "/tiny", "publisher" * 3 + "/tiny-2"]
    table = said(root, capsys, action, *words).partition("* read")[0]
    assert max(map(len, table.splitlines())) <= columns or action != "show"
    whole = said(root, capsys, action, *words, "--wide")
    assert all(key in whole for key in keys)
    if action != "compare":
        assert "--wide shows all" in table and keys[-1] not in table.splitlines()[0]


def test_a_table_that_another_program_reads_is_whole(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out of a pipe, nor of columns that were asked for."""
    keys = many(root)
    assert all(key in said(root, capsys, "show") for key in keys)
    monkeypatch.setenv("COLUMNS", "40")
    assert said(root, capsys, "show", "--columns", ",".join(keys)).splitlines()[0].split()[1:] == keys


def test_the_averages_come_first_and_need_every_benchmark(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that lacks some says how many it has: means over other benchmarks are not comparable."""
    keys = many(root)
    head, *rows = (line.split("  ") for line in said(root, capsys, "show", "publisher" * 3).splitlines()[:3])
    assert [cell.strip() for cell in head if cell][:4] == ["MODEL", "ja_average", "en_average", keys[0]]
    assert [[cell.strip() for cell in row if cell][1:3] for row in rows] == [
        ["0.5000*", "0.5000"],
        ["0.5000", "3 of 6"],
    ]
    told = json.loads(said(root, capsys, "show", "publisher" * 3, "--json"))
    assert [one["averages"] for one in told] == [
        {"ja_average": 0.5, "en_average": 0.5}, {"ja_average": 0.5, "en_average": None}
    ]  # fmt: skip
    assert "ja_average" not in told[0]["results"]


@pytest.mark.parametrize("words", [["show"], ["compare", "publisher" * 3 + "/tiny", "publisher" * 3 + "/tiny-2"]])
def test_answers_that_were_cut_off_mark_their_score(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """The score of the task, and the average that it takes part in; the sentence is below the table."""
    many(root)
    told = said(root, capsys, *words)
    assert told.count("0.5000*") == 2 and "22 % of 100 answers were cut off" in told.partition("* read with care:")[2]


@pytest.mark.parametrize("words", [["show"], ["compare", "m"], ["export"]])
def test_two_models_never_share_a_name(root: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """A model that our server serves may be called as one of a provider: then each has the whole of its path."""
    for folder in ("results/hosted_vllm/openai/m", "results/openai/m"):
        commit(root, folder, alpha=0.5)
    told = said(root, capsys, *words, "--columns", "alpha")
    assert "hosted_vllm/openai/m" in told and "openai/m" in told.replace("hosted_vllm/openai/m", "")
    assert "hosted_vllm/team" not in told
