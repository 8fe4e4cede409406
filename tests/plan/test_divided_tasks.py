"""Tasks that several jobs answer: how they are divided, what scores them, and that their identity is that of the whole."""

from __future__ import annotations

from itertools import chain

import pytest
from samples import base_texts, compiled, one_job

from evalctl.model.evaluation import Job, JobTask, RequestPlan
from evalctl.model.plan_file import of_json
from evalctl.plan.summary import summary

SMALL = "model: lab/small-8B\nservice: tsubame\n"
TABLE = "manifests/tasks/tasks_runtime.csv"
HEAD = "key,script,result_dir,framework,hrt_q\n"
SCRIPTS = ("jemhopqa_cot", "wmt20:en-ja", "humaneval")


def times(**tasks: str) -> dict[str, str]:
    """A site of one kind of node that ends jobs after 24 hours, and tasks with these times."""
    rows = "".join(
        f"{key},{script},ja/{key},lighteval-swallow,{time}\n"
        for script, (key, time) in zip(SCRIPTS, tasks.items(), strict=False)
    )
    kinds = "{gpu: {gpus: 1, runtime_column: hrt_q}, cpu: {gpus: 0, runtime_column: hrt_q, directives: [-p cpu]}}"
    service = f"scheduler: slurm\nnode_kinds: {kinds}\nsmall_model: gpu\napi: cpu\n"
    found = {f"manifests/services/{name}.yaml": service for name in ("abci", "slurm", "local", "tsubame")}
    return {**found, TABLE: HEAD + rows, "manifests/tasks/suites.yaml": f"ja: [{', '.join(tasks)}]\n"}


def planned(request: str, **tasks: str) -> tuple[Job, ...]:
    """The jobs for all these tasks."""
    return compiled(f"{SMALL}{request}tasks: [ja]\n", times(**tasks)).jobs


def tasks_of(jobs: tuple[Job, ...]) -> list[JobTask]:
    """Of all jobs."""
    return list(chain.from_iterable(job.tasks for job in jobs))


def keys(job: Job) -> list[str]:
    """The names of what a job does."""
    return [task.key for task in job.tasks]


# ---- what is divided -----------------------------------------------------------------------------------------------------


def test_a_task_that_fits_no_job_is_divided_without_being_asked() -> None:
    """Into the fewest equal parts that do, one for each job; a job of its own scores them."""
    jobs = planned("", long="30:00:00")
    assert [keys(job) for job in jobs] == [["long.1-of-2"], ["long.2-of-2"], ["long"]]
    assert [task.seconds for task in tasks_of(jobs)] == [15 * 3600, 15 * 3600, 30 * 3600]
    assert all(job.batch.walltime_seconds <= 24 * 3600 for job in jobs)


def test_the_time_to_start_counts() -> None:
    """Twenty-four hours are too many where the server has to be started, too."""
    assert [keys(job) for job in planned("", long="24:00:00")] == [["long.1-of-2"], ["long.2-of-2"], ["long"]]


def test_a_task_that_fits_is_not_divided() -> None:
    """However many others there are."""
    assert all(not task.shards for task in tasks_of(planned("", a="20:00:00", b="20:00:00", c="1:00:00")))


@pytest.mark.parametrize("packing", ["", "packing: per_task\n", "packing: {parallel: 2}\n", "packing: {parallel: 5}\n"])
def test_no_job_has_two_shards_of_one_task(packing: str) -> None:
    """They would only wait for each other, whatever room the job has."""
    jobs = planned(packing, long="30:00:00", longer="70:00:00", short="0:30:00")
    for job in jobs:
        names = [task.evaluation.task.key for task in job.tasks]
        assert len(names) == len({*names})


def test_parallel_divides_what_is_longer_than_a_jobs_share() -> None:
    """Ten hours and two of one hour over four jobs: three hours each, so the long one is four parts."""
    jobs = planned("packing: {parallel: 4}\n", long="10:00:00", a="1:00:00", b="1:00:00")
    asking, merging = jobs[:4], jobs[4:]
    assert [keys(job) for job in merging] == [["long"]]
    assert sorted(key for job in asking for key in keys(job)) == ["a", "b", *(f"long.{n}-of-4" for n in (1, 2, 3, 4))]
    busy = sorted(sum(task.seconds for task in job.tasks) for job in asking)
    assert busy == [9000, 9000, 12600, 12600]


def test_one_task_over_n_jobs() -> None:
    """N shards and a merge."""
    jobs = planned("packing: {parallel: 3}\n", only="3:00:00")
    assert [keys(job) for job in jobs] == [["only.1-of-3"], ["only.2-of-3"], ["only.3-of-3"], ["only"]]


