"""What sync would do about each eval, and how a person reads it."""

from __future__ import annotations

from samples import compiled

from evalctl.model.evaluation import RequestPlan
from evalctl.model.plan_file import PlanFile, PlannedTask
from evalctl.model.walltime import clock
from evalctl.plan import pages
from evalctl.plan.applied import applied
from evalctl.plan.cost import cost_of
from evalctl.plan.forecast import RequestForecast, counts, forecast
from evalctl.plan.summary import summary
from evalctl.results.store import Listed, ResultIndex

SMALL = "model: lab/small-8B\nservice: tsubame\n"
NOTHING = ResultIndex({}, {}, {}, {})


def plans(*texts: str) -> dict[str, PlanFile | None]:
    """plan.json of several requests."""
    made: dict[str, PlanFile | None] = {}
    for number, text in enumerate(texts):
        path = f"manifests/requests/r{number}.yaml"
        made[path] = summary(RequestPlan(path, compiled(text, path=path).jobs))
    return made


def tasks_of(plan: PlanFile | None) -> list[PlannedTask]:
    """All evals of a plan."""
    assert plan is not None
    return list(plan.tasks)


def results(*rows: tuple[str, str]) -> ResultIndex:
    """An index with results of these paths and digests."""
    listed = [Listed(path, digest, "t", path.rsplit("/", 2)[0], 0.0) for path, digest in rows]
    return ResultIndex({one.path: one for one in listed}, {one.digest: one for one in reversed(listed)}, {}, {})


def states(found: list[RequestForecast]) -> dict[str, tuple[str, str]]:
    """Task to state and detail, over all requests (the last one's where several have it)."""
    return {one.task: (one.state, one.detail) for request in found for job in request.jobs for one in job.evals}


def test_what_has_no_result_runs() -> None:
    """All of it, at first."""
    found = forecast(plans(f"{SMALL}tasks: [ja]\n"), NOTHING)
    assert set(states(found).values()) == {("run", "no result yet")}
    assert counts(found) == {"run": 3}
    assert found[0].jobs[0].runs


def test_a_current_result_is_reused() -> None:
    """Same place, same digest; a job whose evals are all there does not run."""
    made = plans(f"{SMALL}tasks: [ja_exact]\n")
    (task,) = tasks_of(made["manifests/requests/r0.yaml"])
    found = forecast(made, results((task.result, task.digest)))
    assert states(found) == {"ja_exact": ("reused", task.result)}
    assert not found[0].jobs[0].runs
    assert pages.total_line(found) == "nothing to submit: 0 evals to run, 1 reused"


def test_a_result_with_other_inputs_is_measured_again() -> None:
    """And the plan says why."""
    made = plans(f"{SMALL}tasks: [ja_exact]\n")
    (task,) = tasks_of(made["manifests/requests/r0.yaml"])
    found = forecast(made, results((task.result, "0" * 64)))
    assert states(found) == {"ja_exact": ("run", "inputs changed since its result")}


def test_the_plan_says_where_a_provider_answers() -> None:
    """The reviewer sees where questions and key will go."""
    new = "http://127.0.0.1:18999/v1"
    text = "model: lab/m\nprovider: ours\nservice: local\ntasks: [ja_exact]\n"
    path = "manifests/requests/r0.yaml"
    made = summary(
        RequestPlan(path, compiled(text, {"manifests/providers/ours.yaml": f"base_url: {new}\n"}, path).jobs)
    )
    found = forecast({path: made}, NOTHING)
    assert f"answered by: {new}" in pages.text(found, {}) and new in pages.markdown(found, {}, []).replace("\u200b", "")


def test_an_equal_eval_elsewhere_is_taken_over() -> None:
    """Custom settings of another name that mean the same are not measured twice."""
    made = plans(f"{SMALL}custom_settings: greedy\ntasks: [ja_exact]\n")
    (task,) = tasks_of(made["manifests/requests/r0.yaml"])
    found = forecast(made, results(("results/elsewhere/result.json", task.digest)))
    assert states(found) == {"ja_exact": ("reused from", "results/elsewhere/result.json")}


def test_the_first_request_runs_and_others_wait() -> None:
    """Whichever asks for the same eval later waits for the first one's job, in one request, too."""
    made = plans(f"{SMALL}tasks: [ja_exact]\n", f"{SMALL}tasks: [ja_exact, ja_subset]\n")
    found = forecast(made, NOTHING)
    owner = found[0].jobs[0].job.name
    assert states(found) == {"ja_exact": ("waiting for", owner), "ja_subset": ("run", "no result yet")}
    both = forecast(plans(f"{SMALL}custom_settings: [null, greedy]\ntasks: [en_own]\n"), NOTHING)
    assert counts(both) == {"run": 1, "waiting for": 1}
    assert "1 eval to run, 0 reused, 1 waiting for another job" in pages.total_line(both)


def test_an_unreadable_result_blocks_its_eval() -> None:
    """It is neither overwritten nor measured again."""
    made = plans(f"{SMALL}tasks: [ja_exact]\n")
    (task,) = tasks_of(made["manifests/requests/r0.yaml"])
    found = forecast(made, ResultIndex({}, {}, {}, {task.result: "not JSON"}))
    assert states(found) == {"ja_exact": ("blocked", f"{task.result}: not JSON")}


