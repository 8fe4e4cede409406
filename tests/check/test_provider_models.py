"""Models as providers name them: one folder for each name, shown by its real name."""

from __future__ import annotations

import json
import re
from itertools import combinations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from samples import compiled

from evalctl.check.conflicts import conflicts
from evalctl.check.schema import validated
from evalctl.load import yaml_source
from evalctl.model.aggregate import Aggregate
from evalctl.model.evaluation import RequestPlan
from evalctl.model.fields import SERVED_MODEL
from evalctl.model.providers import file_name, model_folder, model_name
from evalctl.plan.summary import summary
from evalctl.results.tables import Measured, matching

FILES = {"manifests/providers/ours.yaml": "base_url: https://llm.example.jp/v1\n"}
NAMES = [
    "deepseek/deepseek-r1:free",
    "qwen3:8b",
    "accounts/fireworks/models/x",
    "@cf/meta/llama-3",
    "ft:gpt-4o:lab::B1",
    "accounts/fireworks/models/x#accounts/lab/deployments/4b1c",
    "lab/x#lab/4b1c",
]


def request(*models: str, settings: str = "") -> str:
    """A request for these models of the provider."""
    return f"models: {json.dumps(models)}\nprovider: ours\nservice: local\ntasks: [en_choice, ja_exact]\n{settings}"


def test_each_name_reaches_the_framework_and_has_a_folder_of_its_own() -> None:
    """In both dialects the configuration has the provider's own name, and YAML reads it as it is."""
    done = compiled(request(*NAMES), FILES)
    assert done.codes() == [] and len({one.result_path for one in done.evals}) == 14
    for job in done.jobs:
        for task in job.tasks:
            read = yaml.safe_load(task.invocation.config)
            named = (read.get("model_parameters") or read["model"]["base_params"])["model_name"]
            assert named == f"hosted_vllm/{task.evaluation.subject.model}"
    assert done.evals[0].result_path == "results/ours/deepseek=2fdeepseek-r1=3afree/en/choice/result.json"


@given(st.lists(st.from_regex(SERVED_MODEL, fullmatch=True).filter(str.isascii), min_size=2, max_size=6, unique=True))
def test_no_two_names_share_a_folder(names: list[str]) -> None:
    """Not by their signs either: the way back leads to the name. Nothing leads out of the provider's folder."""
    for name in names:
        assert model_name(file_name(name)) == name
        assert re.fullmatch(r"[A-Za-z0-9_+.=-]+(/[A-Za-z0-9_+.=-]+)?", file_name(name)) and ".." not in file_name(name)
    for one, other in combinations(names, 2):
        assert model_folder("ours", one) != model_folder("ours", other)
        assert not model_folder("ours", one).startswith(f"{model_folder('ours', other)}/") or "/" not in other


def test_a_name_is_shown_and_found_as_the_provider_has_it() -> None:
    """Nobody has to know how folders are written."""
    folder = f"results/{model_folder('ours', 'deepseek/deepseek-r1:free')}"
    assert Measured(folder, Aggregate("", {})).name == "ours/deepseek/deepseek-r1:free"
    assert matching([folder], "deepseek/deepseek-r1:free") == matching([folder], folder) == [folder]
    assert model_folder("openai", "openai/ft:gpt:x") == "openai/ft=3agpt=3ax"


def test_custom_settings_of_such_a_model_have_a_file() -> None:
    """Written as its folder of results is."""
    files = {**FILES, "manifests/models/qwen3=3a8b.yaml": 'own: {version: "1", temperature: 0.3}\n'}
    done = compiled(request("qwen3:8b", settings="custom_settings: own\n"), files)
    assert dict(done.eval("ja_exact").generation)["temperature"] == 0.3


def test_names_that_differ_in_capitals_only_are_refused_together() -> None:
    """Where the file system does not tell them apart one result would be written over the other."""
    plans = [
        summary(RequestPlan(path, compiled(request(name), FILES, path).jobs))
        for path, name in (("manifests/requests/a.yaml", "Lab/M:free"), ("manifests/requests/b.yaml", "lab/m:free"))
    ]
    (found,) = conflicts(plans)
    assert (found.code, found.span.file) == ("clashing-names", "manifests/requests/b.yaml")
    assert "the same path on a disk" in found.message and conflicts(plans[:1]) == []


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("https://llm.example.jp/v1", True), ("https://llm.example.jp:1/v1", True), ("https://llm.example.jp:65535/v1", True),
        ("http://127.0.0.1:8000/v1", True), ("http://localhost:8000", True), ("http://gpu-01:8000/v1", True), ("https://10.0.0.255/v1", True),
        ("https://h:0/v1", False), ("https://h:00080/v1", False), ("https://h:65536/v1", False), ("https://h:99999/v1", False),
        ("https://h:/v1", False), ("https://h:-1/v1", False), ("https://h:8e3/v1", False), ("https://[::1]:8000/v1", False),
        ("https://h:80:80/v1", False), ("https://u@h/v1", False), ("https://u:p@h/v1", False), ("https://h/v1?a=b", False),
        ("https://h/v1#x", False), ("https://h/v1/", False), ("https://h//v1", False), ("https://a..b/v1", False), ("https://a.-b/v1", False),
        ("https://a-/v1", False), ("https://h./v1", False), ("https://127.1/v1", False), ("https://2130706433/v1", False),
        ("https://0x7f000001/v1", False), ("https://256.0.0.1/v1", False), ("https://010.0.0.1/v1", False), ("https://1.2.3.4.5/v1", False),
        ("ftp://h/v1", False), ("https:///v1", False), ("https://h/v1\n", False), (f"https://{'a' * 64}/v1", False), ("https://h%2f@x/v1", False),
        ("https://h\\x/v1", False), ("https://ｈ/v1", False),
    ],
)  # fmt: skip
def test_an_address_is_one_that_every_program_reads_alike(address: str, right: bool) -> None:
    """A scheme, a name or four numbers, a port from 1 to 65535 and a path; no user, query or fragment."""
    document, _ = yaml_source.parse(json.dumps({"base_url": address}), "manifests/providers/x.yaml")
    assert document is not None
    found = validated("provider", document)[1]
    assert [one.code for one in found] == ([] if right else ["forbidden-text"])
