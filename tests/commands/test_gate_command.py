"""`evalctl results gate`: non-inferiority of committed results, and INVALID wherever nothing follows."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from questions import record
from samples import repository

from evalctl import cli, exits
from evalctl.columns import display_width
from evalctl.git.repository import open_repository
from evalctl.review.gate import Outcome
from evalctl.sync.ledger import Ledger
from evalctl.sync.records import JobRecord

BASE, NEW = "lab/large-70B", "lab/small-8B"
GATE = "manifests/gates/release.yaml"
METRICS = (Path(__file__).parents[1] / "golden/base/manifests/tasks/metrics.yaml").read_text("utf-8")
HEAD = f"baseline: {BASE}\ncandidates: [{NEW}]\n"
EXACT = HEAD + "required:\n  - {entry: JA exact, margin: 0.05}\n"
Site = Callable[..., None]
Gate = Callable[..., tuple[int, str]]


def answers(share: float, number: int = 400, seed: int = 0) -> list[int]:
    """Answers of which this share is right."""
    found = [1] * round(share * number) + [0] * (number - round(share * number))
    random.Random(seed).shuffle(found)
    return found


def with_worse(kept: Sequence[int], number: int) -> list[int]:
    """The same answers, so many of the right ones wrong."""
    left = number
    made = []
    for one in kept:
        made.append(0 if one and left > 0 else one)
        left -= one and left > 0
    return made


def git(root: Path, *words: str) -> str:
    """Runs git as somebody."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository."""
    monkeypatch.delenv("COLUMNS", raising=False)
    repository(tmp_path, {".gitignore": "/.evalctl/\n"})
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


@pytest.fixture
def land(root: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    """Commits files, and the aggregates that follow from all records."""

    def committed(*files: Mapping[str, str]) -> None:
        for one in files:
            repository(root, one, None)
        assert cli.main(["--repo", str(root), "results", "rebuild"]) == 0
        capsys.readouterr()
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "results")

    return committed


@pytest.fixture
def gate(root: Path, capsys: pytest.CaptureFixture[str]) -> Gate:
    """The exit code of the command, and what it prints."""

    def decided(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = cli.main(["--repo", str(root), "results", "gate", *words])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return decided


def outcomes(gate: Gate, code: int) -> dict[str, dict[str, Any]]:
    """What --json says of each line of the one gate and its one candidate."""
    found, said = gate("release", "--json")
    (made,) = json.loads(said)
    assert found == code == made["exit_code"], said
    (one,) = made["candidates"]
    return {line["name"]: line for line in one["compared"]} or {"": one}


def test_the_exit_codes_are_those_of_the_outcomes() -> None:
    """exits.py has one for each outcome; the mathematics has no numbers of its own."""
    assert [one.name for one in Outcome] == [one.value for one in Outcome] == list(exits.OF_GATE)
    assert list(exits.OF_GATE.values()) == [exits.SUCCESS, exits.PERSON, exits.INCONCLUSIVE, exits.INVALID]
    assert (exits.INCONCLUSIVE, exits.INVALID) == (5, 6)


def test_a_candidate_within_the_margin_passes(land: Site, gate: Gate) -> None:
    """400 questions, 4 of them worse: the interval is above -0.05; estimate, interval and method are named."""
    base = answers(0.7)
    land({GATE: EXACT}, record(BASE, "ja_exact", base), record(NEW, "ja_exact", with_worse(base, 4)))
    line = outcomes(gate, 0)["JA exact"]
    assert line["outcome"] == "PASS" and line["difference"] == pytest.approx(-0.01)
    assert -0.05 < line["low"] < line["difference"] < line["high"] and line["questions"] == 400
    assert "non-inferiority by the interval" in line["method"] and "interval" in line["method"].partition(", ")[2]


def test_a_fall_from_nine_to_one_fails(land: Site, gate: Gate) -> None:
    """What the best peer lets pass."""
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.9)), record(NEW, "ja_exact", answers(0.1)))
    assert outcomes(gate, 1)["JA exact"]["outcome"] == "FAIL"


