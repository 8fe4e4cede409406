"""The acceptance check over evidence written by hand: each thing that may be wrong, at its border, without a framework."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from evalctl_job import accept
from evalctl_job.accept import report, warnings
from evalctl_job.fence.words import ALL, CodeExecution
from evalctl_job.framework_output import SWALLOW, Details, Output, copies, flat, without_questions, without_scores
from evalctl_job.judgement import Evidence, Failure, answers_repeated, failure, is_error_of_score
from evalctl_job.questions import QuestionScores
from evalctl_job.relay_files import TaskCounts

COUNTS = TaskCounts(asked=4, answered=4, requests=4)
DETAILS = {
    "a|0": Details("details/a.parquet", (("A", "B"), ("C", "D")), (2, 2)),
}
OUTPUT = Output({"a|0": {"acc": 0.5, "acc_stderr": 0.1}}, {"a|0": {"name": "a"}}, None, 1.2344, DETAILS)
GOOD = Evidence(0, COUNTS, OUTPUT, None, "", None)


def counted(**counts: Any) -> Evidence:
    """A good run with other counts of the relay."""
    return replace(GOOD, counts=replace(COUNTS, **counts))


def written(**changes: Any) -> Evidence:
    """A good run whose framework wrote something else."""
    return replace(GOOD, output=replace(OUTPUT, **changes))


def answered(*rows: tuple[str | None, ...], expected: int = 2) -> Output:
    """What a framework wrote with these answers."""
    return replace(OUTPUT, details={"a|0": Details("a", rows, (expected,) * len(rows))})


def of_questions(**unlike: str) -> Callable[[], QuestionScores]:
    """Values of questions, with the metrics whose scores they do not make."""
    return lambda: QuestionScores((), (), 1, {}, (), unlike)


def cut_file() -> QuestionScores:
    """Details that cannot be read."""
    raise ValueError("no footer")


@pytest.mark.parametrize(
    ("lost", "reason"),
    [("refused: limits: open: files", "fence-refused"), ("failed: its runner has ended", "fence-failed")],
)
def test_code_that_was_not_run_is_no_score(lost: str, reason: str) -> None:
    """Whatever the framework made of it."""
    assert failure(replace(counted(asked=4, answered=4), fence_lost=lost)) == Failure(reason, lost.partition(": ")[2])


def test_an_incomplete_fence_is_a_warning() -> None:
    """Of a task that ran code; a whole one is none."""
    whole = CodeExecution(policy="fenced", fence="landlock", denies=ALL)
    part = CodeExecution(policy="best-effort", fence="limits", denies=("network",))
    said = [list(warnings(replace(counted(asked=4, answered=4), code_execution=one))) for one in (None, whole, part)]
    assert said == [[], [], ["code that the model wrote ran without a fence around: keys, files, processes"]]


def test_a_good_run_has_nothing_wrong() -> None:
    """Its scores are believed."""
    assert failure(GOOD) is None


@pytest.mark.parametrize(
    ("evidence", "reason", "detail"),
    [
        (counted(failed=1, first_error="HTTP 418: tea"), "answers-failed", "1 of 4 answers failed: HTTP 418: tea"),
        (counted(failed=2, first_error="HTTP 429: slow down"), "rate-limit", "2 of 4 answers failed: HTTP 429: slow down"),
        (counted(failed=4, first_error="HTTP 400: no", refused_alike="HTTP 400: no"), "request-refused",
         "4 of 4 answers failed: HTTP 400: no"),
        (counted(failed=1, empty=1, first_error="x"), "answers-failed", "1 of 4 answers failed: x"),
        (counted(empty=1), "empty-answers", "1 of 4 answers are empty; they are never scored"),
        (counted(empty=3, unanswered=3, unanswered_allowed=2), "empty-answers", "3 of 4 answers are empty; they are never scored"),
        (counted(empty=3, unanswered=0, unanswered_allowed=2), "empty-answers", "3 of 4 answers are empty; they are never scored"),
        (replace(GOOD, exit_code=1, log="first\nValueError: no"), "framework-failed", "exit code 1: ValueError: no"),
        (replace(GOOD, exit_code=128, log="x"), "framework-failed", "exit code 128: x"),
        (replace(GOOD, exit_code=129, log="x"), "framework-failed", "signal 1: x"),
        (replace(GOOD, exit_code=137, log="x"), "framework-failed", "signal 9: x"),
        (replace(GOOD, exit_code=-9, log="x"), "framework-failed", "exit code -9: x"),
        (replace(GOOD, exit_code=1, log="CUDA out of memory"), "out-of-memory", "exit code 1: CUDA out of memory"),
        (replace(GOOD, exit_code=143, stalled="no question for 900 s"), "framework-stalled", "no question for 900 s"),
        (replace(GOOD, output=None, problem="results_1.json: KeyError"), "results-unreadable", "results_1.json: KeyError"),
        (replace(GOOD, output=None, log="the end"), "no-results", "no results file: the end"),
        (replace(GOOD, output=None, log="No space left on device"), "disk-full", "no results file: No space left on device"),
        (written(scores={}), "no-results", "no results file: the log is empty"),
        (replace(GOOD, counts=TaskCounts()), "nothing-asked", "the framework wrote scores without asking the model anything"),
        (counted(asked=0), "nothing-asked", "the framework wrote scores without asking the model anything"),
        (counted(asked=5), "answers-missing", "only 4 of 5 answers came back"),
        (written(max_samples=7), "max-samples-differ", "ran with max_samples 7, not None"),
        (replace(written(max_samples=7), expected_max_samples=6), "max-samples-differ", "ran with max_samples 7, not 6"),
        (replace(written(max_samples=5), expected_max_samples=6), "max-samples-differ", "ran with max_samples 5, not 6"),
        (replace(GOOD, expected_max_samples=6), "max-samples-differ", "ran with max_samples None, not 6"),
        (written(details={}), "details-missing", "no answers on file for a|0"),
        (replace(GOOD, output=answered()), "details-missing", "no answers on file for a|0"),
        (replace(GOOD, output=answered(("", None), ("C", "D"))), "empty-answers", "2 scored answers of a|0 are empty"),
        (replace(GOOD, output=answered(("A", ""), ("C", "D")), log="HTTP 402: pay"), "quota-exhausted",
         "1 scored answers of a|0 are empty"),
        (replace(GOOD, output=answered(("A",), ("C", "D"))), "answers-missing", "1 documents of a|0 have too few samples"),
        (replace(GOOD, output=answered(("A",), ("C",))), "answers-missing", "2 documents of a|0 have too few samples"),
        (written(settings={"a|0": {"effective_num_docs": 3}}), "answers-missing", "answers to 2 of 3 documents of a|0 are on file"),
        *[(written(settings={"a|0": {"original_num_docs": there, "effective_num_docs": 2}}), "answers-missing",
           f"answers to 2 of {there} documents of a|0 are on file") for there in (3, 1000)],
        (replace(written(max_samples=3, settings={"a|0": {"original_num_docs": 1000, "effective_num_docs": 2}}), expected_max_samples=3),
         "answers-missing", "answers to 2 of 3 documents of a|0 are on file"),
        (written(unscored=("b|0",)), "subsets-missing", "1 subsets or tasks have no score: b|0"),
        (written(unscored=tuple("bcdefg")), "subsets-missing", "6 subsets or tasks have no score: b, c, d, e, f"),
        (replace(GOOD, expected_subsets=2), "subsets-missing", "the task has 2 subsets, and 1 have a score"),
        (replace(GOOD, expected_subsets=0), "subsets-missing", "the task has 0 subsets, and 1 have a score"),
        (counted(questions=5), "answers-missing", "1 answered questions are not among the scored ones"),
        (counted(asked=3, answered=3), "answers-repeated", "1 scored answers were never asked for"),
        (replace(counted(asked=2, answered=2), output=replace(OUTPUT, details={"a|0": replace(DETAILS["a|0"], copied=1)})),
         "answers-repeated", "1 scored answers were never asked for"),
        (written(scores={"a|0": {"acc": math.nan}}), "score-not-a-number", "acc of a|0 is nan"),
        (written(scores={"a|0": {"acc": math.inf}}), "score-not-a-number", "acc of a|0 is inf"),
        (written(scores={"a|0": {"acc": 2e300}}), "score-not-a-number", "acc of a|0 is 2e+300"),
        (written(scores={"a|0": {"acc": -2e300}}), "score-not-a-number", "acc of a|0 is -2e+300"),
        (written(scores={"a|0": {"acc": None}}), "score-not-a-number", "acc of a|0 is None"),
        (written(scores={"a|0": {"acc": "0.5"}}), "score-not-a-number", "acc of a|0 is 0.5"),
        (written(scores={"a|0": {"acc": True}}), "score-not-a-number", "acc of a|0 is True"),
        (replace(GOOD, questions=of_questions(acc="the mean over its questions is 0.4")), "scores-not-reproduced",
         "the framework wrote 0.5 as `acc`, and the mean over its questions is 0.4"),
        (replace(GOOD, questions=of_questions(acc="no", f1="no")), "scores-not-reproduced",
         "the framework wrote 0.5 as `acc`, and no (2 metrics in all)"),
        (replace(GOOD, questions=cut_file), "scores-not-reproduced",
         "the values of its questions cannot be read: ValueError: no footer"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(evidence: Evidence, reason: str, detail: str) -> None:
    """In one word that the rest of evalctl knows, and in a sentence with the numbers."""
    assert failure(evidence) == Failure(reason, detail)


@pytest.mark.parametrize(
    "evidence",
    [
        counted(failed=0, first_error="HTTP 429: once"),
        counted(answered=5),
        *[written(settings={"a|0": {"effective_num_docs": number}}) for number in (2, 1, -1, None, "3", True)],
        written(settings={}),
        replace(GOOD, expected_subsets=1),
        counted(questions=4),
        counted(questions=2),
        *[written(settings={"a|0": {"original_num_docs": number}}) for number in (2, 1, -1, None, "3", True)],
        *[
            replace(
                written(max_samples=most, settings={"a|0": {"original_num_docs": 9, "effective_num_docs": 2}}),
                expected_max_samples=most,
            )
            for most in (2, 1)
        ],
        replace(GOOD, stalled="before it ended well"),
        replace(written(max_samples=1000), expected_max_samples=1000),
        counted(empty=1, unanswered=1, unanswered_allowed=1),
        counted(empty=5, unanswered=1, unanswered_allowed=2),
        replace(counted(empty=2, unanswered=1, unanswered_allowed=1), output=answered(("", None), ("C", "D"))),
        replace(GOOD, output=answered(("A", "B", "X"), ("C",), expected=1)),
        written(scores={"a|0": {"acc": 1, "acc_stderr": math.nan}}),
        written(scores={"a|0": {"acc": 0.0, "acc_stderr": None}}),
        written(scores={"a|0": {"acc": 1e300, "f": -1e300}}),
    ],
)
def test_what_is_allowed_is_not_wrong(evidence: Evidence) -> None:
    """A retry, an answer more than was asked, questions that the request lets stay without one, an undefined error."""
    assert failure(evidence) is None


def test_each_entry_is_looked_at() -> None:
    """The second one, too."""
    both = {"a|0": {"acc": 0.5}, "b|0": {"acc": 0.5}}
    assert failure(written(scores=both)) == Failure("details-missing", "no answers on file for b|0")
    details = {**DETAILS, "b|0": Details("b", (("E",),), (1,))}
    evidence = replace(counted(asked=5, answered=5), output=replace(OUTPUT, scores=both, details=details))
    assert failure(evidence) is None
    worse = {"a|0": {"acc": 0.5, "em": 0.5}, "b|0": {"acc": 0.5, "em": math.nan}}
    found = failure(replace(evidence, output=replace(OUTPUT, scores=worse, details=details)))
    assert found == Failure("score-not-a-number", "em of b|0 is nan")


@pytest.mark.parametrize(("entries", "written"), [(1, "0.0"), (2, "[0.0, 0.1]"), (6, "[0.0, 0.1, 0.2, 0.3, 0.4]")])
def test_a_score_that_is_not_reproduced_is_told_with_what_the_framework_wrote(entries: int, written: str) -> None:
    """For each part of the task that has the metric, the first five."""
    scores = {f"a:{number}|0": {"acc": number / 10} for number in range(entries)}
    details = {entry: Details(entry, (("A",),), (1,)) for entry in ("b|0", *scores)}
    output = replace(OUTPUT, scores={"b|0": {"f1": 1.0}, **scores}, details=details)
    counts = replace(COUNTS, asked=entries + 1, answered=entries + 1)
    found = failure(replace(GOOD, counts=counts, output=output, questions=of_questions(acc="no")))
    assert found == Failure("scores-not-reproduced", f"the framework wrote {written} as `acc`, and no")


def test_a_good_report_has_the_scores_and_what_they_are_worth() -> None:
    """Numbers only, sizes, tokens, files and time; nothing of a failure."""
    counts = {
        "truncated": 2,
        "prompt_tokens": 30,
        "completion_tokens": 40,
        "retried": 1,
        "sent": {"top_p": [0.9]},
        "models": {"m": 4},
    }
    scores = {"a|0": {"acc": 0.5, "acc_stderr": math.nan}}
    two = {**DETAILS, "b": Details("0.parquet", (), ())}
    made = asdict(report(replace(counted(**counts), output=replace(OUTPUT, scores=scores, details=two)), "ja_a"))
    assert {name: value for name, value in made.items() if name != "versions"} == {
        "task": "ja_a", "verdict": "done", "reason": None, "detail": None, "scores": {"a|0": {"acc": 0.5}},
        "config_tasks": {"a|0": {"name": "a"}},
        "samples": {"asked": 4, "answered": 4, "replayed": 0, "fresh": 0, "empty": 0, "truncated": 2, "failed": 0, "unanswered": 0},
        "tokens": {"prompt": 30, "completion": 40}, "requests": {"made": 4, "retried": 1}, "sent": {"top_p": [0.9]},
        "answered_by": {"m": 4}, "seconds": 1.234, "details": ("0.parquet", "details/a.parquet"),
        "warnings": ("2 of 4 answers were cut off at the length limit",), "judge": {},
        "code_execution": None,
    }  # fmt: skip


def test_a_bad_report_has_no_score() -> None:
    """But the reason, without a key, and whatever is known."""
    secret = "sk-" + "proj-abcDEF123456"
    made = asdict(report(counted(failed=1, first_error=f"wrong key {secret}"), "ja_a"))
    assert (made["verdict"], made["reason"], made["scores"]) == ("failed", "answers-failed", {})
    assert secret not in made["detail"] and made["config_tasks"] == {"a|0": {"name": "a"}}
    empty = asdict(report(Evidence(1, TaskCounts(), None, None, "", None), "ja_a"))
    assert (empty["config_tasks"], empty["seconds"], empty["details"], empty["warnings"]) == ({}, None, (), ())
    assert (empty["tokens"], empty["requests"]) == ({"prompt": 0, "completion": 0}, {"made": 0, "retried": 0})
    assert empty["samples"] == dict.fromkeys(accept.SAMPLES, 0)
    assert report(written(seconds=math.nan), "x").seconds is None


def test_the_versions_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there has none."""
    monkeypatch.setattr(accept, "VERSIONS", ("no-such-package", "pytest", "also-not-there"))
    assert accept.installed() == {"pytest": pytest.__version__}


