"""Which evals a request means, with which settings, and who set each."""

from __future__ import annotations

import pytest
from samples import card_file, compiled

from evalctl.model.evaluation import Eval, Setting
from evalctl.resolve.caution import OWN

SMALL = "model: lab/small-8B\nservice: tsubame\n"


def settings_of(evaluation: Eval) -> dict[str, object]:
    """Name to value of every setting that applies."""
    return {setting.name: setting.sourced.value for setting in evaluation.settings if setting.applied}


def setting(evaluation: Eval, name: str) -> Setting:
    """The one setting of that name."""
    (found,) = [one for one in evaluation.settings if one.name == name]
    return found


def test_what_is_listed_twice_is_asked_once() -> None:
    """Models, settings and tasks alike; settings of two names have a place each, even where they say the same."""
    text = "models: [lab/small-8B, lab/small-8B]\nservice: tsubame\ntasks: [ja_exact, ja, ja_exact]\n"
    once = compiled(f"{SMALL}tasks: [ja]\ncustom_settings: [greedy, null]\n").evals
    assert len(once) == 6 and {one.subject.custom_settings for one in once} == {"greedy", None}
    assert compiled(f"{text}custom_settings: [greedy, null, greedy, null]\n").evals == once


# ---- merge order ------------------------------------------------------------------------------------------------


def test_later_layers_win() -> None:
    """Task default < custom settings < override of a suite < override of the task; each value says where it is from."""
    text = (
        f"{SMALL}custom_settings: default\ntasks: [ja_exact, en_own]\n"
        "overrides:\n  all: {max_new_tokens: 5, seed: 1}\n  ja_exact: {seed: 2}\n"
    )
    done = compiled(text)
    exact, own = done.eval("ja_exact"), done.eval("en_own")
    assert (settings_of(exact)["seed"], settings_of(own)["seed"]) == (2, 1)
    assert (settings_of(exact)["max_new_tokens"], settings_of(own)["max_new_tokens"]) == (5, 5)
    assert settings_of(exact)["temperature"] == 0.6
    origins = {name: setting(exact, name).sourced.origin for name in ("seed", "temperature", "max_model_length")}
    assert [origin.layer for origin in origins.values()] == [
        "request override", "custom settings default", "model card lab/small-8B",
    ]  # fmt: skip
    assert (origins["seed"].span.line, origins["seed"].span.column) == (7, 20)  # type: ignore[union-attr]
    assert origins["temperature"].span.file == "manifests/models/lab/small-8B.yaml"  # type: ignore[union-attr]


def test_a_task_default_stands_where_nobody_says_anything() -> None:
    """It is from the table, and points there."""
    own = compiled(f"{SMALL}tasks: [en_own]\n").eval("en_own")
    assert (settings_of(own)["temperature"], settings_of(own)["max_new_tokens"]) == (0, 64)
    assert setting(own, "max_new_tokens").sourced.origin.span.file == "manifests/tasks/task_settings.csv"  # type: ignore[union-attr]


def test_tasks_whose_values_were_set_in_the_same_places_share_their_settings() -> None:
    """They are resolved once. A value from another place is another setting, even where it is the same."""
    tasks = "tasks: [ja_exact, ja_subset, ja_judged]\n"
    set_by_model, by_tasks = compiled(f"{SMALL}{tasks}custom_settings: default\n"), compiled(f"{SMALL}{tasks}")
    assert set_by_model.eval("ja_exact").resolved is set_by_model.eval("ja_subset").resolved
    assert set_by_model.eval("ja_exact").resolved is not set_by_model.eval("ja_judged").resolved  # samples by design
    spans = {setting(by_tasks.eval(key), "temperature").sourced.origin.span for key in ("ja_exact", "ja_subset")}
    assert len(spans) == 2


