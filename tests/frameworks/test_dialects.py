"""How each framework is called: its own form of task, configuration and options, and what the relay has to add."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from samples import one_job

from evalctl.frameworks import FRAMEWORKS
from evalctl.frameworks.lighteval import MODEL, dump
from evalctl.frameworks.pins import empty_subsets, listed_tasks, subsets, without_questions
from evalctl.model.evaluation import JobTask
from evalctl.resolve.identity import SENT

ALL = (
    "{system_message: 日本語, max_new_tokens: 64, temperature: 0.5, top_p: 0.9, top_k: 20, min_p: 0.1, seed: 7, "
    "repetition_penalty: 1.1, frequency_penalty: 0.2, presence_penalty: 0.3, reasoning_effort: low, "
    'stop_tokens: ["\\n", end], max_n: 4}'
)
SMALL = "model: lab/small-8B\nservice: tsubame\n"


def call(task: str, lines: str = "", model: str = SMALL) -> JobTask:
    """The one task of a job."""
    (found,) = one_job(f"{model}tasks: [{task}]\n{lines}").tasks
    return found


def config(task: JobTask) -> dict[str, Any]:
    """config.yaml as the framework reads it."""
    return dict(yaml.safe_load(task.invocation.config))


def test_upstream_is_called_in_its_form() -> None:
    """lighteval 0.13: `task|0`, generation parameters of its own, the rest for the relay."""
    task = call("en_choice", f"overrides: {{en_choice: {ALL}}}\n")
    assert task.invocation.argv == (
        "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0", "--output-dir", "output", "--save-details",
    )  # fmt: skip
    parameters = config(task)["model_parameters"]
    assert parameters["model_name"] == "hosted_vllm/lab/small-8B"
    assert parameters["system_prompt"] == "日本語"
    assert parameters["max_model_length"] == 32768
    assert parameters["generation_parameters"] == {
        "max_new_tokens": 64, "temperature": 0.5, "top_p": 0.9, "seed": 7, "repetition_penalty": 1.1,
        "frequency_penalty": 0.2, "stop_tokens": ["\n", "end"],
    }  # fmt: skip
    assert task.invocation.relay.as_json() == {
        "add": {"top_k": 20, "min_p": 0.1, "presence_penalty": 0.3, "reasoning_effort": "low"}, "max_n": 4,
        "length_key": "max_completion_tokens",
        "planned": {
            "max_completion_tokens": 64, "temperature": 0.5, "top_p": 0.9, "seed": 7, "repetition_penalty": 1.1, "top_k": 20,
            "frequency_penalty": 0.2, "stop": ["\n", "end"], "min_p": 0.1, "presence_penalty": 0.3, "reasoning_effort": "low",
        },
    }  # fmt: skip


def test_the_fork_is_called_in_its_form() -> None:
    """`swallow|NAME|0|0` with --use-chat-template, the system message as an option, concurrency by variable."""
    task = call("ja_subset", f"concurrency: 9\nrequest_timeout: 99\noverrides: {{ja_subset: {ALL}}}\n")
    assert task.invocation.argv == (
        "lighteval", "endpoint", "litellm", "config.yaml", "swallow|wmt20:en-ja|0|0", "--use-chat-template",
        "--output-dir", "output", "--save-details", "--system-prompt=日本語",
    )  # fmt: skip
    assert dict(task.invocation.variables) == {"LITELLM_CONCURRENT_CALLS": "9", "REQUEST_TIMEOUT": "99"}
    model = config(task)["model"]
    assert model["base_params"] == {"model_name": "hosted_vllm/lab/small-8B"}
    assert set(model["generation"]) == {
        "max_new_tokens", "temperature", "top_p", "seed", "repetition_penalty", "frequency_penalty", "stop_tokens",
        "reasoning_effort",
    }  # fmt: skip
    assert task.invocation.relay.as_json() == {
        "add": {"top_k": 20, "min_p": 0.1, "presence_penalty": 0.3, "reasoning_effort": "low"}, "max_n": 4,
        "length_key": "max_completion_tokens", "request_timeout": 99,
        "planned": {
            "max_completion_tokens": 64, "temperature": 0.5, "top_p": 0.9, "seed": 7, "repetition_penalty": 1.1, "top_k": 20,
            "frequency_penalty": 0.2, "stop": ["\n", "end"], "min_p": 0.1, "presence_penalty": 0.3, "reasoning_effort": "low",
        },
    }  # fmt: skip


@pytest.mark.parametrize("task", ["en_choice", "ja_subset"])
def test_only_the_relay_splits(task: str) -> None:
    """A fork that knows max_n asks for one answer after another: neither dialect's configuration has it."""
    made = call(task, "overrides: {all: {max_n: 4}}\n")
    assert made.invocation.relay.max_n == 4
    assert "max_n" not in f"{made.invocation.config}{made.invocation.argv}{made.invocation.variables}"