def test_what_does_not_forbid_the_scores_is_said() -> None:
    """Answers cut off, questions without one, other models, other settings than planned, reasoning that was left in."""
    evidence = replace(
        counted(
            truncated=1,
            unanswered=1,
            unanswered_allowed=2,
            sent={"model": ["m", "n"], "top_p": [0.5]},
            other_models={"x": 3},
        ),
        planned={"top_p": 0.9},
        output=answered(("<think>a", "B"), ("C", None)),
    )
    assert list(warnings(evidence)) == [
        "1 of 4 answers were cut off at the length limit",
        "1 of its questions have no answer and are scored as wrong (the request allows 2)",
        "3 of 4 answers are by another model: x instead of m, n",
        "top_p: the plan has 0.9, and 0.5 was sent",
        "1 of 4 answers (25 %) contain the beginning or the end of reasoning, such as <think>: no reasoning parser removed it",
    ]
    assert list(warnings(replace(evidence, counts=replace(evidence.counts, answered=0))))[3:] == [
        "1 of 4 answers (25 %) contain the beginning or the end of reasoning, such as <think>: no reasoning parser removed it"
    ]
    unnamed = counted(other_models={"x": 1}, sent={})
    assert list(warnings(unnamed)) == ["1 of 4 answers are by another model: x instead of the model"]
    assert list(warnings(replace(GOOD, planned={"top_p": 0.9}))) == [
        "top_p: the plan has 0.9, and no request carried it"
    ]
    assert list(warnings(GOOD)) == []
    assert list(warnings(replace(GOOD, counts=TaskCounts(), planned={"top_p": 0.9}))) == []