def test_where_questions_may_stay_without_an_answer_nothing_is_divided() -> None:
    """No other job could know which; a task that fits no job is then refused."""
    jobs = planned("packing: {parallel: 3}\nunanswered: 1\n", only="3:00:00")
    assert [keys(job) for job in jobs] == [["only"]] and not jobs[0].tasks[0].shards
    assert compiled(f"{SMALL}unanswered: 1\ntasks: [ja]\n", times(long="30:00:00")).codes() == ["walltime-beyond-limit"]


# ---- identity ------------------------------------------------------------------------------------------------------------


def test_a_shard_has_the_digest_and_the_place_of_its_eval() -> None:
    """How an eval is divided changes nothing of its identity."""
    (whole,) = tasks_of(planned("", only="3:00:00"))
    for task in tasks_of(planned("packing: {parallel: 3}\n", only="3:00:00")):
        assert (task.evaluation.digest, task.evaluation.result_path) == (
            whole.evaluation.digest,
            whole.evaluation.result_path,
        )
        assert task.invocation.argv == whole.invocation.argv and task.invocation.config == whole.invocation.config


def test_each_job_of_a_divided_task_has_a_name_of_its_own() -> None:
    """And another one when it is divided otherwise: its attempts are counted anew."""
    names = [job.name for count in (1, 2, 3) for job in planned(f"packing: {{parallel: {count}}}\n", only="3:00:00")]
    assert len(names) == len({*names}) == 1 + 3 + 4


def test_plan_json_says_which_shard_and_counts_each_eval_once() -> None:
    """Nothing is written of an eval that is not divided."""
    jobs = planned("packing: {parallel: 2}\n", long="4:00:00", short="0:10:00")
    plan = summary(RequestPlan("manifests/requests/sample.yaml", jobs))
    lines = [task for job in plan.as_json()["jobs"] for task in job["tasks"]]
    assert [(one["task"], one.get("shard"), one.get("shards")) for one in lines] == [
        ("long", 1, 2), ("short", None, None), ("long", 2, 2), ("long", None, 2),
    ]  # fmt: skip
    assert of_json(plan.as_json()) == plan
    assert sorted(task.task for task in plan.tasks) == ["long", "short"]


# ---- what scores ---------------------------------------------------------------------------------------------------------


def test_a_merge_needs_no_gpu_no_server_and_no_key_of_one() -> None:
    """It runs where the service asks models of others; the answers are found by the server that gave them."""
    shard, _, merge = planned("", long="30:00:00")
    assert (merge.node_kind, merge.batch.gpus, merge.batch.directives) == ("cpu", 0, ("-p cpu",))
    assert merge.server.argv == () and merge.server.key_variable == "" and merge.server.gpus == 0
    assert merge.server.environment == shard.server.environment != ""
    assert merge.weights is None and merge.checkpoint is None


def test_without_a_kind_for_that_it_runs_where_its_shards_run() -> None:
    """A site may have one kind of node only."""
    files = {path: text.replace("api: cpu\n", "") for path, text in times(long="30:00:00").items()}
    jobs = compiled(f"{SMALL}tasks: [ja]\n", files).jobs
    assert [job.node_kind for job in jobs] == ["gpu"] * 3
    assert jobs[-1].server.argv == ()


def test_a_providers_questions_are_divided_too() -> None:
    """The merge asks nobody, so it needs no key; a judge's key it does."""
    jobs = compiled(
        "model: openai/gpt-5\nprovider: openai\nservice: tsubame\npacking: {parallel: 2}\ntasks: [ja]\n",
        times(only="3:00:00"),
    ).jobs
    assert [job.secrets for job in jobs] == [("OPENAI_API_KEY",), ("OPENAI_API_KEY",), ()]
    assert {job.server.base_url for job in jobs} == {jobs[0].server.base_url} != {""}
    judged = times(only="3:00:00")
    judged[TABLE] = judged[TABLE].replace("jemhopqa_cot", "japanese_mt_bench")
    assert compiled(f"{SMALL}packing: {{parallel: 2}}\ntasks: [ja]\n", judged).jobs[-1].secrets == ("OPENAI_API_KEY",)


def test_the_base_has_no_divided_task() -> None:
    """Whoever asks for nothing gets the scripts of before."""
    assert all(not task.shards for task in one_job(f"{SMALL}tasks: [all]\n").tasks)
    assert TABLE in base_texts()