@pytest.mark.parametrize("task", ["en_choice", "ja_exact"])
def test_no_setting_is_lost_on_the_way(task: str) -> None:
    """Each setting that is sent with a question is in the configuration, in argv or in the relay's options."""
    made = call(task, f"overrides: {{{task}: {ALL}}}\n")
    text = f"{made.invocation.config}{made.invocation.argv}{made.invocation.relay}"
    theirs = {"system_message": "日本語"}
    missing = [name for name, _ in made.evaluation.generation if theirs.get(name, name) not in text]
    assert missing == []
    assert {name for name, _ in made.evaluation.generation} == SENT


@pytest.mark.parametrize("task", ["en_choice", "ja_exact"])
def test_what_is_not_set_is_not_sent(task: str) -> None:
    """An absent setting is absent everywhere."""
    made = call(task)
    assert made.invocation.relay.as_json() == {
        "add": {},
        "length_key": "max_completion_tokens",
        "planned": {"temperature": 0.0},
    }
    document = config(made)
    inner = document.get("model_parameters", {}).get("generation_parameters") or document["model"]["generation"]
    assert inner == {"temperature": 0.0}


def test_debugging_runs_ask_few_samples() -> None:
    """Both dialects have the option."""
    for task in ("en_choice", "ja_exact"):
        argv = call(task, "max_samples: 3\n").invocation.argv
        assert argv[argv.index("--max-samples") + 1] == "3"
        assert "--max-samples" not in call(task).invocation.argv


def test_only_the_fork_gets_its_own_reasoning_parser() -> None:
    """vLLM's parsers stay with vLLM."""
    text = "overrides: {all: {reasoning_parser: deepseek_r1_markup}}\n"
    assert config(call("ja_exact", text))["model"]["base_params"]["reasoning_parser"] == "deepseek_r1_markup"
    theirs = call("ja_exact", text.replace("deepseek_r1_markup", "qwen3"))
    assert "reasoning_parser" not in config(theirs)["model"]["base_params"]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("model: openai/o3\nprovider: openai\n", "openai/o3"),
        ("model: org/m\nprovider: deepinfra\n", "deepinfra/org/m"),
        ("model: gemini-9\nprovider: gemini\n", "hosted_vllm/gemini-9"),
        ("model: claude-9\nprovider: anthropic\n", "hosted_vllm/claude-9"),
        ("model: openai/m\nprovider: deepinfra\n", "deepinfra/openai/m"),
    ],
)
def test_providers_are_named_as_litellm_names_them(model: str, name: str) -> None:
    """In both dialects."""
    lines = f"{model}service: tsubame\n"
    assert config(call("en_choice", model=lines))["model_parameters"]["model_name"] == name
    assert config(call("ja_exact", model=lines))["model"]["base_params"]["model_name"] == name
    assert "max_model_length" not in config(call("en_choice", model=lines))["model_parameters"]


def test_a_declared_provider_is_called_as_any_openai_compatible_one() -> None:
    """Its address and the name of its key go to the relay; the key's name follows from the file's, or there is none."""
    files = {
        "manifests/providers/our-endpoint.yaml": "base_url: https://llm.example.jp/v1\n",
        "manifests/providers/next_room.yaml": "base_url: http://localhost:8000/v1\nkey: false\n",
    }
    ours = one_job("model: org/m\nprovider: our-endpoint\nservice: tsubame\ntasks: [en_choice]\n", files)
    assert config(ours.tasks[0])["model_parameters"]["model_name"] == "hosted_vllm/org/m"
    assert (ours.server.base_url, ours.server.key_variable) == ("https://llm.example.jp/v1", "OUR_ENDPOINT_API_KEY")
    assert ours.secrets == ("OUR_ENDPOINT_API_KEY",)
    assert ours.tasks[0].evaluation.result_path == "results/our-endpoint/org/m/en/choice/result.json"
    near = one_job("model: org/m\nprovider: next_room\nservice: tsubame\ntasks: [ja_exact]\n", files)
    assert (near.server.base_url, near.server.key_variable, near.secrets) == ("http://localhost:8000/v1", "", ())


def test_only_a_judged_task_gets_the_judges_key() -> None:
    """By name; the value stays in .env."""
    assert call("ja_judged").invocation.secrets == ("OPENAI_API_KEY",)
    assert call("ja_exact").invocation.secrets == ()


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_versions_are_pinned(name: str) -> None:
    """A version is part of every eval's identity, so there is always one."""
    assert FRAMEWORKS[name].version()[0].isdigit()
    assert name == FRAMEWORKS[name].ENVIRONMENT