def test_prompts_that_a_provider_counted_short_are_said() -> None:
    """A provider may count otherwise: nothing is refused for it."""
    (found,) = warnings(counted(counted_short=2))
    assert found.startswith("2 prompts have more text than the provider counted tokens for: ")


LONG = " ".join(f"step {number}:" for number in range(60))


@pytest.mark.parametrize(
    ("rows", "number"),
    [
        (((LONG,), (LONG,)), 1), (((LONG,), (f"{LONG}.",)), 0), (((LONG, LONG), ("C",)), 0), (((LONG,), (LONG,), (LONG,)), 2),
        ((("C",) * 2,) * 9, 0), (((LONG[:399],),) * 2, 0), (((LONG[:400],),) * 2, 1), ((("I cannot help. " * 40,),) * 2, 0), (((None,),) * 2, 0),
    ],
)  # fmt: skip
def test_long_answers_that_another_question_has_word_for_word_are_said(
    rows: tuple[tuple[str | None, ...], ...], number: int
) -> None:
    """A cache that names its replies anew may have given them. Letters, refusals and loops are what a model says again."""
    said = [one for one in warnings(replace(GOOD, output=answered(*rows))) if "very words" in one]
    assert said == (
        [f"{number} long answers have the very words of an answer to another question: a cache may have given them"]
        if number
        else []
    )


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        (("<think>", "</think>", "C"), "2 of 3 answers (67 %)"),
        (("<think>", "<think>", "<think>", "D"), "3 of 4 answers (75 %)"),
    ],
)
def test_the_share_of_answers_with_marks_is_rounded(texts: tuple[str, ...], share: str) -> None:
    """To whole percents."""
    (warning,) = warnings(replace(GOOD, output=answered(texts)))
    assert warning.startswith(f"{share} contain the beginning or the end of reasoning, such as <think>: ")