def test_few_questions_are_inconclusive_with_how_many_would_decide(land: Site, gate: Gate) -> None:
    """40 questions, one of them worse."""
    base = answers(0.7, 40)
    land({GATE: EXACT}, record(BASE, "ja_exact", base), record(NEW, "ja_exact", with_worse(base, 1)))
    line = outcomes(gate, 5)["JA exact"]
    assert line["outcome"] == "INCONCLUSIVE" and line["needed_questions"] > 40
    assert f"about {line['needed_questions']:,} questions (it has 40)" in gate("release")[1]


def test_the_order_of_the_questions_does_not_matter(land: Site, gate: Gate, root: Path) -> None:
    """They are paired by digest: the same answers in another order are the same answers."""
    base = answers(0.5)
    files = record(NEW, "ja_exact", base, measured_at=2)
    questions = next(path for path in files if path.endswith(".tsv"))
    land({GATE: EXACT}, record(BASE, "ja_exact", base), files)
    assert (root / questions).is_file()
    line = outcomes(gate, 0)["JA exact"]
    assert line["difference"] == 0 and line["outcome"] == "PASS"


def test_more_than_one_line_all_must_pass(land: Site, gate: Gate) -> None:
    """The worst of the required lines is the candidate's."""
    base = answers(0.7)
    text = EXACT + "  - {entry: EN choice, margin: 0.05}\n"
    land(
        {GATE: text}, record(BASE, "ja_exact", base), record(NEW, "ja_exact", with_worse(base, 1)),
        record(BASE, "en_choice", base), record(NEW, "en_choice", with_worse(base, 150)),
    )  # fmt: skip
    found = outcomes(gate, 1)
    assert (found["JA exact"]["outcome"], found["EN choice"]["outcome"]) == ("PASS", "FAIL")


def test_an_advisory_line_decides_nothing(land: Site, gate: Gate) -> None:
    """It is compared and shown."""
    base = answers(0.7)
    land(
        {GATE: f"{EXACT}advisory: [{{entry: EN choice, margin: 0.05}}]\n"}, record(BASE, "ja_exact", base),
        record(NEW, "ja_exact", with_worse(base, 1)), record(BASE, "en_choice", base), record(NEW, "en_choice", with_worse(base, 150)),
    )  # fmt: skip
    assert outcomes(gate, 0)["EN choice"]["outcome"] == "FAIL"


def test_where_lower_is_better_a_rise_fails(land: Site, gate: Gate) -> None:
    """And a fall passes: metrics.yaml says it, in one place for gates, compare and pages."""
    metrics = METRICS.replace("name: JA exact,", "name: JA exact, lower_is_better: true,")
    land(
        {GATE: EXACT, "manifests/tasks/metrics.yaml": metrics},
        record(BASE, "ja_exact", answers(0.1)),
        record(NEW, "ja_exact", answers(0.9)),
    )
    assert outcomes(gate, 1)["JA exact"]["outcome"] == "FAIL"
    land(record(BASE, "ja_exact", answers(0.95)), record(NEW, "ja_exact", answers(0.1, seed=1)))
    assert outcomes(gate, 0)["JA exact"]["outcome"] == "PASS"


def test_an_average_is_one_number(land: Site, gate: Gate) -> None:
    """The mean of the differences; its interval is narrower than that of each entry."""
    base = answers(0.7)
    text = f"{HEAD}required: [{{average: some, margin: 0.05}}]\nadvisory: [{{suite: some, margin: 0.05}}]\n"
    suites = "some: [ja_exact, en_choice]\nja: [ja_exact]\nen: [en_choice]\n"
    land(
        {GATE: text, "manifests/tasks/suites.yaml": suites}, record(BASE, "ja_exact", base), record(BASE, "en_choice", base),
        record(NEW, "ja_exact", with_worse(base, 8)), record(NEW, "en_choice", with_worse(base, 4)),
    )  # fmt: skip
    found = outcomes(gate, 0)
    whole, part = found["average of some"], found["JA exact"]
    assert whole["difference"] == pytest.approx(-0.015) and "average over entries" in whole["method"]
    assert whole["high"] - whole["low"] < part["high"] - part["low"]
    assert whole["baseline"] == pytest.approx(0.7) and whole["candidate"] == pytest.approx(0.685)


