"""Which inputs of an eval are others than those that its result records."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from samples import compiled

from evalctl.model.recorded import Inputs
from evalctl.plan.differences import MOST, differences
from evalctl.results.submission import inputs

TEXT = "model: lab/small-8B\ncustom_settings: default\nservice: tsubame\ntasks: [ja_exact]\n"
PROVIDED = "model: lab/m\nprovider: ours\nservice: local\ntasks: [ja_exact]\n"
OURS = {"manifests/providers/ours.yaml": "base_url: https://llm.lab.example/v1\n"}


def now(text: str = TEXT, files: dict[str, str] | None = None) -> Inputs:
    """The inputs of the one eval of a request."""
    return inputs(compiled(text, files).eval("ja_exact"))


def was(change: Callable[[dict[str, Any]], object], text: str = TEXT, files: dict[str, str] | None = None) -> Inputs:
    """A record of the same inputs, changed."""
    document: dict[str, Any] = copy.deepcopy(dict(now(text, files).as_json()))
    change(document)
    return Inputs(document)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["subject"].update(revision="f" * 40), f"model revision: {'f' * 40} → 0123456789abcdef"),
        (lambda d: d["subject"].update(model="lab/old"), "model: lab/old → lab/small-8B"),
        (lambda d: d["subject"].update(provider="openai"), "provider: openai → vllm"),
        (lambda d: d["task"].update(framework_version="0.7"), "framework version: 0.7 → 0.8+swallow."),
        (lambda d: d["task"].update(framework="lighteval"), "framework: lighteval → lighteval-swallow"),
        (lambda d: d["task"].update(script="other"), "task of the framework: other → jemhopqa_cot"),
        (lambda d: d["task"].update(digest="abc"), 'task digest: abc → ""'),
        (lambda d: d["generation"].update(temperature=0.5), "temperature: 0.5 → 0.6"),
        (lambda d: d["generation"].pop("max_new_tokens"), "max_new_tokens: unset → 2048"),
        (lambda d: d["generation"].update(seed=3), "seed: 3 → unset"),
        (lambda d: d["server"].update(max_model_length=100), "max_model_length: 100 → 32768"),
        (lambda d: d["server"].update(generation_config="vllm"), "generation_config: vllm → auto"),
        (lambda d: d["server"].update(chat_template="{{ x }}"), "chat_template: {{ x }} → unset"),
        (lambda d: d.update(max_samples=5), "max_samples: 5 → unset"),
        (lambda d: d.update(unanswered=2), "unanswered: 2 → 0"),
    ],
)
def test_each_input_is_named_old_and_new(change: Callable[[dict[str, Any]], object], said: str) -> None:
    """Model, revision, framework, task, sampling and server settings, limits: one line of words, and nothing else."""
    found = differences(was(change), now())
    assert found.startswith(said) and "; " not in found


def test_every_part_of_the_digest_can_be_named() -> None:
    """Whatever of the recorded inputs is another, the words say so; what is no input is not named."""
    subject, task = now().subject.as_json(), now().task.as_json()
    for group, part, kept in (("subject", subject, {"custom_settings", "path"}), ("task", task, {"key", "result_dir"})):
        for name in part:
            found = differences(was(lambda d, g=group, n=name: d[g].update({n: "another"})), now())
            assert ("another →" in found) == (name not in kept), name


def test_equal_numbers_are_equal() -> None:
    """0 and 0.0 are one temperature, as in the digest; so the record was made by another evalctl, or edited."""
    assert "names the same inputs" in differences(was(lambda d: d["server"].update(max_model_length=32768.0)), now())


def test_what_the_record_lacks_is_unknown() -> None:
    """Not called changed, and not passed over."""
    without = was(lambda d: (d.pop("generation"), d["subject"].pop("revision"), d.update(server="text")))
    found = differences(without, now())
    assert "model revision: not recorded → 0123456789abcdef" in found
    assert "settings that are sent: unknown, its record does not have them" in found
    assert "settings of the server: unknown, its record does not have them" in found
    assert "not recorded" in differences(Inputs({"digest": "0" * 64}), now())


@pytest.mark.parametrize(
    ("old", "said"), [("https://old.example/v1", "https://old.example/v1"), (None, "not recorded")]
)
def test_another_address_of_a_provider_is_named(old: str | None, said: str) -> None:
    """Old and new: what the old address answered is not reused, and the reviewer sees where questions will go."""
    change = (lambda d: d["subject"].update(address=old)) if old else (lambda d: d["subject"].pop("address"))
    record = was(change, PROVIDED, OURS)
    assert differences(record, now(PROVIDED, OURS)) == f"another address answers: {said} → https://llm.lab.example/v1"


def test_a_built_in_provider_has_the_address_that_its_name_implies() -> None:
    """Results from before addresses were recorded name it by the provider."""
    text = "model: lab/m\nprovider: deepinfra\nservice: local\ntasks: [ja_exact]\n"
    record = was(lambda d: (d["subject"].pop("address"), d["generation"].update(temperature=1)), text)
    assert differences(record, now(text)) == "temperature: 1 → 0"


def test_values_of_a_record_are_bounded_and_one_line() -> None:
    """A record can be edited by hand: long texts are cut with their digest, line ends and control characters go."""
    hostile = "x\n\x1b[31m\u202e" + "y" * 100_000
    changed = was(
        lambda d: d["generation"].update({f"{hostile}{n}": hostile for n in range(50)}, system_message=hostile)
    )
    found = differences(changed, now())
    assert len(found) < 2000 and found.isprintable()
    assert f"and {51 - MOST} more" in found
    two = [
        differences(was(lambda d, t=text: d["generation"].update(stop_tokens=[t])), now())
        for text in (hostile, hostile + "z")
    ]
    assert two[0] != two[1], "texts that begin alike do not look the same"
