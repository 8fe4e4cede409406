"""An eval's digest: every field of the data is classified here, and the digest keeps to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import compiled

from evalctl.model.diagnostic import Origin, Sourced
from evalctl.model.evaluation import Eval, Resolved, Setting, Subject, Task
from evalctl.model.manifest import GenerationSettings, Request
from evalctl.model.providers import PROVIDERS
from evalctl.resolve.identity import ASKED, OPERATED, SENT, SERVED, allowing, eval_digest, eval_inputs

# What can change a score, and what cannot: a new field has to be put into one of the two.
IDENTITY: dict[type, dict[str, Any]] = {
    Subject: {"provider": "openai", "model": "lab/other", "revision": "f" * 40, "address": "https://other.example/v1"},
    Task: {"script": "another_script", "framework": "another-framework"},
    Resolved: {"generation": (("temperature", 0.7),), "server": (("max_model_length", 17),)},
    Eval: {"framework_version": "9.9", "task_digest": "feed", "max_samples": 3, "unanswered": 2},
}  # fmt: skip
NOT_IDENTITY: dict[type, dict[str, Any]] = {
    # The settings count by their values, not by the name, file or version under which they stand; a checkpoint by its
    # revision (a digest of its files), not by the folder it lies in.
    Subject: {
        "custom_settings": "other", "custom_settings_file": "other.yaml", "custom_settings_version": "9",
        "path": "/somewhere/else",
    },
    Task: {
        "key": "other_key", "result_dir": "other/dir", "seconds": {"hrt_q": 1}, "samples_by_design": True,
        # The defaults act through `generation` and `server`, into which they were merged.
        "defaults": {"temperature": Sourced(0.1, Origin("test"))},
    },
    Resolved: {"settings": (Setting("x", Sourced(1, Origin("test"))),)},
    Eval: {"result_path": "results/elsewhere/result.json"},
}  # fmt: skip
STRUCTURE = {Eval: {"digest", "subject", "task", "resolved", "answers"}, Resolved: set(), Task: set(), Subject: set()}

# Every key of a request: what it does to the evals it names. A new one has to be classified.
SELECTS = {"model", "models", "custom_settings", "tasks", "provider"}
CHANGES = {"max_samples", "sampling_override", "overrides", "unanswered"}
HOW = {
    "service": "slurm", "node_kind": "gpu_1", "priority": -4, "predownload": False, "concurrency": 3,
    "request_timeout": 5, "packing": "per_task", "push_to_hub": "{org: lab}", "retries": 3, "requested_by": "me",
    "baseline": "lab/large-70B",
    "reason": "why", "cuda_visible_devices": '"0"',
}  # fmt: skip


def sample() -> Eval:
    """An eval with settings of every kind."""
    text = "model: lab/small-8B\nservice: tsubame\ncustom_settings: ja\ntasks: [ja_exact]\n"
    return compiled(text).eval("ja_exact")


def sampled(**settings: Any) -> Eval:
    """The same eval with only these settings."""
    return replace(sample(), resolved=Resolved(**settings))


def digest(evaluation: Eval) -> str:
    """The digest of an eval as it stands."""
    e = evaluation
    inputs = (e.subject, e.task, e.framework_version, e.task_digest, e.generation, e.server, e.max_samples)
    return allowing(eval_digest(*inputs), e.unanswered)


def changed(kind: type, name: str, value: Any) -> Eval:
    """The sample with one field of it, of its subject, of its task or of its settings changed."""
    part = {Eval: None, Subject: "subject", Task: "task", Resolved: "resolved"}[kind]
    evaluation = sample()
    if part is None:
        return replace(evaluation, **{name: value})
    return replace(evaluation, **{part: replace(getattr(evaluation, part), **{name: value})})


@pytest.mark.parametrize("kind", [Eval, Resolved, Subject, Task])
def test_every_field_is_classified(kind: type) -> None:
    """A field that is neither identity nor not fails here: say what it is, above."""
    classified = [*IDENTITY[kind], *NOT_IDENTITY[kind], *STRUCTURE[kind]]
    assert sorted(field.name for field in fields(kind)) == sorted(classified)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, values in IDENTITY.items() for name in values])
def test_what_can_change_a_score_changes_the_digest(kind: type, name: str) -> None:
    """Each such field by itself."""
    assert digest(sample()) != digest(changed(kind, name, IDENTITY[kind][name]))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, values in NOT_IDENTITY.items() for name in values])
def test_what_cannot_change_a_score_does_not_change_the_digest(kind: type, name: str) -> None:
    """Where it runs, what it is called and where the result lies."""
    assert digest(sample()) == digest(changed(kind, name, NOT_IDENTITY[kind][name]))


def test_the_eval_carries_its_own_digest() -> None:
    """64 hex digits, those of its inputs."""
    assert sample().digest == digest(sample())
    assert len(sample().digest) == 64


BUILT_IN = {
    "vllm": "", "openai": "https://api.openai.com/v1", "deepinfra": "https://api.deepinfra.com/v1/openai",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai", "anthropic": "https://api.anthropic.com/v1",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_built_in_provider_keeps_its_address_and_its_digests(name: str) -> None:
    """Its name stands for the address, so that results from before addresses were recorded stay valid. An address that
    changes here would reuse what another one has answered: measure again, as docs/decisions.md says."""
    assert PROVIDERS[name].base_url == BUILT_IN[name]
    known, elsewhere = (
        replace(sample(), subject=replace(sample().subject, provider=name, address=address))
        for address in (BUILT_IN[name], "https://elsewhere.example/v1")
    )
    inputs = [
        eval_inputs(e.subject, e.task, e.framework_version, e.task_digest, e.generation, e.server, e.max_samples)
        for e in (known, elsewhere)
    ]
    assert ["address" in one for one in inputs] == [False, True]


@pytest.mark.parametrize(
    ("written", "same"),
    [("https://LLM.example.jp:443/v1", True), ("https://llm.example.jp/v2", False), ("https://llm.example.jp:8443/v1", False),
     ("http://127.0.0.1:8000/v1", False)],
)  # fmt: skip
def test_an_endpoint_is_its_address(written: str, same: bool) -> None:
    """Whoever changes where a provider's file points asks for other evals; another spelling of one address does not."""

    def asked(address: str) -> str:
        file = {"manifests/providers/ours.yaml": f"base_url: {address}\n"}
        return (
            compiled("model: lab/m\nprovider: ours\nservice: local\ntasks: [ja_exact]\n", file).eval("ja_exact").digest
        )

    assert (asked("https://llm.example.jp/v1") == asked(written)) is same


