"""Did you mean …? for every kind of name that a person types."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec.literate import EXAMPLE, repository

from evalctl.pipeline.project import Project
from evalctl.suggest import did_you_mean, listed, plural

MODEL = "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"
RIGHT = {"model": MODEL, "service": "tsubame", "tasks": "[ja_mmlu]"}

MISSPELT = [
    ({"servic": "tsubame"}, "unknown-key", "service"),
    ({"tasks": "[ja_mmul]"}, "unknown-task", "ja_mmlu"),
    ({"tasks": "[swallow_ja]"}, "unknown-task", "swallow-ja"),
    ({"tasks": "[swallow, -ja_mtbensh]"}, "unknown-task", "ja_mtbench"),
    ({"service": "tsubane"}, "unknown-service", "tsubame"),
    ({"node_kind": "node_Q"}, "unknown-node-kind", "node_q"),
    ({"node_kind": "node-f"}, "unknown-node-kind", "node_f"),
    ({"provider": "vlm"}, "unknown-provider", "vllm"),
    ({"provider": "OpenAI"}, "unknown-provider", "openai"),
    ({"custom_settings": "defualt"}, "unknown-custom-settings", "default"),
    ({"custom_settings": "reasoning_common_qwen"}, "unknown-custom-settings", "reasoning_common_qwen3"),
    ({"overrides": "{ja_mmul: {seed: 1}}"}, "unknown-task", "ja_mmlu"),
    ({"overrides": "{ja_mmlu: {temprature: 1}}"}, "unknown-key", "temperature"),
    ({"overrides": "{ja_mmlu: {reasoning_parser: qwen_3}}"}, "unknown-parser", "qwen3"),
    ({"overrides": "{ja_mmlu: {chat_template: tulu}}"}, "unknown-chat-template", "tulu3"),
    ({"packing": "shard"}, "wrong-type", "shared"),
    ({"push_to_hub": "{ogr: x}"}, "unknown-key", "org"),
    ({"MAX_TOKENS": "1"}, "unknown-key", None),
]


@pytest.mark.parametrize(("change", "code", "guess"), MISSPELT, ids=lambda value: str(value)[:40])
def test_a_misspelt_name_in_a_request(change: dict[str, str], code: str, guess: str | None, tmp_path: Path) -> None:
    """The help names what was meant; where nothing is near, it lists what there is."""
    text = "".join(f"{key}: {value}\n" for key, value in {**RIGHT, **change}.items())
    if "servic" in change:
        text = text.replace("service: tsubame\n", "")
    files = {EXAMPLE: text.encode(), "manifests/models/chat_templates/tulu3.jinja": b"{{ x }}"}
    found = [one for one in Project(repository(tmp_path, files)).check()[1] if one.code == code]
    assert found
    if guess is None:
        assert "did you mean" not in found[0].help and "max_samples" in found[0].help
    else:
        assert found[0].help == f"did you mean `{guess}`?"


@pytest.mark.parametrize(
    ("path", "text", "code", "guess"),
    [
        ("manifests/services/x.yaml", "scheduler: slrum\nnode_kinds: {}\n", "wrong-type", "slurm"),
        ("manifests/services/x.yaml", "scheduler: slurm\nnode_kind: {}\n", "unknown-key", "node_kinds"),
        ("manifests/services/x.yaml", "scheduler: slurm\nnode_kinds: {a1: {gpus: 1, runtime_column: hrtq}}\n", "unknown-runtime-column", "hrt_q"),
        ("manifests/services/x.yaml", "scheduler: slurm\nnode_kinds: {gpu_1: {gpus: 1, runtime_column: hrt_q}}\napi: gpu1\n", "unknown-node-kind", "gpu_1"),
        ("manifests/models/x.yaml", "default: {versoin: '1'}\n", "unknown-key", "version"),
        ("manifests/models/x.yaml", "default: {generation_config: vlm, version: '1'}\n", "wrong-type", "vllm"),
        ("manifests/tasks/metrics.yaml", "entries: [{name: a, function: pik, metrics: [a], tasks: [b]}]\n", "wrong-type", "pick"),
        ("manifests/tasks/suites.yaml", "mine: [ja_mmul]\n", "unknown-task", "ja_mmlu"),
        ("manifests/task/suites.yaml", "mine: [ja_mmlu]\n", "unread-file", "manifests/tasks"),
        ("manifests/tasks/task_setting.csv", "key\n", "unread-file", "manifests/tasks/task_settings.csv"),
    ],
)  # fmt: skip
def test_a_misspelt_name_elsewhere(path: str, text: str, code: str, guess: str, tmp_path: Path) -> None:
    """Services, settings, metrics, suites, folders and files."""
    found = [one for one in Project(repository(tmp_path, {path: text.encode()})).check()[1] if one.code == code]
    assert [one.help for one in found] == [f"did you mean `{guess}`?"]


@pytest.mark.parametrize(
    ("change", "help"),
    [
        ({"model": f"https://huggingface.co/{MODEL}/tree/main"}, f"write `{MODEL}`"),
        ({"model": "deepinfra/meta-llama/Llama-4"}, "write `meta-llama/Llama-4`, and `provider: deepinfra` on a line of its own"),
        ({"tasks": "[ja_mmlu、ja_gpqa]"}, "`、` is full-width: separate the items of a list by `, `"),
        (
            {"reason": "a\n<<<<<<< HEAD\npriority: -5\n=======\npriority: -4\n>>>>>>> theirs"},
            "this is an unresolved merge conflict of git: keep one side, and delete the lines with <<<<<<<, ======= and >>>>>>>",
        ),
        ({"requested_by:\u3000me\npriority": "-5"}, "the space after the colon is full-width: write `: `"),
    ],
)  # fmt: skip
def test_what_people_copy_is_understood(change: dict[str, str], help: str, tmp_path: Path) -> None:
    """An address for a name, litellm's name for a model, the punctuation of a Japanese keyboard, what a merge left."""
    text = "".join(f"{key}: {value}\n" for key, value in {**RIGHT, **change}.items())
    found = Project(repository(tmp_path, {EXAMPLE: text.encode()})).check()[1]
    assert help in [one.help for one in found]


