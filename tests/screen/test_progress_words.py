"""The progress of running jobs in words: counts, a rate, a time where the reader is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from evalctl.commands.status import Snapshot, grouped_table, summary
from evalctl.model.run import JobProgress, Progress
from evalctl.screen.progress import document, end, rate, summed, together, words
from evalctl.sync.eval_status import EvalStatus

NOON = 1_795_744_800.0  # 2026-11-27 02:00 UTC
HALF = Progress(1200, 5000, 85.4, NOON + 2520)


@pytest.fixture(autouse=True)
def _japan(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_what_is_known_is_said() -> None:
    """Answers of how many, how many a minute, the expected end; what is not known is left out."""
    assert words(HALF, NOON) == "1200/5000 answers, 85 per minute, estimated end 11:42 JST"
    assert words(Progress(3), NOON) == "3 answers (total unknown)"
    assert words(Progress(3, None, 0.0), NOON) == "3 answers (total unknown), 0 per minute"


def test_times_are_those_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the name of the zone, and the date where it is another day."""
    assert end(HALF, NOON) == "11:42 JST"
    assert end(replace(HALF, ends_at=NOON + 86_400), NOON) == "11-28 11:00 JST"
    monkeypatch.setenv("TZ", "UTC0")
    time.tzset()
    assert end(HALF, NOON) == "02:42 UTC"
    assert document(HALF) == {
        "answered": 1200,
        "total": 5000,
        "per_minute": 85.4,
        "ends_at": "2026-11-27T02:42:00+00:00",
    }


@pytest.mark.parametrize(
    ("per_minute", "shown"), [(None, "-"), (0.0, "0"), (0.25, "0.2"), (9.94, "9.9"), (120.6, "121")]
)
def test_slow_rates_have_a_decimal(per_minute: float | None, shown: str) -> None:
    """Fast ones need none."""
    assert rate(Progress(1, 2, per_minute)) == shown


def test_several_jobs_have_a_line_each_and_one_together() -> None:
    """The last of them ends it; a total is known when all are."""
    later = Progress(10, 20, 1.0, NOON + 3600)
    lines = together({"ev-a": JobProgress({}, HALF), "ev-b": JobProgress({}, later)}, NOON)
    assert lines[2] == "2 running jobs: 1210/5020 answers, 86 per minute, estimated end 12:00 JST"
    assert summed([HALF, Progress(5, None, 2.0)]) == Progress(1205, None, 87.4, None)
    assert summed([HALF, Progress(7, 7)]).ends_at == HALF.ends_at


def line(task: str, model: str = "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5", **more: object) -> EvalStatus:
    """A task of a running job."""
    return EvalStatus("r.yaml", model, "default", task, "ev-r", "running", "running", "7.server", 300.0, **more)  # type: ignore[arg-type]


LINES = [line("ja_mmlu", progress=HALF, job_progress=HALF), line("ja_niah")]


def test_the_table_shows_answers_rate_and_end() -> None:
    """A model is above its rows; a task that has not begun has no numbers."""
    shown = grouped_table([*LINES, line("ja_mmlu", "team/tiny")], NOON).splitlines()
    assert shown == [
        "STATE    TASK       ANSWERS  PER MIN  EST. END   AGE    REASON",
        "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5 (default)",
        "running  ja_mmlu  1200/5000       85  11:42 JST  5 min  running  7.server",
        "running  ja_niah                                 5 min  running  7.server",
        "team/tiny (default)",
        "running  ja_mmlu                                 5 min  running  7.server",
    ]


def test_a_task_with_all_its_answers_is_scoring() -> None:
    """The framework runs on; there is no rate and no end of answers any more."""
    shown = grouped_table([line("ja_code", progress=Progress(12, 12, 6.0))], NOON).splitlines()[-1]
    assert shown.split()[:4] == ["running", "ja_code", "12/12", "scoring"]


def test_what_runs_fits_on_a_narrow_terminal() -> None:
    """80 columns hold the longest of names and numbers, and the beginning of the reason."""
    tomorrow = Progress(123_456, 200_000, 1234.0, NOON + 86_400)
    shown = grouped_table([line("ja_humaneval_plus", progress=tomorrow)], NOON).splitlines()[2]
    assert shown.rindex("running") < 77


def test_the_live_table_leaves_out_what_is_done() -> None:
    """It is counted, as long as something is left."""
    done = replace(line("ja_gpqa"), state="done", reason="result-current", detail="results/…")
    jobs = {"ev-r": JobProgress({}, HALF)}
    shown = Snapshot([done, *LINES], jobs, (), few=True, now=NOON).live(everything=False)
    assert shown[-2:] == ["ev-r: 1200/5000 answers, 85 per minute, estimated end 11:42 JST", "1 of 3 evals done"]
    assert not any("ja_gpqa" in row for row in shown)
    assert "ja_gpqa" in Snapshot([done], {}, (), few=True, now=NOON).live(everything=False)[1]


def test_many_evals_have_their_running_jobs_below_the_summary() -> None:
    """Of more than five jobs only what they have together."""
    jobs = {f"ev-{number}": JobProgress({}, HALF) for number in range(6)}
    shown = Snapshot(LINES, jobs, (), few=False, now=NOON).text(everything=False)
    assert shown == [
        *summary(LINES).splitlines(),
        "6 running jobs: 7200/30000 answers, 512 per minute, estimated end 11:42 JST",
    ]


def test_a_program_reads_the_progress_of_the_task_and_of_its_job() -> None:
    """null where there is none."""
    first, second = Snapshot(LINES, {}, (), few=True, now=NOON).document()
    assert first["progress"] == first["job_progress"]
    assert first["progress"]["ends_at"] == "2026-11-27T11:42:00+09:00"  # type: ignore[index]
    assert (second["progress"], second["job_progress"]) == (None, None)