def test_an_overrides_order_in_the_file_does_not_matter() -> None:
    """The task's own word wins over its suite's, wherever it stands."""
    first = f"{SMALL}tasks: [en_own]\noverrides: {{en_own: {{seed: 2}}, all: {{seed: 1}}}}\n"
    second = f"{SMALL}tasks: [en_own]\noverrides: {{all: {{seed: 1}}, en_own: {{seed: 2}}}}\n"
    assert settings_of(compiled(first).eval("en_own"))["seed"] == 2
    assert compiled(first).eval("en_own").digest == compiled(second).eval("en_own").digest


def test_common_settings_serve_every_model_and_own_ones_win() -> None:
    """The model's settings of a name go before the common ones of that name."""
    text = f"{SMALL}custom_settings: greedy\ntasks: [ja_exact]\n"
    assert settings_of(compiled(text).eval("ja_exact"))["temperature"] == 0.0
    own = {"manifests/models/lab/small-8B.yaml": "greedy: {version: 1, temperature: 0.3}\n"}
    assert settings_of(compiled(text, own).eval("ja_exact"))["temperature"] == 0.3


# ---- null -------------------------------------------------------------------------------------------------------


def test_null_unsets() -> None:
    """What an earlier layer gave is not sent, and that it was unset is explained."""
    text = f"{SMALL}custom_settings: default\ntasks: [ja_exact]\noverrides: {{ja_exact: {{max_new_tokens: null}}}}\n"
    exact = compiled(text).eval("ja_exact")
    assert "max_new_tokens" not in dict(exact.generation)
    assert setting(exact, "max_new_tokens").sourced.value is None


def test_null_and_absent_are_one_eval() -> None:
    """To unset what nobody set changes nothing."""
    written = compiled(f"{SMALL}tasks: [ja_exact]\noverrides: {{ja_exact: {{seed: null}}}}\n").eval("ja_exact")
    assert compiled(f"{SMALL}tasks: [ja_exact]\n").eval("ja_exact").digest == written.digest


def test_null_in_custom_settings_unsets_a_task_default() -> None:
    """The manual's template has every key with null."""
    nulls = {"manifests/models/lab/small-8B.yaml": "n: {version: 1, temperature: null, top_p: null, max_n: null}\n"}
    own = compiled(f"{SMALL}custom_settings: n\ntasks: [en_own]\n", nulls).eval("en_own")
    assert dict(own.generation) == {"max_new_tokens": 64}


# ---- the caution ------------------------------------------------------------------------------------------------


def test_custom_sampling_applies_to_greedy_tasks() -> None:
    """Tasks whose default temperature is 0 take it."""
    exact = compiled(f"{SMALL}custom_settings: default\ntasks: [ja_exact]\n").eval("ja_exact")
    assert (dict(exact.generation)["temperature"], dict(exact.generation)["top_p"]) == (0.6, 0.95)


@pytest.mark.parametrize(("task", "kept"), [("en_code", {"temperature": 0.2, "top_p": 0.95}), ("ja_judged", {})])
def test_custom_sampling_does_not_apply_to_tasks_that_sample(task: str, kept: dict[str, float]) -> None:
    """With a default temperature above 0, or without one; what was kept out is said, once, with its place."""
    done = compiled(f"{SMALL}custom_settings: default\ntasks: [{task}]\n")
    found = dict(done.eval(task).generation)
    assert {name: found[name] for name in ("temperature", "top_p") if name in found} == kept
    assert found["max_new_tokens"] == 2048
    kept_out = {s.name: s.sourced.value for s in done.eval(task).settings if not s.applied}
    assert kept_out == {"temperature": 0.6, "top_p": 0.95}
    assert done.codes() == ["sampling-not-applied", "sampling-not-applied"]
    assert {(one.severity, one.help[:16]) for one in done.problems} == {("note", "no action needed")}
    assert {problem.span.file for problem in done.problems} == {"manifests/models/lab/small-8B.yaml"}


