"""Evals to jobs: packing, order, walltime, names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import base_texts, compiled, one_job

from evalctl.check.schema import validated
from evalctl.load import yaml_source
from evalctl.model.evaluation import Job
from evalctl.model.service import NodeKind, Service
from evalctl.plan.applied import applied
from evalctl.plan.jobs import LONGEST_STEM, job_name, stem

SMALL = "model: lab/small-8B\nservice: tsubame\n"


def keys(job: Job) -> list[str]:
    """The job's task keys in their order."""
    return [task.evaluation.task.key for task in job.tasks]


def test_evals_of_one_server_share_one_job() -> None:
    """A model is loaded once; long tasks come first, equals by name."""
    job = one_job(f"{SMALL}tasks: [all]\n")
    assert keys(job) == ["ja_judged", "en_choice", "en_code", "ja_exact", "ja_subset", "en_own"]


def test_another_server_is_another_job() -> None:
    """A setting that vLLM is started with keeps evals apart; one that is only sent does not."""
    text = f"{SMALL}tasks: [ja_exact, ja_subset, en_own]\noverrides: {{ja_exact: {{max_model_length: 1024}}, en_own: {{seed: 1}}}}\n"
    assert sorted(keys(job) for job in compiled(text).jobs) == [["ja_exact"], ["ja_subset", "en_own"]]


def test_models_and_settings_have_jobs_of_their_own() -> None:
    """Results of two settings never share a job, even where the server is the same."""
    text = "models: [lab/small-8B, {path: /gs/x, name: lab/local-1B}]\ncustom_settings: [null, greedy]\nservice: tsubame\ntasks: [en]\n"
    jobs = compiled(text).jobs
    assert len(jobs) == len({job.name for job in jobs}) == 4


def test_per_task_is_one_job_for_each() -> None:
    """The manual's way."""
    jobs = compiled(f"{SMALL}packing: per_task\ntasks: [ja]\n").jobs
    assert [keys(job) for job in jobs] == [["ja_judged"], ["ja_exact"], ["ja_subset"]]


@pytest.mark.parametrize(("count", "sizes"), [(1, [6]), (2, [3, 3])])
def test_parallel_splits_evenly(count: int, sizes: list[int]) -> None:
    """Into N jobs of near sizes, long and short mixed, never an empty one."""
    jobs = compiled(f"{SMALL}packing: {{parallel: {count}}}\ntasks: [all]\n").jobs
    assert sorted((len(job.tasks) for job in jobs), reverse=True) == sizes
    assert sorted(key for job in jobs for key in keys(job)) == sorted(keys(one_job(f"{SMALL}tasks: [all]\n")))


# ---- walltime ---------------------------------------------------------------------------------------------------


def test_the_walltime_is_the_sum_rounded_up() -> None:
    """Start allowance and loading + the CSV's times + what is kept for saving, in steps of ten minutes."""
    job = one_job(f"{SMALL}tasks: [ja_exact]\n")
    # 15 min and 16 s for 16 GB of weights, 30 min, 2 min: 47:16
    assert (job.start_seconds, job.batch.walltime_seconds, job.batch.drain_seconds) == (916, 50 * 60, 120)


def test_the_column_is_the_node_kinds() -> None:
    """hrt_q on one GPU, hrt_f on the full node."""
    (quarter,), (full,) = (
        compiled(f"{SMALL}node_kind: {kind}\ntasks: [ja_exact]\n").jobs for kind in ("node_q", "node_f")
    )
    assert (quarter.tasks[0].seconds, full.tasks[0].seconds) == (1800, 7200)


def test_what_is_too_long_for_one_job_is_split() -> None:
    """Slurm's three hours here are too few even for tasks at once; no job is longer, and no task is missing."""
    jobs = compiled("model: lab/small-8B\nservice: slurm\ntasks: [all]\n").jobs
    assert [keys(job) for job in jobs] == [["ja_judged", "en_choice", "ja_exact"], ["en_code", "ja_subset", "en_own"]]
    assert all(job.batch.walltime_seconds <= 3 * 3600 for job in jobs)


def test_a_sum_a_little_over_the_limit_is_one_job() -> None:
    """Tasks that share a server need less than their sum: 3:20 of them fit into three hours, and the model loads once."""
    job = one_job("model: lab/small-8B\nservice: slurm\ntasks: [ja_exact, ja_judged, en_own, ja_subset]\n")
    assert sum(task.seconds for task in job.tasks) > 3 * 3600
    assert job.batch.walltime_seconds == 3 * 3600