# ---- settings ---------------------------------------------------------------------------------------------------

VALUES: dict[str, tuple[str, str]] = {
    "system_message": ("a", "b"), "max_model_length": ("1024", "2048"), "max_new_tokens": ("10", "11"),
    "temperature": ("0.1", "0.2"), "top_p": ("0.5", "0.6"), "top_k": ("5", "6"), "min_p": ("0.1", "0.2"),
    "repetition_penalty": ("1.1", "1.2"), "frequency_penalty": ("0.1", "0.2"), "presence_penalty": ("0.1", "0.2"),
    "seed": ("1", "2"), "max_n": ("1", "2"), "reasoning_parser": ("qwen3", "ignore"),
    "reasoning_parser_plugin": ("marks, reasoning_parser: marks, trust_remote_code: true", "more, reasoning_parser: marks, trust_remote_code: true"),
    "reasoning_effort": ("low", "high"), "stop_tokens": ("[a]", "[b]"), "chat_template": ("plain", "other"),
    "chat_template_kwargs": ("{thinking: true}", "{thinking: false}"),
    "kv_cache_dtype": ("auto", "fp8"), "quantization": ("fp8", "awq"),
    "speculative_config": ("{method: mtp, num_speculative_tokens: 1}", "{method: mtp, num_speculative_tokens: 2}"),
    "max_num_seqs": ("8", "64"), "vllm_use_v1": ("0", "1"), "generation_config": ("auto", "vllm"), "trust_remote_code": ("true", "false"),
}  # fmt: skip
_PLUGIN = 'from vllm.reasoning import ReasoningParserManager\nReasoningParserManager.register_lazy_module("marks", "m", "C")\n'
_FILES = {
    "manifests/models/chat_templates/other.jinja": "{{ messages }}",
    "manifests/models/reasoning_parsers/marks.py": _PLUGIN,
    "manifests/models/reasoning_parsers/more.py": f"{_PLUGIN}# more\n",
}


def test_every_setting_is_classified() -> None:
    """Sent, served, a way of operating the server or of asking: exactly one of the four, and tried below."""
    assert set(GenerationSettings.model_fields) == set(VALUES)
    assert sorted(GenerationSettings.model_fields) == sorted([*SENT, *SERVED, *OPERATED, *ASKED])


def _with_override(name: str, value: str) -> str:
    text = f"model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact]\noverrides:\n  ja_exact: {{{name}: {value}}}\n"
    done = compiled(text, _FILES)
    assert done.evals, done.problems
    return done.eval("ja_exact").digest


@pytest.mark.parametrize("name", sorted(SENT | SERVED))
def test_a_setting_that_reaches_model_or_server_changes_the_digest(name: str) -> None:
    """Two values, two evals."""
    first, second = VALUES[name]
    assert _with_override(name, first) != _with_override(name, second)


@pytest.mark.parametrize("name", sorted(ASKED | OPERATED))
def test_a_way_of_asking_does_not_change_the_digest(name: str) -> None:
    """Ten answers in one call or in ten are the same ten answers."""
    first, second = VALUES[name]
    assert _with_override(name, first) == _with_override(name, second)