@pytest.mark.parametrize("task", ["en_code", "ja_judged"])
def test_sampling_override_applies_it_everywhere(task: str) -> None:
    """The request takes the responsibility."""
    done = compiled(f"{SMALL}custom_settings: default\nsampling_override: true\ntasks: [{task}]\n")
    assert dict(done.eval(task).generation)["top_p"] == 0.95
    if task == "en_code":
        assert dict(done.eval(task).generation)["temperature"] == 0.6
        assert done.codes() == []


@pytest.mark.parametrize(
    "lines",
    ["sampling_override: true\n", "", "overrides: {ja_judged: {temperature: 0.6}}\nsampling_override: true\n"],
)
def test_a_temperature_that_a_task_sends_itself_is_not_claimed(lines: str) -> None:
    """MT-Bench of the fork sends its categories' temperature: no setting changes the eval, and the plan says why."""
    done = compiled(f"{SMALL}custom_settings: default\n{lines}tasks: [ja_judged]\n")
    judged = done.eval("ja_judged")
    assert "temperature" not in dict(judged.generation)
    kept_out = setting(judged, "temperature")
    assert (kept_out.applied, kept_out.sourced.value, kept_out.why) == (False, 0.6, OWN)
    said = [problem.message for problem in done.problems if "temperature" in problem.message]
    assert said == ["temperature=0.6 is not applied to ja_judged: these send a temperature of their own"]


def test_an_override_is_not_held_back() -> None:
    """The caution is about custom settings; who writes a task's name means it."""
    text = f"{SMALL}tasks: [en_code]\noverrides: {{en_code: {{temperature: 0.9}}}}\n"
    assert dict(compiled(text).eval("en_code").generation)["temperature"] == 0.9


def test_what_is_kept_out_does_not_change_the_eval() -> None:
    """Custom settings whose sampling does not apply give the same eval as without these keys."""
    only = {"manifests/models/lab/small-8B.yaml": "hot: {version: 1, temperature: 1.5, top_k: 3, min_p: 0.1}\n"}
    hot = compiled(f"{SMALL}custom_settings: hot\ntasks: [ja_judged]\n", only).eval("ja_judged")
    assert compiled(f"{SMALL}tasks: [ja_judged]\n").eval("ja_judged").digest == hot.digest


# ---- server -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("context", "length"), [(131072, 32768), (32768, 32768), (4096, 4096), (None, 32768)])
def test_the_context_is_the_models_own_up_to_a_cap(context: int | None, length: int) -> None:
    """32,768 unless set."""
    done = compiled(f"{SMALL}tasks: [ja_exact]\n", card_file(context_length=context))
    assert dict(done.eval("ja_exact").server)["max_model_length"] == length


def test_a_length_that_is_set_is_not_capped() -> None:
    """By custom settings or an override, up to the model's own context."""
    text = f"{SMALL}tasks: [ja_exact]\noverrides: {{all: {{max_model_length: {{}}}}}}\n"
    assert dict(compiled(text.replace("{}", "65536")).eval("ja_exact").server)["max_model_length"] == 65536
    assert compiled(text.replace("{}", "131073")).codes() == ["context-too-long"]


def test_the_framework_of_others_gets_no_server_settings() -> None:
    """A provider's server is started by nobody here; only the framework's parser matters."""
    text = "model: openai/x\nprovider: openai\nservice: tsubame\ntasks: [ja_exact]\noverrides: {all: {max_model_length: 9, reasoning_parser: deepseek_r1_markup}}\n"
    assert compiled(text).eval("ja_exact").server == (("reasoning_parser", "deepseek_r1_markup"),)


def test_a_chat_template_is_put_in_by_its_text() -> None:
    """Its name means nothing on the node."""
    server = dict(compiled(f"{SMALL}custom_settings: ja\ntasks: [ja_exact]\n").eval("ja_exact").server)
    assert server["chat_template"].startswith("{% for message")