def test_tasks_one_after_the_other_need_their_sum() -> None:
    """Where a service runs one task at a time, nothing is saved."""
    one = {"manifests/services/slurm.yaml": base_texts()["manifests/services/slurm.yaml"] + "parallel_tasks: 1\n"}
    text = "model: lab/small-8B\nservice: slurm\ntasks: [ja_exact, ja_judged, en_own, ja_subset]\n"
    assert len(compiled(text, one).jobs) == 2


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_walltimes_are_read_in_full(hours: int, minutes: int, seconds: int) -> None:
    """Hours beyond 24 too."""
    kind = NodeKind(gpus=1, runtime_column="hrt_q", max_walltime=f"{hours}:{minutes:02d}:{seconds:02d}")
    service = Service(scheduler="slurm", node_kinds={"kind": kind})
    assert service.longest_seconds(kind) == hours * 3600 + minutes * 60 + seconds


# ---- names ------------------------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=300), st.text("/abc", max_size=20))
def test_every_scheduler_accepts_a_name(name: str, folder: str) -> None:
    """A letter first; letters, digits and dashes; with the repository's mark and an attempt within 64 characters."""
    made = job_name(f"manifests/requests/{folder}/{name}.yaml", ())
    assert re.fullmatch(r"ev-[a-z0-9]([a-z0-9-]*[a-z0-9])?-[0-9a-f]{8}", made)
    assert len(made.replace("ev-", "ev-1a2b-", 1) + "-a999") <= 64


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("manifests/requests/8b_test.yaml", "8b-test"), ("manifests/requests/a/B c.yaml", "b-c"),
        ("manifests/requests/評価.yaml", "request"), ("manifests/requests/v1.5--x.yaml", "v1-5-x"),
        (f"manifests/requests/{'x' * 99}.yaml", "x" * LONGEST_STEM),
    ],
)  # fmt: skip
def test_a_stem_comes_from_the_file_name(path: str, expected: str) -> None:
    """So that a person finds the job in the queue."""
    assert stem(path) == expected


def test_a_name_stands_for_its_evals() -> None:
    """Node kind and time do not change it, another eval or another request does."""
    base = one_job(f"{SMALL}tasks: [ja_exact]\n").name
    assert base == one_job(f"{SMALL}node_kind: gpu_1\nretries: 0\ntasks: [ja_exact]\n").name
    assert base != one_job(f"{SMALL}tasks: [ja_subset]\n").name
    other = compiled(f"{SMALL}tasks: [ja_exact]\n", path="manifests/requests/other.yaml").jobs[0]
    assert base != other.name


# ---- what else a job carries ------------------------------------------------------------------------------------


def test_secrets_are_names_of_those_who_need_them() -> None:
    """The provider's key for the job, a judge's for the task alone."""
    judged = one_job(f"{SMALL}tasks: [ja_judged, ja_exact]\n")
    assert judged.secrets == ("OPENAI_API_KEY",)
    assert [task.invocation.secrets for task in judged.tasks] == [("OPENAI_API_KEY",), ()]
    assert one_job("model: org/m\nprovider: deepinfra\nservice: abci\ntasks: [en_own]\n").secrets == (
        "DEEPINFRA_API_KEY",
    )
    assert one_job(f"{SMALL}tasks: [ja_exact]\n").secrets == ()


def test_a_checkpoint_is_served_from_its_path() -> None:
    """The server gets the path, the results the name, and there is no revision to ask for."""
    job = one_job("model: {path: /gs/x, name: lab/local-1B}\nservice: tsubame\ntasks: [en_own]\n")
    assert (job.server.argv[2], job.server.served_name) == ("/gs/x", "lab/local-1B")
    assert "--revision" not in job.server.argv


def test_priority_is_the_requests_else_the_services() -> None:
    """And none where the service has none."""
    assert one_job(f"{SMALL}tasks: [en_own]\n").batch.priority == -5
    assert one_job(f"{SMALL}priority: -3\ntasks: [en_own]\n").batch.priority == -3
    assert one_job("model: lab/small-8B\nservice: abci\ntasks: [en_own]\n").batch.priority is None


def test_the_server_is_started_as_the_settings_say() -> None:
    """Parser of vLLM, remote code, eager mode and variables each appear where they were asked for, and only there."""
    plain = one_job(f"{SMALL}tasks: [en_own]\n").server
    assert not {"--reasoning-parser", "--trust-remote-code", "--enforce-eager", "--chat-template"} & set(plain.argv)
    loud = one_job(
        f"{SMALL}tasks: [en_own]\noverrides: {{all: {{reasoning_parser: qwen3, trust_remote_code: true, generation_config: vllm, vllm_use_v1: 1}}}}\n"
    ).server
    assert loud.argv[loud.argv.index("--reasoning-parser") + 1] == "qwen3"
    assert loud.argv[loud.argv.index("--generation-config") + 1] == "vllm"
    assert "--trust-remote-code" in loud.argv
    assert loud.variables == (("VLLM_USE_V1", "1"),)
    cpu = one_job("model: lab/small-8B\nservice: local\nnode_kind: cpu_vllm\ntasks: [en_own]\n").server
    assert "--enforce-eager" in cpu.argv
    assert "--tensor-parallel-size" not in cpu.argv
    assert cpu.environment.startswith("vllm-cpu-")


