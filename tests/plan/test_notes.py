"""What the plan says of services: their own advice and the limits that the jobs meet, for those that get a job."""

from __future__ import annotations

from collections.abc import Mapping

from samples import base_texts, compiled

from evalctl.model.evaluation import RequestPlan
from evalctl.pipeline.stages import terms_of
from evalctl.plan import pages
from evalctl.plan.forecast import RequestForecast, forecast
from evalctl.plan.notes import notes
from evalctl.plan.summary import summary
from evalctl.results.store import Listed, ResultIndex

TSUBAME = "manifests/services/tsubame.yaml"
NOTHING = ResultIndex({}, {}, {}, {})
TEXT = "model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact, ja_subset]\npacking: per_task\n"


def planned(lines: str, index: ResultIndex = NOTHING, request: str = TEXT) -> tuple[list[RequestForecast], list[str]]:
    """Two jobs on a service whose file has `lines` more."""
    files: Mapping[str, str] = {TSUBAME: base_texts()[TSUBAME] + lines}
    done = compiled(request, files)
    found = forecast({done.checked.path: summary(RequestPlan(done.checked.path, done.jobs))}, index)
    return found, notes(found, terms_of(done.catalogue))


def test_a_services_advice_is_repeated() -> None:
    """Once, however many jobs go there; in the text and in the pull request."""
    found, said = planned("advice: [keep caches under /gs/bs]\n")
    assert said == ["tsubame: keep caches under /gs/bs"]
    assert "note: tsubame: keep caches under /gs/bs" in pages.text(found, {}, said).splitlines()
    assert "note: tsubame: keep caches under /gs/bs" in pages.brief(found, said).splitlines()
    assert "- tsubame: keep caches under /gs/bs" in pages.markdown(found, {}, [], said).splitlines()


def test_limits_are_said_when_they_are_met() -> None:
    """One job less is within them."""
    _, said = planned("max_submitted: 1\nmax_running: 1\n")
    assert [line.split(";")[0] for line in said] == [
        "tsubame: of 2 jobs, 1 can be submitted at a time",
        "tsubame: of 2 jobs, at most 1 run at once",
    ]
    assert planned("max_submitted: 2\nmax_running: 2\n")[1] == []


def test_a_service_that_gets_no_job_is_not_talked_about() -> None:
    """Everything is reused."""
    found, _ = planned("")
    tasks = [task for job in found[0].jobs for task in job.job.tasks]
    listed = [Listed(task.result, task.digest, "t", "results", 0.0) for task in tasks]
    index = ResultIndex({one.path: one for one in listed}, {one.digest: one for one in listed}, {}, {})
    assert planned("advice: [keep caches under /gs/bs]\n", index)[1] == []


def test_code_of_the_models_own_is_shouted() -> None:
    """In the text and in the pull request, for the job that runs it and for no other."""
    found, said = planned("", request=f"{TEXT}overrides: {{ja_exact: {{trust_remote_code: true}}}}\n")
    assert pages.text(found, {}, said).count("ATTENTION: trust_remote_code") == 1
    assert pages.markdown(found, {}, [], said).count("> [!CAUTION]") == 1
    assert "ATTENTION" not in pages.text(planned("")[0], {}, [])
