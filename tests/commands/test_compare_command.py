"""`evalctl results compare`: what people and programs read of a comparison with a baseline."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from results.test_per_question import Kept, measured
from samples import repository

from evalctl import cli
from evalctl.model.metrics import Metrics
from evalctl.results import derived
from evalctl.results.question_values import path_of
from evalctl.results.record import to_text
from evalctl_job.ends import Ends

JMMLU, GSM, CODE, MT = "swallow|jmmlu:law|0", "swallow|gsm8k|0", "swallow|code|0", "swallow|mt|0"
METRICS: Mapping[str, Any] = {"entries": [
    {"name": "jmmlu_average", "function": "micro", "metrics": ["em"], "tasks": ["jmmlu"]},
    {"name": "japanese_gsm8k", "function": "pick", "metrics": ["em"], "tasks": ["gsm8k"]},
    {"name": "jhumaneval_pass@1", "function": "pick", "metrics": ["pass@1"], "tasks": ["code"]},
    {"name": "japanese_mtbench", "function": "pick", "metrics": ["judge"], "tasks": ["mt"], "full_mark": 10},
]}  # fmt: skip
KEYS = {"jmmlu": "ja_jmmlu", "gsm8k": "ja_gsm8k", "code": "ja_code", "mt": "ja_mt"}


def write(root: Path, name: str, tasks: Mapping[str, Kept], **facts: Any) -> None:
    """The records of a model folder with the files beside them, and what is derived from all records; committed."""
    folder = f"results/hosted_vllm/team/{name}"
    for script, kept in tasks.items():
        result, beside = measured(KEYS[script], kept, at=facts.pop("at", 1.0), ends=facts.pop("ends", None))
        model = name.partition("/")[0]
        own = {**result.as_json(), "schema": "evalctl/result/1", "digest": f"{name}-{script}", **facts}
        own["task"] = {"key": KEYS[script], "script": script, "result_dir": f"ja/{script}", "framework": "lighteval"}
        own["subject"] = {"provider": "vllm", "model": f"team/{model}"}
        path = f"{folder}/ja/{script}/result.json"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(to_text(own))
        for at, text in beside.items():
            target = root / (path_of(path) if at == path_of(result.path) else at)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
    texts, _ = derived.everything(derived.on_disk(root), Metrics.model_validate(METRICS))
    for path, text in texts.items():
        (root / path).write_text(text or "")
    git = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", name], check=True)


def bits(right: int, of: int, start: int = 0) -> list[int]:
    """So many right answers in a row."""
    return [1 if (place - start) % of < right else 0 for place in range(of)]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A baseline; a model that is better at one task and was not measured on another; the baseline at a temperature."""
    monkeypatch.delenv("COLUMNS", raising=False)
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
    repository(tmp_path, {"manifests/tasks/metrics.yaml": json.dumps(METRICS)})
    head = "key,script,result_dir,framework,hrt_q,hrt_f,wlt_HG,wlt_HF\n"
    rows = "".join(f"{key},{script},ja/{script},lighteval,,,,\n" for script, key in KEYS.items())
    (tmp_path / "manifests/tasks/tasks_runtime.csv").write_text(head + rows)
    (tmp_path / "manifests/tasks/suites.yaml").write_text("{}\n")
    write(tmp_path, "base", {
        "jmmlu": {JMMLU: {"em": bits(100, 200)}}, "gsm8k": {GSM: {"em": bits(60, 100)}},
        "code": {CODE: {"pass@1": bits(20, 40)}}, "mt": {MT: {"judge": [7.0, 8.0, 6.5, 9.0, 7.5, 8.5, 3.0, 9.5]}},
    }, generation={"temperature": 0})  # fmt: skip
    write(tmp_path, "swallow-8b-instruct-v0.5", {
        "jmmlu": {JMMLU: {"em": bits(130, 200)}}, "gsm8k": {GSM: {"em": bits(60, 100, 2)}}, "code": {CODE: {"pass@1": bits(20, 50)}},
    }, samples={"answered": 100, "truncated": 22})  # fmt: skip
    write(tmp_path, "base/hot", {"jmmlu": {JMMLU: {"em": bits(60, 200)}}}, generation={"temperature": 0.6})
    return tmp_path