def test_switches_of_the_chat_template_are_one_json_word() -> None:
    """In the order of their names, whatever order they were written in; replaced as a whole by a higher layer."""
    switches = "{thinking: true, mode: 深い 'x', depth: 2}"
    text = f"{SMALL}tasks: [en_own, ja_exact]\noverrides:\n  all: {{chat_template_kwargs: {switches}}}\n"
    argv = one_job(text).server.argv
    assert (
        argv[argv.index("--default-chat-template-kwargs") + 1] == '{"depth": 2, "mode": "深い \'x\'", "thinking": true}'
    )
    assert "--default-chat-template-kwargs" not in one_job(f"{SMALL}tasks: [en_own]\n").server.argv


@pytest.mark.parametrize("parser", ["ignore", "deepseek_r1_markup"])
def test_vllm_does_not_get_a_parser_that_is_not_its_own(parser: str) -> None:
    """`ignore` goes nowhere, the framework's own to the framework."""
    job = one_job(f"{SMALL}tasks: [ja_exact]\noverrides: {{all: {{reasoning_parser: {parser}}}}}\n")
    assert "--reasoning-parser" not in job.server.argv
    assert ("deepseek_r1_markup" in job.tasks[0].invocation.config) is (parser == "deepseek_r1_markup")


def test_options_of_the_engine_reach_the_server() -> None:
    """Each by its own option; how many answers it generates at once is no part of the identity, and a server of its own."""
    said = "kv_cache_dtype: fp8, quantization: fp8, speculative_config: {method: ngram, num_speculative_tokens: 4}"
    job = one_job(f"{SMALL}tasks: [en_own]\noverrides: {{all: {{{said}, max_num_seqs: 64}}}}\n")
    argv = job.server.argv
    found = {name: argv[argv.index(name) + 1] for name in ("--kv-cache-dtype", "--quantization", "--max-num-seqs")}
    assert found == {"--kv-cache-dtype": "fp8", "--quantization": "fp8", "--max-num-seqs": "64"}
    assert argv[argv.index("--speculative-config") + 1] == '{"method": "ngram", "num_speculative_tokens": 4}'
    ((_, shown),) = applied([job]).items()
    assert 'speculative_config={"method": "ngram", "num_speculative_to…' in shown.common
    fewer = one_job(f"{SMALL}tasks: [en_own]\noverrides: {{all: {{{said}, max_num_seqs: 8}}}}\n")
    assert fewer.tasks[0].evaluation.digest == job.tasks[0].evaluation.digest
    two = compiled(f"{SMALL}tasks: [en_own, ja_exact]\noverrides: {{en_own: {{max_num_seqs: 8}}}}\n")
    assert len(two.jobs) == 2


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{method: eagle3, num_speculative_tokens: 4}", "missing-key"),
        ("{method: ngram, num_speculative_tokens: 4, model: /etc}", "forbidden-text"),
        ("{method: ngram, num_speculative_tokens: 4, model: a/b}", "exclusive-keys"),
        ("{method: draft_model, num_speculative_tokens: 4, model: a/b, revision: main}", "forbidden-text"),
        ("{method: ngram, num_speculative_tokens: 4, prompt_lookup_max: 2, prompt_lookup_min: 3}", "out-of-range"),
        ("{method: mtp, num_speculative_tokens: 4, prompt_lookup_max: 2}", "exclusive-keys"),
        ("{method: ngram}", "missing-key"),
        ("{method: custom_class, num_speculative_tokens: 4}", "wrong-type"),
        ("{method: ngram, num_speculative_tokens: 4, hf_overrides: {}}", "unknown-key"),
    ],
)
def test_speculation_is_a_closed_list(said: str, code: str) -> None:
    """A draft model is named with its commit; nothing that vLLM would import or open can be written."""
    text = f"{SMALL}tasks: [en_own]\noverrides: {{all: {{speculative_config: {said}}}}}\n"
    document, _ = yaml_source.parse(text, "r.yaml")
    assert document is not None
    assert {problem.code for problem in validated("request", document)[1]} == {code}


def test_a_node_kind_without_a_gpu_is_not_placed_among_gpus() -> None:
    """The plan said `1 copy on 1 GPU` and `0 GPU-hours` of a server on the CPU."""
    job = one_job("model: lab/small-8B\nservice: local\nnode_kind: cpu_vllm\ntasks: [en_own]\n")
    assert job.server.argv and job.kinds == ()