# ---- result paths (manual 3.3) ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ("model: lab/small-8B\n", "hosted_vllm/lab/small-8B/ja/exact"),
        ("model: lab/small-8B\ncustom_settings: ja\n", "hosted_vllm/lab/small-8B/ja/ja/exact"),
        ("model: lab/small-8B\nmax_samples: 5\n", "debug/max_samples-5/hosted_vllm/lab/small-8B/ja/exact"),
        ("model: {path: /gs/x, name: lab/local-1B}\n", "hosted_vllm/lab/local-1B/ja/exact"),
        ("model: openai/o3-mini-2025\nprovider: openai\n", "openai/o3-mini-2025/ja/exact"),
        ("model: org/m\nprovider: deepinfra\n", "deepinfra/org/m/ja/exact"),
        ("model: gemini-9\nprovider: gemini\n", "gemini/gemini-9/ja/exact"),
        ("model: claude-9\nprovider: anthropic\n", "anthropic/claude-9/ja/exact"),
        ("model: org/m\nprovider: deepinfra\ncustom_settings: greedy\nmax_samples: 1\n",
         "debug/max_samples-1/deepinfra/org/m/greedy/ja/exact"),
    ],
)  # fmt: skip
def test_results_lie_where_the_manual_says(lines: str, path: str) -> None:
    """{provider}/{model}/{custom settings}/{result_dir}; empty parts are left out, debugging has its own place."""
    done = compiled(f"{lines}service: tsubame\ntasks: [ja_exact]\n")
    assert done.eval("ja_exact").result_path == f"results/{path}/result.json"


def test_a_debugging_run_is_another_eval() -> None:
    """It never stands for the real one."""
    real, debug = (compiled(f"{SMALL}{line}tasks: [ja_exact]\n").eval("ja_exact") for line in ("", "max_samples: 5\n"))
    assert real.digest != debug.digest
    assert real.result_path != debug.result_path


def test_questions_that_may_stay_unanswered_are_part_of_an_eval() -> None:
    """A score with zeros that nobody measured is another one; the answers that are kept serve both."""
    none, zero, two = (
        compiled(f"{SMALL}{line}tasks: [ja_exact]\n").eval("ja_exact")
        for line in ("", "unanswered: 0\n", "unanswered: 2\n")
    )
    assert none.digest == zero.digest != two.digest and none.result_path == two.result_path
    assert {none.answers, two.answers} == {none.digest}


# ---- selection --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tasks", "keys"),
    [
        ("[ja]", ["ja_exact", "ja_subset", "ja_judged"]),
        ("[all, -ja]", ["en_code", "en_choice", "en_own"]),
        ("[-ja, all]", ["en_code", "en_choice", "en_own"]),
        ("[ja, -ja_judged]", ["ja_exact", "ja_subset"]),
        ("[ja_subset, ja, ja_subset]", ["ja_subset", "ja_exact", "ja_judged"]),
        ("[all, -ja, -en, en_own]", []),
    ],
)
def test_tasks_are_suites_keys_and_exclusions(tasks: str, keys: list[str]) -> None:
    """Each once, in the order named; an exclusion wins wherever it stands."""
    done = compiled(f"{SMALL}tasks: {tasks}\n")
    assert [evaluation.task.key for evaluation in done.evals] == keys
    assert done.codes() == ([] if keys else ["no-tasks"])


def test_a_matrix_is_every_model_with_every_settings() -> None:
    """Null among the settings is `none`."""
    text = "models: [lab/small-8B, {path: /gs/x, name: lab/local-1B}]\ncustom_settings: [null, greedy]\nservice: tsubame\ntasks: [en_own]\n"
    subjects = [(e.subject.model, e.subject.path, e.subject.custom_settings) for e in compiled(text).evals]
    assert subjects == [
        ("lab/small-8B", None, None), ("lab/small-8B", None, "greedy"),
        ("lab/local-1B", "/gs/x", None), ("lab/local-1B", "/gs/x", "greedy"),
    ]  # fmt: skip