def test_own_tasks_are_known_by_their_questions() -> None:
    """A task that this project ships has a digest and is loaded from its package; others have none."""
    upstream = FRAMEWORKS["lighteval"]
    assert len(upstream.task_digest("demo_arithmetic")) == 16
    assert upstream.task_digest("gsm8k") == upstream.task_digest("demo") == ""
    assert FRAMEWORKS["lighteval-swallow"].task_digest("jemhopqa") == ""


def test_configurations_are_not_mixed_up_by_the_cache() -> None:
    """Documents that differ in type, order or depth give texts of their own; the same one gives the same text."""
    documents: list[dict[str, Any]] = [
        {"a": 0}, {"a": 0.0}, {"a": "0"}, {"a": False}, {"a": None}, {"a": [0]}, {"a": {"b": 1, "c": 2}},
        {"a": {"c": 2, "b": 1}}, {"a": "日本語"}, {"a": "\u2028\x85\ufeff😀"},
    ]  # fmt: skip
    texts = [dump(document, "x/y") for document in documents]
    assert len(set(texts)) == len(texts)
    assert [dump(document, "x/y") for document in documents] == texts
    assert [yaml.safe_load(text) for text in texts] == documents


@pytest.mark.parametrize("model", ["lab/1e3", "openai/null", "hosted_vllm/0x1F", "a/b-c_d.e+f"])
def test_a_models_name_is_put_in_as_text(model: str) -> None:
    """Whatever it looks like; a text that happens to be the placeholder stays."""
    document = {"model_name": MODEL, "system_prompt": MODEL}
    assert yaml.safe_load(dump(document, model)) == {"model_name": model, "system_prompt": MODEL}


@pytest.mark.parametrize(
    ("provider", "model", "key"),
    [("vllm", "lab/small-8B", "max_completion_tokens"), ("openai", "openai/gpt", "max_completion_tokens"),
     ("deepinfra", "lab/m", "max_tokens"), ("gemini", "m", "max_tokens"), ("anthropic", "m", "max_tokens"),
     ("ours", "m", "max_tokens"), ("other", "m", "both")],
)  # fmt: skip
@pytest.mark.parametrize("task", ["en_choice", "ja_exact"])
def test_the_longest_answer_is_named_as_the_provider_takes_it(provider: str, model: str, key: str, task: str) -> None:
    """One name, in both dialects; a provider's file may say another one, or both."""
    files = {
        "manifests/providers/ours.yaml": "base_url: https://llm.example.jp/v1\n",
        "manifests/providers/other.yaml": "base_url: https://llm.example.jp/v2\nlength_key: both\n",
    }
    job = one_job(f"model: {model}\nprovider: {provider}\nservice: local\ntasks: [{task}]\n", files)
    assert job.tasks[0].invocation.relay.length_key == key


@pytest.mark.parametrize(
    ("framework", "script", "parts"),
    [
        ("lighteval", "gsm8k", 1), ("lighteval", "mmlu", 57), ("lighteval", "mmlu:anatomy", 1), ("lighteval", "bbq", 12),
        ("lighteval", "bbq:Age", 1), ("lighteval", "demo_subjects", 2), ("lighteval", "demo_arithmetic", 1), ("lighteval", "nothing", 0),
        ("lighteval-swallow", "swallow_jmmlu", 53), ("lighteval-swallow", "mmlu_english", 57), ("lighteval-swallow", "math_500", 1),
        ("lighteval-swallow", "gpqa:diamond", 1), ("lighteval-swallow", "demo_code", 1), ("lighteval-swallow", "mmlu", 0),
    ],
)  # fmt: skip
def test_how_many_parts_a_task_has_is_known_from_the_frameworks_list(framework: str, script: str, parts: int) -> None:
    """A name that several tasks have before their colon is all of them; of the demo's tasks each file of questions is one."""
    assert subsets(framework, script) == parts


def test_the_job_is_told_how_many_parts_a_task_has() -> None:
    """Its acceptance compares."""
    assert (call("en_choice").invocation.subsets, call("ja_subset").invocation.subsets) == (1, 1)


def test_a_subset_without_questions_is_named_in_a_list() -> None:
    """A line each, with the reason behind it; only those of the task count, and each name is one of the framework's list."""
    text = "# why\n\na:b the split has no rows at abc123\na:c\nab:d\n"
    assert (without_questions(text, "a"), without_questions(text, "ab"), without_questions(text, "b")) == (
        ("a:b", "a:c"),
        ("ab:d",),
        (),
    )
    for framework in ("lighteval", "lighteval-swallow"):
        scripts = {name.partition(":")[0] for name in listed_tasks(framework)}
        named = [name for script in scripts for name in empty_subsets(framework, script)]
        assert {*named} <= {*listed_tasks(framework)} and len({*named}) == len(named)