@pytest.mark.parametrize(
    "address", ["https://llm.example.jp/v1/", "llm.example.jp/v1", "https://me:pw@llm.example.jp/v1"]
)
def test_a_providers_address_is_corrected_in_words(address: str, tmp_path: Path) -> None:
    """Not in a pattern."""
    files = {"manifests/providers/house.yaml": f"base_url: {address}\n".encode()}
    (found,) = Project(repository(tmp_path, files)).check()[1]
    assert "e.g. https://llm.example.jp/v1: no / at the end" in found.help


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({"push_to_hub": "{org: team}"}, True),
        ({"push_to_hub": "{org: our--team}"}, False),
        ({"push_to_hub": "{org: team-}"}, False),
        ({"push_to_hub": "{org: team}", "model": f"{{path: /x, name: lab/{'step-1000-' * 8}x}}"}, False),
    ],
)
def test_a_dataset_that_the_hub_would_refuse_is_told_before_anything_runs(
    change: dict[str, str], right: bool, tmp_path: Path
) -> None:
    """Its name follows from organisation and model, and only the upload after all the hours would show it."""
    text = "".join(f"{key}: {value}\n" for key, value in {**RIGHT, **change}.items())
    found = Project(repository(tmp_path, {EXAMPLE: text.encode()})).check()[1]
    assert ([one.message for one in found if "a data set on the Hub cannot be named" in one.message] == []) is right


SETTINGS = f"manifests/models/{MODEL}.yaml"
SUITES, COMMON = "manifests/tasks/suites.yaml", "manifests/models/common_settings.yaml"
TABLE = "manifests/tasks/task_settings.csv"


@pytest.mark.parametrize(
    ("path", "text", "change", "code"),
    [
        (SETTINGS, b"mine: {max_new_tokens: lots, version: '1'}\n", {"custom_settings": "mine"}, "unknown-custom-settings"),
        (SETTINGS, b"mine: {version: '1'} # \xff\n", {"custom_settings": "mine"}, "unknown-custom-settings"),
        (COMMON, b"mine: {version: []}\n", {"custom_settings": "mine"}, "unknown-custom-settings"),
        (SUITES, b"mine: [ja_mmlu\n", {"tasks": "[mine]"}, "unknown-task"),
        (SUITES, b"mine: 1\n", {"overrides": "{mine: {seed: 1}}"}, "unknown-task"),
        (TABLE, b"", {"tasks": "[swallow-ja]"}, "unknown-task"),
        ("manifests/providers/mine.yaml", b"base_url: here\n", {"provider": "mine"}, "unknown-provider"),
        ("manifests/services/mine.yaml", b"scheduler: lsf\n", {"service": "mine"}, "unknown-service"),
    ],
)  # fmt: skip
def test_a_name_in_a_file_with_a_mistake_is_not_said_to_be_missing(
    path: str, text: bytes, change: dict[str, str], code: str, tmp_path: Path
) -> None:
    """It may well be there: the file is named that has to be mended, and nobody adds the name a second time."""
    request = "".join(f"{key}: {value}\n" for key, value in {**RIGHT, **change}.items()).encode()
    problems = Project(repository(tmp_path, {EXAMPLE: request, path: text})).check()[1]
    (found,) = [one for one in problems if one.code == code and one.span.file == EXAMPLE]
    assert "cannot be used" in found.message or "checked: " in found.message
    assert found.help == f"fix {path} first"


def test_a_file_beside_the_folders_is_told_where_each_kind_lies(tmp_path: Path) -> None:
    """A name of a folder that looks like the file's would be a guess at what the file is."""
    (found,) = Project(repository(tmp_path, {"manifests/model.yaml": b"x: 1\n"})).check()[1]
    assert found.code == "unread-file" and found.help.startswith("requests belong in manifests/requests/")


def test_a_guess_is_near_or_none() -> None:
    """A wrong guess is worse than a list."""
    assert did_you_mean("ja_gpqa", ["jamcqa", "en_mmlu"]) is None
    assert did_you_mean("", ["a"]) is None
    assert did_you_mean("x", []) is None


def test_a_long_list_is_cut() -> None:
    """With how many more there are."""
    assert listed(map(str, range(20)), 3) == "0, 1, 2 and 17 more"
    assert listed(["a"]) == "a"


def test_one_thing_is_not_several() -> None:
    """Messages count what they found."""
    assert [plural(number, "answer") for number in (0, 1, 2)] == ["0 answers", "1 answer", "2 answers"]