def said(root: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What the command prints."""
    assert cli.main(["--repo", str(root), "results", "compare", *words]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


HERE = Path(__file__).parent
NEW = "team/swallow-8b-instruct-v0.5"


def test_the_table_says_what_differs_by_how_much_and_what_is_not_comparable(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 80 columns: difference with interval, verdict, and below the table every reason and method."""
    monkeypatch.setenv("COLUMNS", "80")
    told = said(root, capsys, NEW, "--baseline", "team/base", "--questions", "japanese_gsm8k")
    assert told == (HERE / "compared_80.txt").read_text(encoding="utf-8")


def test_a_wide_terminal_has_the_uncertainty_of_both_and_what_could_be_shown(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 120 columns; a pipe has all columns."""
    monkeypatch.setenv("COLUMNS", "120")
    told = said(root, capsys, NEW, "--baseline", "team/base")
    assert told == (HERE / "compared_120.txt").read_text(encoding="utf-8")
    monkeypatch.delenv("COLUMNS")
    heads = said(root, capsys, NEW, "--baseline", "team/base").splitlines()[2].split("  ")
    assert [head.strip() for head in heads if head][-5:] == ["P", "QUESTIONS", "BETTER", "WORSE", "CUT OFF"]


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_every_line_fits(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Names are shortened from the left, columns are left out before."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = said(root, capsys, NEW, "--baseline", "team/base").splitlines()
    assert max(map(len, lines)) <= columns


def test_programs_get_every_number_with_its_method(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unrounded, with both uncertainties, and the questions if they are asked for."""
    (told,) = json.loads(said(root, capsys, NEW, "--baseline", "team/base", "--json", "--questions"))
    entry = told["entries"]["jmmlu_average"]
    assert (entry["verdict"], entry["difference"]["method"]) == ("better", "adjusted paired interval")
    assert entry["difference"]["mean"] == pytest.approx(0.15) and entry["difference"]["p"] < 0.001
    assert entry["model"]["uncertainty"]["questions"] == 200 and entry["model"]["uncertainty"]["method"]
    assert entry["model"]["ended"]["cut_off"] == 22
    share = entry["model"]["ended"]["share_cut_off"]
    assert (share["mean"], share["method"]) == (0.22, "Wilson interval") and share["low"] < 0.16 < 0.3 < share["high"]
    assert entry["difference"]["left_out"] == 0
    assert told["entries"]["jhumaneval_pass@1"]["difference"] is None
    assert told["averages"]["ja_average"]["entries"] == ["jmmlu_average", "japanese_gsm8k"]
    assert len(told["questions"]["jmmlu_average"]) == entry["difference"]["better"] == 30
    assert told["questions"]["jmmlu_average"][0]["text"] is None


def test_how_the_answers_of_both_ended_is_compared(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Shares, their differences and the scores of the finished questions; of an older record nothing is said, and never 0."""
    older = said(root, capsys, NEW, "--baseline", "team/base")
    assert "reasoning that never ended (evalctl details)" in older and "answers of jmmlu_average" not in older
    for name, cut in (("short", 60), ("long", 20)):
        ends = Ends((1,) * 200, {"cut_off": tuple(bits(cut, 200)), "repeats": tuple(bits(10, 200))})
        write(
            root,
            name,
            {"jmmlu": {JMMLU: {"em": bits(100, 200)}}},
            ends=ends,
            samples={"answered": 200, "truncated": cut},
        )
    told = said(root, capsys, "team/short", "--baseline", "team/long")
    # 100 of 200 are right; without the first 60 answers, which are right, 40 of 140 are, without the first 20 80 of 180.
    assert (
        "answers of jmmlu_average, model / baseline: cut off 30.0% / 10.0% (+20.0%), repeating themselves 5.0% / 5.0% (+0.0%); "
        "0.2857 / 0.4444 over 140 / 180 questions whose answers all ended by themselves" in told
    )
    assert "evalctl details" not in told and "30% / 10%" in told
    (read,) = json.loads(said(root, capsys, "team/short", "--baseline", "team/long", "--json"))
    entry = read["entries"]["jmmlu_average"]
    assert entry["ended"]["cut_off"] == {"model": 0.3, "baseline": 0.1, "difference": pytest.approx(0.2)}
    assert entry["model"]["ended"]["of_entry"]["finished"] == 140
    assert cli.main(["--repo", str(root), "results", "show", "team/short"]) == 0
    assert (
        "short: jmmlu_average: of 200 answers 30.0% cut off, 5.0% repeating themselves; 0.2857 over the 140 of 200"
        in capsys.readouterr().out
    )
    assert cli.main(["--repo", str(root), "results", "show", "--json", "team/short", "team/base"]) == 0
    shown = {one["folder"].rpartition("/")[2]: one["stability"] for one in json.loads(capsys.readouterr().out)}
    assert shown["short"]["jmmlu_average"]["score"] == pytest.approx(40 / 140) and shown["base"] == {}


def test_settings_of_a_model_are_compared_and_remarked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The baseline is the model without settings, whose name theirs begin with."""
    told = said(root, capsys, "team/base/hot", "--baseline", "team/base")
    assert "worse" in told and "differs between model and baseline: temperature: 0.6 and 0\n" in told


def test_several_are_compared_with_one_baseline(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By default the first; the correction is over all comparisons."""
    told = json.loads(said(root, capsys, "team/base/hot", "team/base", NEW, "--json"))
    assert {one["baseline"]["name"] for one in told} == {"team/base/hot"}
    assert [one["model"]["name"] for one in told] == ["team/base", NEW]
    found = [one["entries"]["jmmlu_average"]["difference"] for one in told]
    smallest = min(found, key=lambda one: one["p_uncorrected"])
    assert smallest["p"] == pytest.approx(2 * smallest["p_uncorrected"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["team/base/hot", "--baseline", "team/basse"], "did you mean `team/base`?"),
        (["team/base/hot", "--baseline", "vllm"], "there are no results of `vllm`"),
        (["team/base/hot", "--baseline", "team"], "a baseline is one"),
        (["team/base/hot", "team/base", "--questions", "jmmlu_avrage"], "did you mean `jmmlu_average`?"),
        (["team/base", "--entries", "jmmlu_avrage", "--baseline", "team/base/hot"], "did you mean `jmmlu_average`?"),
        ([NEW, f"{NEW}@HEAD"], "no entry could be compared"),
    ],
)
def test_a_mistake_is_named(root: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    """With what was probably meant; where nothing can be compared a program sees that by the exit code."""
    assert message in said(root, capsys, *words, code=1)


def test_one_result_at_two_commits_is_no_comparison(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was measured once is compared with nothing, and the table says so."""
    assert cli.main(["--repo", str(root), "results", "compare", NEW, f"{NEW}@HEAD"]) == 1
    assert "not comparable: both are the same result, measured once" in capsys.readouterr().out


def test_verdicts_have_colours_on_a_terminal_only(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless NO_COLOR is set."""
    words = (NEW, "--baseline", "team/base")
    assert "\x1b" not in said(root, capsys, *words)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32mbetter\x1b[0m" in said(root, capsys, *words)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in said(root, capsys, *words)


def test_scores_are_shown_with_how_sure_they_are(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of entries and averages, as the leaderboard has it; a program gets the interval, its method and the number of questions."""
    words = ["--repo", str(root), "results", "show", "team/base"]
    assert cli.main([*words, "--columns", "ja_average,jmmlu_average"]) == 0
    told = capsys.readouterr().out
    assert "0.5000 ±0.0686" in told and "1 of 4" in told
    assert "±: the larger distance from a score to an end of its 95 % interval: " in told
    assert "Wilson interval; average over entries (each method: evalctl explain METHOD)" in " ".join(told.split())
    assert cli.main([*words, "--json"]) == 0
    base = json.loads(capsys.readouterr().out)[0]
    assert base["uncertainty"]["jmmlu_average"]["questions"] == 200 and base["uncertainty"]["jmmlu_average"]["method"]
    assert base["average_margins"]["ja_average"] > 0 and base["average_method"] == "average over entries"
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(words) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