def test_a_whole_pair_of_marks_is_left_over_only_where_nobody_takes_it_out() -> None:
    """lighteval does, the fork does not."""
    pair = replace(GOOD, output=answered(("<think>a</think>b", "B"), ("C", "D")))
    assert list(warnings(pair)) == []
    assert len(list(warnings(replace(pair, framework=SWALLOW)))) == 1


@pytest.mark.parametrize(("metric", "is_error"), [("acc_stderr", True), ("acc", False), ("stderr_acc", False)])
def test_an_error_of_a_score_has_its_name(metric: str, is_error: bool) -> None:
    """As lighteval writes it."""
    assert is_error_of_score(metric) is is_error


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A task whose framework left nothing."""
    words = ["--framework", "lighteval", "--task-key", "ja_a", "--output", str(tmp_path / "out"), "--exit-code", "1"]
    return [*words, "--state", str(tmp_path), "--into", str(tmp_path / "verdict.json")]


def test_what_a_task_left_is_read(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The end of its log without colours, the relay's counts, and the plan beside them."""
    log = tmp_path / "log"
    log.write_bytes(b"CUDA out of memory" + b"x" * (accept.LOG_BYTES - 10) + b"\n\x1b[31mbad\xff\x1b[0m")
    (tmp_path / "ja_a.counts.json").write_text(json.dumps({"asked": 4, "of_another_version": 1}))
    (tmp_path / "ja_a.options.json").write_text(json.dumps({"planned": {"top_p": 0.9}}))
    found = accept.gather(accept.parser().parse_args([*command, "--log", str(log)]))
    assert len(found.log) == accept.LOG_BYTES - len("\x1b[31m\x1b[0m") and found.log.endswith("x\nbad\ufffd")
    assert (found.counts, found.planned, found.exit_code, found.output) == (
        TaskCounts(asked=4),
        {"top_p": 0.9},
        1,
        None,
    )
    assert accept.main([*command, "--log", str(log)]) == 1
    assert capsys.readouterr().err == "ja_a: framework-failed: exit code 1: bad\ufffd\n"
    assert json.loads((tmp_path / "verdict.json").read_text())["reason"] == "framework-failed"