def test_a_language_is_what_the_baseline_has(land: Site, gate: Gate) -> None:
    """An entry that the baseline lacks is not compared; one that only the candidate lacks is INVALID."""
    base = answers(0.7)
    land({GATE: f"{HEAD}required: [{{language: en, margin: 0.05}}]\n"}, record(BASE, "en_choice", base),
         record(NEW, "en_choice", with_worse(base, 1)))  # fmt: skip
    assert list(outcomes(gate, 0)) == ["EN choice"]
    land(record(BASE, "en_code", base))
    assert "was not measured" in outcomes(gate, 6)["EN code"]["why"]


def test_a_baseline_of_an_earlier_commit(land: Site, gate: Gate, root: Path) -> None:
    """The same model, measured again: its scores then and now."""
    base = answers(0.7)
    land(record(NEW, "ja_exact", base))
    then = git(root, "rev-parse", "HEAD").strip()
    text = EXACT.replace(f"baseline: {BASE}", f'baseline: {{model: {NEW}, commit: "{then[:12]}"}}')
    land({GATE: text}, record(NEW, "ja_exact", with_worse(base, 150), measured_at=2))
    assert outcomes(gate, 1)["JA exact"]["outcome"] == "FAIL"


# ---- INVALID ----------------------------------------------------------------------------------------------------


def invalid(gate: Gate, name: str = "JA exact") -> str:
    """The reason why the line is INVALID: it has no number."""
    line = outcomes(gate, 6)[name]
    assert line["outcome"] == "INVALID" and line.get("difference") is None
    return str(line["why"])


def test_a_model_that_was_never_measured(land: Site, gate: Gate) -> None:
    """With the settings that have results, one of which may be meant."""
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)), record(NEW, "ja_exact", answers(0.7), settings="ja"))
    why = invalid(gate, "")
    assert f"{NEW} was not measured" in why and "with the custom settings ja" in why


def test_an_entry_that_was_not_measured(land: Site, gate: Gate) -> None:
    """Required is required."""
    base = answers(0.7)
    land(
        {GATE: EXACT + "  - {entry: EN choice, margin: 0.05}\n"},
        record(BASE, "ja_exact", base),
        record(NEW, "ja_exact", with_worse(base, 1)),
    )
    assert invalid(gate, "EN choice")


def test_other_questions(land: Site, gate: Gate) -> None:
    """Nothing is paired by position."""
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)), record(NEW, "ja_exact", answers(0.7), asked="others"))
    assert "other questions" in invalid(gate)


def test_the_same_result_twice(land: Site, gate: Gate) -> None:
    """A copy of the baseline's record is no measurement of the candidate."""
    base = record(BASE, "ja_exact", answers(0.7), measured_at=3)
    land(base)
    text = EXACT.replace(f"baseline: {BASE}", f"baseline: {{model: {NEW}, commit: HEAD}}")
    land({GATE: text}, record(NEW, "ja_exact", answers(0.7)))
    assert "the same result" in invalid(gate)


def test_a_record_without_questions(land: Site, gate: Gate) -> None:
    """Of an older evalctl."""
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)), record(NEW, "ja_exact", answers(0.7), bound=False))
    assert "older evalctl" in invalid(gate)


def test_values_that_no_record_names(land: Site, gate: Gate) -> None:
    """Of an older evalctl, made later from details: they count where their means are the scores, with a note."""
    base = answers(0.7)
    files = record(NEW, "ja_exact", with_worse(base, 1))
    path = next(path for path in files if path.endswith("result.json"))
    older = {
        **files,
        path: json.dumps({name: one for name, one in json.loads(files[path]).items() if name != "per_question"}),
    }
    land({GATE: EXACT}, record(BASE, "ja_exact", base), older)
    code, said = gate("release")
    assert code == 0 and "note: 1 record without a digest of the values of their questions" in said
    assert "2 records" not in said.replace("2 records not checked", "")
    assert any("without a digest" in note for note in json.loads(gate("release", "--json")[1])[0]["notes"])