def test_a_chat_template_counts_by_its_text() -> None:
    """A template that is edited under the same name is another eval."""
    text = "model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact]\noverrides: {ja_exact: {chat_template: plain}}\n"
    edited = {"manifests/models/chat_templates/plain.jinja": "{{ other }}"}
    assert compiled(text).eval("ja_exact").digest != compiled(text, edited).eval("ja_exact").digest


def test_a_parser_plugin_counts_by_its_text() -> None:
    """Code that is edited under the same name is another eval; the same code under another name is the same eval."""
    more = "reasoning_parser: marks, trust_remote_code: true"
    text = f"model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact]\noverrides: {{ja_exact: {{reasoning_parser_plugin: marks, {more}}}}}\n"
    edited = {**_FILES, "manifests/models/reasoning_parsers/marks.py": f"{_PLUGIN}\n"}
    renamed = {**_FILES, "manifests/models/reasoning_parsers/more.py": _PLUGIN}
    first = compiled(text, _FILES).eval("ja_exact").digest
    assert first != compiled(text, edited).eval("ja_exact").digest
    assert first == compiled(text.replace("plugin: marks", "plugin: more"), renamed).eval("ja_exact").digest


# ---- requests ---------------------------------------------------------------------------------------------------


def test_every_key_of_a_request_is_classified() -> None:
    """Selects evals, changes them, or says how they run."""
    assert sorted(Request.model_fields) == sorted([*SELECTS, *CHANGES, *HOW])


@pytest.mark.parametrize("name", sorted(HOW))
def test_how_an_eval_runs_does_not_change_it(name: str) -> None:
    """Scores depend on model, task and settings, not on where, when, by whom or how fast."""
    lines = {"model": "lab/small-8B", "service": "tsubame", "tasks": "[ja_exact]"}
    here = compiled("".join(f"{key}: {value}\n" for key, value in lines.items()))
    if name == "cuda_visible_devices":
        lines |= {"service": "local", "node_kind": "gpu_1"}
    there = compiled("".join(f"{key}: {value}\n" for key, value in {**lines, name: HOW[name]}.items()))
    assert there.evals, there.problems
    assert here.eval("ja_exact").digest == there.eval("ja_exact").digest


# ---- form -------------------------------------------------------------------------------------------------------

_SETTINGS = st.dictionaries(
    st.sampled_from(sorted(SENT)), st.one_of(st.integers(), st.floats(allow_nan=False), st.text()), min_size=1
)


@given(_SETTINGS, st.randoms())
def test_the_order_of_keys_does_not_matter(settings: dict[str, Any], random: Any) -> None:
    """Neither in the files nor in the data."""
    pairs = list(settings.items())
    random.shuffle(pairs)
    mixed, ordered = (sampled(generation=tuple(each)) for each in (pairs, sorted(pairs)))
    assert digest(ordered) == digest(mixed)


@given(st.integers(min_value=-(2**40), max_value=2**40))
def test_a_whole_number_is_itself_with_a_point(number: int) -> None:
    """0 and 0.0 are one temperature."""
    variants: list[Callable[[], Any]] = [lambda: number, lambda: float(number)]
    one, other = (digest(sampled(generation=(("temperature", value()),))) for value in variants)
    assert one == other


def test_written_numbers_that_mean_the_same_are_the_same() -> None:
    """`0`, `0.0` and `"0"` in YAML."""
    assert len({_with_override("temperature", text) for text in ("0", "0.0", '"0"', "0e3")}) == 1


def test_settings_of_two_kinds_are_not_confused() -> None:
    """A value sent is not a value served, and text is not a number."""
    base = sampled()
    sent, served = sampled(generation=(("seed", 1),)), sampled(server=(("seed", 1),))
    text = sampled(generation=(("seed", "1"),))
    assert len({digest(each) for each in (base, sent, served, text)}) == 4


def test_the_digest_is_of_this_text_and_no_other() -> None:
    """Version 1, keys in order, no blanks, characters as they are: a change of it would make every result invalid."""
    subject = Subject("own", "組織/模型", "a" * 40, None, address="https://own.example/v1")
    task = Task("ja_own", "script|0", "ja/own", "lighteval", {}, {}, False)
    found = eval_digest(subject, task, "0.13.0", "feed", (("temperature", 1.0), ("stop_tokens", ("a", "b"))), (), None)
    text = (
        '{"address":"https://own.example/v1","framework":"lighteval","framework_version":"0.13.0",'
        '"generation":{"stop_tokens":["a","b"],"temperature":1},"max_samples":null,"model":"組織/模型","provider":"own",'
        f'"revision":"{"a" * 40}","script":"script|0","server":{{}},"task_digest":"feed","version":1}}'
    )
    assert found == hashlib.sha256(text.encode()).hexdigest()