class _Parquet:
    """pyarrow's reader, which is only in the job environments, over JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, columns: list[str]) -> _Parquet:
        assert columns == ["model_response.text", "doc.num_samples"]
        return self

    @property
    def schema_arrow(self) -> SimpleNamespace:
        return SimpleNamespace(names=list(self.to_pylist()[0]))

    def iter_batches(self, batch_size: int, columns: list[str]) -> Iterator[_Parquet]:
        yield self

    def to_pylist(self) -> list[Any]:
        read: list[Any] = json.loads(self._path.read_text())
        return read


@pytest.fixture
def finished(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Judges a task whose framework has ended with scores and details; the verdict as it is on disk."""
    monkeypatch.setitem(sys.modules, "pyarrow", ModuleType("pyarrow"))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", module := ModuleType("pyarrow.parquet"))
    monkeypatch.setattr(module, "ParquetFile", _Parquet, raising=False)

    def judged(exit_code: int, code: int | None = None, score: float = 0.5, **doc: Any) -> dict[str, Any]:
        general = {"total_evaluation_time_secondes": "1.5", "max_samples": None}
        results = {
            "config_general": general,
            "results": {"a|0": {"acc": score}},
            "config_tasks": {"a|0": {"name": "a"}},
        }
        answers = [
            {
                "model_response": {"text": [text], "input": "Q"},
                "doc": {"num_samples": 1, **doc},
                "metric": {"acc": text in "AB"},
            }
            for text in "ABCD"
        ]
        for name, content in (("results/m/results_1.json", results), ("details/m/1/details_a|0_1.parquet", answers)):
            (tmp_path / "out" / name).parent.mkdir(parents=True)
            (tmp_path / "out" / name).write_text(json.dumps(content))
        (tmp_path / "ja_a.counts.json").write_text(json.dumps(COUNTS.as_json()))
        (tmp_path / "ja_a.answers.jsonl").touch()
        command[command.index("--exit-code") + 1] = str(exit_code)
        assert accept.main(command) == ((1 if exit_code else 0) if code is None else code)
        return dict(json.loads((tmp_path / "verdict.json").read_text()))

    return judged