def test_values_that_do_not_make_the_score(land: Site, gate: Gate, root: Path) -> None:
    """A scores.json that was edited."""
    files = record(NEW, "ja_exact", answers(0.7))
    path = next(path for path in files if path.endswith("scores.json"))
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)), files, {path: files[path].replace("0", "1", 1)})
    assert "not the one in the record" in invalid(gate)


def test_another_definition_of_the_task(land: Site, gate: Gate) -> None:
    """A prompt that changed is another task."""
    task = {
        "key": "ja_exact",
        "script": "jemhopqa_cot",
        "result_dir": "ja/exact",
        "framework": "lighteval",
        "framework_version": "1",
        "digest": "other",
    }
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)), record(NEW, "ja_exact", answers(0.7), task=task))
    assert "another definition of the task" in invalid(gate)


def test_an_imported_score(land: Site, gate: Gate) -> None:
    """Its questions are not known."""
    imported = {
        "digest": f"imported-{'0' * 64}",
        "imported": {"at": "2026-01-01", "from": "x"},
        "entries": {"JA exact": 0.9},
        "scores": {},
        "weights": {},
    }
    files = {
        path: text
        for path, text in record(NEW, "ja_exact", answers(0.7), bound=False, **imported).items()
        if path.endswith("result.json")
    }
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)), files)
    assert "imported" in invalid(gate)


def test_a_record_that_the_ledger_does_not_prove(land: Site, gate: Gate, root: Path) -> None:
    """Nobody measured it; without a ledger the output says that it was not checked."""
    base = answers(0.7)
    land({GATE: EXACT}, record(BASE, "ja_exact", base), record(NEW, "ja_exact", with_worse(base, 1)))
    code, said = gate("release")
    assert code == 0 and "2 records not checked against the ledger" in said
    Ledger(open_repository(root)).record(lambda _: {"ev-old-00000000": JobRecord("ev-old-00000000")}, "a ledger")
    assert "unproven: no attempt in the ledger accounts for it" in invalid(gate)


def test_a_gate_with_an_error_decides_nothing(land: Site, gate: Gate) -> None:
    """Each error with its place and remedy."""
    base = answers(0.7)
    land({GATE: EXACT.replace("JA exact", "JA exakt")}, record(BASE, "ja_exact", base), record(NEW, "ja_exact", base))
    code, said = gate("release")
    assert code == 6 and f"{GATE}:4:13: there is no entry `JA exakt` (did you mean `JA exact`?)" in said


def test_a_commit_that_does_not_exist(land: Site, gate: Gate) -> None:
    """Never the scores of now in its place."""
    text = EXACT.replace(f"baseline: {BASE}", f"baseline: {{model: {BASE}, commit: 0123456789abcdef}}")
    land({GATE: text}, record(BASE, "ja_exact", answers(0.7)), record(NEW, "ja_exact", answers(0.7)))
    assert "git knows no commit" in invalid(gate, "")


def test_what_is_not_committed_does_not_count(land: Site, gate: Gate, root: Path) -> None:
    """The work tree decides nothing."""
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)))
    repository(root, record(NEW, "ja_exact", answers(0.7)), None)
    assert "was not measured" in invalid(gate, "")


def test_a_language_of_which_the_baseline_has_nothing(land: Site, gate: Gate) -> None:
    """Nothing gated is no pass, beside lines that pass as well."""
    base = answers(0.7)
    text = f"{EXACT}  - {{language: en, margin: 0.05}}\n  - {{average: en, margin: 0.05}}\n"
    land({GATE: text}, record(BASE, "ja_exact", base), record(NEW, "ja_exact", with_worse(base, 1)))
    found = outcomes(gate, 6)
    assert found["JA exact"]["outcome"] == "PASS"
    assert found["EN code, EN choice and 1 more"]["why"] == "the baseline has no score of it"
    assert found["average of en"]["why"] == "EN code: neither model was measured"  # `en` is a suite, too: all of it