def test_a_request_with_an_error_is_blocked() -> None:
    """The others are planned."""
    found = forecast({"manifests/requests/bad.yaml": None, **plans(f"{SMALL}tasks: [ja_exact]\n")}, NOTHING)
    assert (found[0].blocked, found[0].jobs, found[1].blocked) == (True, (), False)
    assert "1 request blocked" in pages.total_line(found)
    assert "bad.yaml: blocked" in pages.text(found, {})


def test_only_what_runs_takes_time_and_costs() -> None:
    """A job with one task left is planned and priced with the walltime of that task; one with none left costs nothing."""
    made = plans(f"{SMALL}tasks: [ja]\n")
    whole = forecast(made, NOTHING)[0].jobs[0]
    first, *rest = tasks_of(made["manifests/requests/r0.yaml"])
    left = forecast(made, results(*((task.result, task.digest) for task in rest)))
    (part,) = left[0].jobs
    assert (whole.walltime_seconds, whole.cost) == (whole.job.walltime_seconds, whole.job.cost)
    assert part.walltime_seconds == compiled(f"{SMALL}tasks: [{first.task}]\n").jobs[0].batch.walltime_seconds
    assert part.cost is not None and whole.cost is not None
    assert 0 < part.cost.worst < whole.cost.worst
    assert part.cost == cost_of(part.job, [first.task])
    assert f"at most {clock(part.walltime_seconds)}" in pages.total_line(left)
    none = forecast(made, results(*((task.result, task.digest) for task in [first, *rest])))
    assert "nothing to run" in pages.text(none, {}) and "estimate" not in pages.text(none, {})


def test_points_of_two_sites_are_not_added() -> None:
    """Each service has its own total; money is one sum."""
    made = plans(f"{SMALL}tasks: [ja_exact]\n", f"{SMALL.replace('tsubame', 'abci')}tasks: [en_own]\n")
    found = forecast(made, NOTHING)
    costs = {job.job.service: job.cost for one in found for job in one.jobs}
    line = pages.total_line(found)
    amounts = [cost.worst * (cost.currency_per_unit or 0) for cost in costs.values() if cost is not None]
    assert len(costs) == 2 and line.count("points") == 2
    assert "; abci " not in line.split("at most ")[0] and "abci " in line and "tsubame " in line
    assert line.endswith(f"in all {sum(amounts):,.0f} JPY")


def test_one_service_has_one_total_in_points_and_money() -> None:
    """Without its name: it is in each request's line."""
    found = forecast(plans(f"{SMALL}tasks: [ja_exact]\n"), NOTHING)
    cost = found[0].jobs[0].cost
    assert cost is not None
    money = f"{cost.worst * (cost.currency_per_unit or 0):,.0f} {cost.currency}"
    assert pages.total_line(found).endswith(f", {cost.worst:.10g} points, {money}")


def test_a_request_in_conflict_is_not_counted() -> None:
    """Neither is priced, and the plan says which one has its results already."""
    made = plans(f"{SMALL}tasks: [ja_exact]\n", f"{SMALL}tasks: [ja_exact]\noverrides: {{ja_exact: {{seed: 1}}}}\n")
    first, second = made
    (task,) = tasks_of(made[first])
    blocked = {first: {second}, second: {first}}
    found = forecast(made, results((task.result, task.digest)), blocked)
    assert [one.blocked for one in found] == [True, True] and all(one.jobs == () for one in found)
    assert f"conflicts with {first} (which has 1 of 1 results)" in pages.text(found, {})
    assert pages.total_line(found) == "nothing to submit: 0 evals to run, 0 reused, 2 requests blocked by errors"


def test_the_text_names_job_time_cost_and_settings() -> None:
    """What a reviewer asks: where, how long, how dear, with what, and what was kept out."""
    done = compiled(
        f'{SMALL}custom_settings: default\ntasks: [ja_exact, en_code]\noverrides: {{all: {{stop_tokens: ["Q:"]}}}}\n'
    )
    found = forecast({done.checked.path: summary(RequestPlan(done.checked.path, done.jobs))}, NOTHING)
    text = pages.text(found, applied(done.jobs))
    for part in ("lab/small-8B (default) on tsubame", "node_q", "at most 1:50:00", "points", "max_new_tokens=2048", 'stop_tokens=["Q:"]',
                 "not applied: temperature=0.6, top_p=0.95", "placed: 1 copy on 1 GPU", "or node_f: 4 copies on 1 GPU each; expected ", "2 evals to run"):  # fmt: skip
        assert part in text, part


def test_markdown_of_a_manifest_stays_text() -> None:
    """No HTML, no mention, no table cell and no link comes out of what somebody wrote."""
    hostile = "<img src=x> @everyone | [click](http://x) `code` *b* \\"
    text = f"{SMALL}tasks: [en_own]\noverrides: {{en_own: {{system_message: {hostile!r}}}}}\n"
    done = compiled(text)
    assert done.jobs, done.problems
    found = forecast({done.checked.path: summary(RequestPlan(done.checked.path, done.jobs))}, NOTHING)
    page = pages.markdown(found, applied(done.jobs), [hostile])
    assert not any(part in page for part in ("<img", "@everyone", "[click](", " | \\[", "`code`", " *b*"))
    assert page.count("&lt;img") == 2