QUESTION = {"query": "Q", "choices": ["A"], "gold_index": 0}


def test_a_task_that_is_done_ends_with_zero(
    finished: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And without a word; its questions and their values are beside the verdict."""
    verdict = finished(0, **QUESTION)
    assert (verdict["verdict"], verdict["scores"], verdict["seconds"]) == ("done", {"a|0": {"acc": 0.5}}, 1.5)
    assert (verdict["warnings"], capsys.readouterr().err) == ([], "")
    assert (tmp_path / "questions.tsv").is_file() and "ends" in json.loads((tmp_path / "scores.json").read_text())


def test_a_task_whose_answers_cannot_be_read_is_done_all_the_same(
    finished: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """A warning says, without a path, why nobody knows how they ended; its scores hold."""
    (tmp_path / "ja_a.answers.jsonl").mkdir()
    verdict = finished(0, **QUESTION)
    assert (verdict["verdict"], verdict["scores"]) == ("done", {"a|0": {"acc": 0.5}})
    assert verdict["warnings"] == ["how its answers ended is not known: IsADirectoryError: Is a directory"]
    assert "ends" not in json.loads((tmp_path / "scores.json").read_text())


def test_a_task_that_failed_has_no_values_of_questions(finished: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """Its scores are no result, so that nothing says how sure they are."""
    assert finished(1, **QUESTION)["verdict"] == "failed"
    assert not (tmp_path / "questions.tsv").exists() and not (tmp_path / "scores.json").exists()


def test_a_task_whose_details_have_another_form_is_not_done(finished: Callable[..., dict[str, Any]]) -> None:
    """Nothing shows that its scores are those of its questions."""
    verdict = finished(0, code=1)
    assert (verdict["verdict"], verdict["reason"]) == ("failed", "scores-not-reproduced") and "'query'" in verdict[
        "detail"
    ]


def test_a_task_whose_score_is_not_that_of_its_questions_is_not_done(
    finished: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Whatever else is right; it leaves no values."""
    verdict = finished(0, code=1, score=0.75, **QUESTION)
    assert verdict["scores"] == {} and not (tmp_path / "scores.json").exists()
    assert verdict["detail"] == "the framework wrote 0.75 as `acc`, and the mean over its questions is 0.5"


def test_the_command_says_what_it_is_and_reads_64_kib_of_a_log() -> None:
    """The end of it; a traceback fits."""
    assert (accept.parser().description or "").startswith("The acceptance check of one task")
    assert accept.LOG_BYTES == 65_536


def test_a_task_may_have_left_nothing(command: list[str], tmp_path: Path) -> None:
    """No log, no counts, no options, or options that are none."""
    for words in (command, [*command, "--log", str(tmp_path / "log")]):
        found = accept.gather(accept.parser().parse_args(words))
        assert (found.log, found.counts, dict(found.planned), found.expected_max_samples) == (
            "",
            TaskCounts(),
            {},
            None,
        )
    (tmp_path / "ja_a.options.json").write_text("[]")
    assert accept.gather(accept.parser().parse_args(command)).planned == {}


@pytest.mark.parametrize(
    ("settings", "scores", "unscored"),
    [
        ({"a|0": {}, "b:c|0": {}}, {"a|0": {"acc": 1.0}, "b:c|0": {"acc": 0.0}}, []),
        ({"swallow|a:b": {}, "swallow|a:c": {}}, {"swallow|a:b|0": {"acc": 1.0}}, ["swallow|a:c"]),
        ({"swallow|a:b": {}, "swallow|a:c": {}}, {"swallow|a:b|0": {"acc": 1.0}, "swallow|a:c|0": {}}, ["swallow|a:c"]),
        ({"a|0": {}, "a:b|0": {}}, {"a:b|0": {"acc": 1.0}}, ["a|0"]),
        ({"a|0": {}}, {}, ["a|0"]),
    ],
)
def test_what_the_framework_had_and_did_not_score_is_known(settings: Any, scores: Any, unscored: list[str]) -> None:
    """Under the names of either framework; an entry without a metric has no score."""
    assert list(without_scores(settings, scores)) == unscored


@pytest.mark.parametrize(
    ("settings", "scores", "unasked"),
    [
        ({"swallow|a:b": {"original_num_docs": -1}}, {}, True), ({"swallow|a:b": {"original_num_docs": 0}}, {}, True), ({"swallow|a:b": {}}, {}, True),
        ({"swallow|a:b": {"original_num_docs": 3}}, {}, False), ({"swallow|a:b": {"original_num_docs": None}}, {}, False),
        ({"swallow|a:b": "text"}, {}, False), ({"swallow|a:b": {}}, {"swallow|a:b|0": {}}, False), ({"swallow|a:b": {}}, {"swallow|a:b": {}}, False),
        ({"swallow|a:b": {}}, {"swallow|a:c|0": {}}, True),
    ],
)  # fmt: skip
def test_what_the_framework_left_out_for_want_of_questions_is_known(settings: Any, scores: Any, unasked: bool) -> None:
    """It counted no document, and has no entry and no answers."""
    assert (
        without_questions("swallow|a:b", settings["swallow|a:b"], scores, ["details_swallow|a:bc|0_1.parquet"])
        is unasked
    )
    assert not without_questions("swallow|a:b", settings["swallow|a:b"], scores, ["details_swallow|a:b|0_1.parquet"])
    assert not without_questions("a:b|0", {}, {}, ["details_a:b|0_1.parquet"])


def test_a_subset_that_has_no_questions_by_design_is_passed_over() -> None:
    """Where it is named and the framework found none: neither alone is enough, nor another one's name."""
    found = replace(written(unscored=("swallow|a:b", "swallow|a:c"), unasked=("swallow|a:b",)), expected_subsets=1)
    one = replace(
        written(unscored=("swallow|a:b",), unasked=("swallow|a:b",)),
        expected_subsets=1,
        empty_subsets=frozenset({"a:b"}),
    )
    assert failure(one) is None
    assert failure(replace(one, expected_subsets=2)) == Failure(
        "subsets-missing", "the task has 2 subsets, and 1 have a score"
    )
    for names, left in (
        ({"a:b"}, "a:c"),
        ({"a:b", "a:c"}, "a:c"),
        ({"b"}, "a:b, swallow|a:c"),
        (set(), "a:b, swallow|a:c"),
    ):
        wrong = failure(replace(found, empty_subsets=frozenset(names)))
        assert (
            wrong is not None
            and wrong.reason == "subsets-missing"
            and wrong.detail.endswith(f"have no score: swallow|{left}")
        )


def test_a_task_says_which_subsets_have_no_questions(command: list[str]) -> None:
    """One option for each."""
    for words, names in (([], set()), (["--empty-subset", "a:b", "--empty-subset", "a:c"], {"a:b", "a:c"})):
        assert accept.gather(accept.parser().parse_args([*command, *words])).empty_subsets == names


def test_a_task_says_how_many_subsets_it_has(command: list[str]) -> None:
    """Where the compiler knows it."""
    for words, subsets in (([], None), (["--expected-subsets", "57"], 57)):
        assert accept.gather(accept.parser().parse_args([*command, *words])).expected_subsets == subsets


def test_results_that_cannot_be_read_are_a_problem_of_the_task(command: list[str], tmp_path: Path) -> None:
    """Named, with the file."""
    results = tmp_path / "out" / "results" / "m" / "results_1.json"
    results.parent.mkdir(parents=True)
    results.write_text("{")
    found = accept.gather(accept.parser().parse_args(command))
    assert found.output is None and (found.problem or "").startswith("results_1.json: JSONDecodeError: ")


@pytest.mark.parametrize("missing", ["--framework", "--task-key", "--output", "--state", "--exit-code", "--into"])
def test_the_command_line_names_all_evidence(
    command: list[str], missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log and the number of questions alone may be left out."""
    place = command.index(missing)
    with pytest.raises(SystemExit):
        accept.main(command[:place] + command[place + 2 :])
    assert missing in capsys.readouterr().err


def test_copies_that_the_fork_makes_at_temperature_0_are_no_repeated_answers() -> None:
    """MT-Bench: it asks such a turn once and gives the answer as each of five samples; a turn with different texts has no copies."""
    rows: list[Any] = [[["A"] * 5, ["B"] * 5], [["C", "D", "C", "C", "C"], ["E"] * 5], None, ["F", "F"], [[]]]
    assert copies(rows) == 12
    texts = tuple(tuple(flat(row)) for row in rows[:2])
    output = replace(OUTPUT, details={"a|0": Details("a", texts, (5, 5), 12)})
    asked = sum(map(len, texts)) - 12
    assert answers_repeated(replace(counted(asked=asked, answered=asked), output=output)) is None