def test_one_question_decides_nothing(land: Site, gate: Gate) -> None:
    """INCONCLUSIVE, without a number."""
    land({GATE: EXACT}, record(BASE, "ja_exact", [1]), record(NEW, "ja_exact", [1], measured_at=2))
    line = outcomes(gate, 5)["JA exact"]
    assert (
        line["difference"] is None and line["why"] == "one question has a value of both, and nothing follows from one"
    )


def test_an_aggregate_that_was_edited(land: Site, gate: Gate, root: Path) -> None:
    """The score must be the mean of its questions."""
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)), record(NEW, "ja_exact", answers(0.1)))
    place = root / f"results/hosted_vllm/{NEW}/aggregated_results.json"
    place.write_text(place.read_text().replace('"JA exact": 0.1', '"JA exact": 0.9'))
    git(root, "commit", "-qam", "better")
    assert "its records make 0.1" in invalid(gate)


def test_no_gate_is_no_pass(land: Site, gate: Gate) -> None:
    """Nothing was compared."""
    land(record(BASE, "ja_exact", answers(0.7)))
    assert gate() == (6, "there are no gates: a gate is a file manifests/gates/NAME.yaml (docs/manifests.md)\n")


# ---- output -----------------------------------------------------------------------------------------------------


def test_an_unknown_gate_is_named(land: Site, gate: Gate) -> None:
    """With what may be meant; a path names a gate, too."""
    land({GATE: EXACT}, record(BASE, "ja_exact", answers(0.7)), record(NEW, "ja_exact", answers(0.1)))
    code, said = gate("relase")
    assert code == 1 and "there is no gate `relase`" in said and "did you mean `release`?" in said
    assert gate(GATE)[0] == 1


@pytest.mark.parametrize("columns", ["60", "100"])
def test_the_text_fits_the_terminal(land: Site, gate: Gate, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """Outcome and difference are seen first; what does not fit is named."""
    base = answers(0.7, 40)
    land({GATE: EXACT}, record(BASE, "ja_exact", base), record(NEW, "ja_exact", with_worse(base, 1)))
    monkeypatch.setenv("COLUMNS", columns)
    code, said = gate("release")
    assert code == 5 and "JA exact" in said and "INCONCLUSIVE" in said
    assert max(map(display_width, said.splitlines())) <= int(columns)
    assert "method of JA exact: non-inferiority by the interval, adjusted paired interval" in " ".join(said.split())
    assert "QUESTIONS" in gate("release", "--wide")[1]


def test_github_gets_an_error_a_notice_and_a_warning(land: Site, gate: Gate) -> None:
    """FAIL, INCONCLUSIVE and INVALID; the command's exit code is that of the worst, and FAIL is worse than INVALID."""
    base = answers(0.7)
    files = {
        "manifests/gates/a.yaml": EXACT.replace("0.05", "0.000001"), "manifests/gates/b.yaml": EXACT.replace(NEW, "lab/local-1B"),
        "manifests/gates/c.yaml": EXACT.replace("JA exact", "EN choice"),
    }  # fmt: skip
    land(
        files, record(BASE, "ja_exact", base), record(NEW, "ja_exact", with_worse(base, 1)), record(BASE, "en_choice", base),
        record(NEW, "en_choice", with_worse(base, 150)),
    )  # fmt: skip
    code, said = gate("--format", "github")
    kinds = [line.split(" ")[0] for line in said.splitlines()]
    assert code == 1 and kinds == ["::notice", "::warning", "::error"]
    code, said = gate("--format", "markdown")
    assert code == 1 and "## gate a: INCONCLUSIVE" in said and "| EN choice | required | FAIL |" in said
