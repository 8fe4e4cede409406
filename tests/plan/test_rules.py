"""What cannot work, or would measure something else than meant."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import card_file, compiled

from evalctl.check.conflicts import conflicts
from evalctl.model.evaluation import RequestPlan
from evalctl.model.parsers import NEED_THINK_TAGS
from evalctl.model.plan_file import PlanFile, PlannedTask
from evalctl.pipeline.known_requests import known_request, suspects
from evalctl.plan.summary import artifact, summary

SMALL = "model: lab/small-8B\nservice: tsubame\n"
THINKING = card_file(think_tags=True)


def test_a_model_without_card_is_an_error_that_says_what_to_type() -> None:
    """On the model's own line, for each of several."""
    done = compiled(
        "models: [lab/small-8B, org/new, {path: /ckpt, name: org/local}]\nservice: tsubame\ntasks: [en_own]\n"
    )
    assert done.codes() == ["missing-model-card", "missing-model-card"]
    assert [(problem.span.line, problem.span.column) for problem in done.problems] == [(1, 24), (1, 33)]
    assert "evalctl lock org/new" in done.problems[0].help
    assert "evalctl lock --path /ckpt org/local" in done.problems[1].help


def test_a_model_that_others_serve_needs_no_card() -> None:
    """Nothing of it is planned from one."""
    assert compiled("model: org/m\nprovider: deepinfra\nservice: tsubame\ntasks: [en_own]\n").codes() == []


@pytest.mark.parametrize(
    ("parser", "codes"),
    [
        ("null", ["think-tags-without-parser"]), ("qwen3", []), ("ignore", []), ("deepseek_r1_markup", []),
        ("qwen_3", ["unknown-parser"]),
    ],
)  # fmt: skip
def test_think_tags_want_a_parser(parser: str, codes: list[str]) -> None:
    """One of vLLM's, the framework's own, or `ignore`; said once for all tasks."""
    text = f"{SMALL}tasks: [ja]\noverrides: {{all: {{reasoning_parser: {parser}}}}}\n"
    assert compiled(text, THINKING).codes() == codes


@pytest.mark.parametrize(
    ("tokens", "parser", "found"),
    [
        (["<think>", "</think>"], "deepseek_r1", []), (["<think>"], "deepseek_r1", ["<think tags>"]),
        (["</think>"], "step3", []), ([], "step3", ["</think>"]), (["<think:1a>", "</think:1a>"], "hy_v4", []),
        (["<think:1a>", "</think:2b>"], "hy_v4", ["</think:1a>"]), ([], "mistral", ["[TOOL_CALLS]"]),
        (["[TOOL_CALLS]"], "mistral", []), ([], "poolside_v1", ["<assistant>"]), (["<assistant>"], "poolside_v1", []),
        (["</", ">", "think"], "olmo3", ["Ġ</"]), (["</", ">", "think", "Ġ</"], "olmo3", []), ([], "qwen3", []),
        (["<ifm|think>", "</ifm|think>"], "k2_horizon", []), (["<ifm|think>"], "k2_horizon", ["</ifm|think>"]),
    ],
)  # fmt: skip
def test_a_parser_needs_tokens_of_the_vocabulary(tokens: list[str], parser: str, found: list[str]) -> None:
    """Those that are missing are named; where a vocabulary is not known, nothing is refused for it."""
    text = f"{SMALL}tasks: [ja]\noverrides: {{all: {{reasoning_parser: {parser}}}}}\n"
    told = compiled(text, card_file(parser_tokens=tokens)).problems
    assert [one.code for one in told] == ["parser-without-think-tags"] * len(found)
    assert all("think tags" in one.message or all(token in one.message for token in found) for one in told)
    assert parser in NEED_THINK_TAGS or compiled(text, card_file(parser_tokens=None)).codes() == []


@pytest.mark.parametrize(
    ("facts", "said", "found"),
    [
        ({}, "reasoning_parser: cohere_command3", ["unknown-parser"]), ({}, "reasoning_parser: cohere_command4", ["unknown-parser"]),
        ({"parses_thinking": False}, "reasoning_parser: hf", ["parser-without-think-tags"]),
        ({"parses_thinking": True}, "reasoning_parser: hf", []), ({}, "reasoning_parser: hf", []),
        ({}, "reasoning_parser: openai_gptoss", ["parser-without-think-tags"]),
        ({"architecture": "GptOssForCausalLM"}, "reasoning_parser: openai_gptoss", []),
        ({"architecture": "GptOssForCausalLM"}, "reasoning_parser: qwen3", ["parser-without-think-tags"]),
        ({"architecture": "GptOssForCausalLM"}, "reasoning_parser: ignore", []),
        ({}, "reasoning_parser: deepseek_v3", []),
        ({}, "reasoning_parser: deepseek_v3, chat_template_kwargs: {thinking: true}", ["parser-without-think-tags"]),
        ({}, "reasoning_parser: deepseek_v3, chat_template_kwargs: {thinking: false, depth: 2}", []),
        (
            {"parser_tokens": ["<assistant>"]}, "reasoning_parser: poolside_v1, chat_template_kwargs: {enable_thinking: true}",
            ["parser-without-think-tags"],
        ),
        ({"think_tags": True}, "reasoning_parser: deepseek_v3, chat_template_kwargs: {enable_thinking: true}", []),
    ],
)  # fmt: skip
def test_a_parser_needs_more_than_tokens(facts: dict[str, object], said: str, found: list[str]) -> None:
    """A package, a template of the tokenizer, a type of model, or think tags once a switch turns thinking on."""
    assert compiled(f"{SMALL}tasks: [ja]\noverrides: {{all: {{{said}}}}}\n", card_file(**facts)).codes() == found


@pytest.mark.parametrize("parser", sorted(NEED_THINK_TAGS))
def test_a_parser_that_looks_for_think_tags_wants_them(parser: str) -> None:
    """vLLM would end on the node (the manual, 3.7); said where the parser is named, with the one that reads text."""
    text = f"{SMALL}tasks: [ja]\noverrides:\n  all:\n    reasoning_parser: {parser}\n"
    (told,) = compiled(text).problems
    assert (told.code, told.severity, told.span.line) == ("parser-without-think-tags", "error", 6)
    assert "deepseek_r1_markup" in told.help
    assert compiled(text, THINKING).codes() == []


@pytest.mark.parametrize(
    ("marks", "parser", "codes"),
    [
        (["[THINK]"], "mistral", []), (["[THINK]"], "ignore", []), (["[THINK]"], "granite", []),
        (["[THINK]"], "qwen3", ["think-tags-without-parser"]), (["[THINK]"], "deepseek_r1", ["think-tags-without-parser"]),
        (["[THINK]"], "deepseek_r1_markup", ["think-tags-without-parser"]),
        (["<|channel>"], "gemma4", []), (["<|channel>"], "glm45", ["think-tags-without-parser"]),
        (["◁think▷"], "kimi_k2", ["think-tags-without-parser"]), (["◁think▷"], "ignore", []),
        (["<mm:think>"], "minimax_m3", []), (["<mm:think>"], "minimax_m2", ["think-tags-without-parser"]),
        ([], "minimax_m3", ["parser-without-think-tags"]), ([], "k2_horizon", ["parser-without-think-tags"]),
    ],
)  # fmt: skip
def test_a_parser_takes_out_what_the_model_writes(marks: list[str], parser: str, codes: list[str]) -> None:
    """One for other marks leaves the reasoning in, or takes the whole text for reasoning, or ends vLLM."""
    text = f"{SMALL}tasks: [ja]\noverrides: {{all: {{reasoning_parser: {parser}}}}}\n"
    assert compiled(text, card_file(reasoning_marks=marks, widths={"hidden": 4096})).codes() == codes


def test_a_parser_of_other_marks_is_answered_with_the_fitting_one() -> None:
    """For think tags, too; a card of an older evalctl knows these alone, and refuses no parser for want of others."""
    text = f"{SMALL}tasks: [ja]\noverrides: {{all: {{reasoning_parser: minimax_m3}}}}\n"
    (told,) = compiled(text, THINKING).problems
    assert (told.code, told.severity) == ("think-tags-without-parser", "error")
    assert "`reasoning_parser: deepseek_r1`" in told.help
    assert compiled(text).codes() == []


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ("reasoning_parser: deepseek_r1", ["setting-without-server"]), ("max_model_length: 8192", ["setting-without-server"]),
        ("chat_template: plain", ["setting-without-server"]), ("generation_config: vllm", ["setting-without-server"]),
        ('chat_template_kwargs: {"thinking": true}', ["setting-without-server"]),
        ("max_model_length: null", []), ("reasoning_parser: ignore", []), ("reasoning_parser: deepseek_r1_markup", []),
        ("max_n: 4", []), ("system_message: Hi", []),
    ],
)  # fmt: skip
def test_a_provider_takes_no_setting_of_a_server(said: str, codes: list[str]) -> None:
    """Said once for all tasks, where and as it stands; kept out of what the plan says of the tasks."""
    text = f"model: lab/small-8B\nprovider: deepinfra\nservice: tsubame\ntasks: [en]\noverrides:\n  all:\n    {said}\n"
    done = compiled(text)
    assert done.codes() == codes
    assert [problem.span.line for problem in done.problems] == [7] * len(codes)
    name, _, value = said.partition(": ")
    assert all(problem.message.startswith(f"{name}={value} is not applied") for problem in done.problems)
    (setting,) = [one for one in done.eval("en_own").settings if one.name == name]
    assert setting.applied == (not codes)


def test_no_think_tags_need_no_parser() -> None:
    """And one that does without them may be named all the same."""
    assert compiled(f"{SMALL}tasks: [ja]\n").codes() == []
    assert compiled(f"{SMALL}tasks: [ja]\noverrides: {{all: {{reasoning_parser: granite}}}}\n").codes() == []


def test_an_unknown_parser_is_found_where_it_stands() -> None:
    """With the name that was meant."""
    (problem,) = compiled(f"{SMALL}tasks: [ja]\noverrides:\n  all:\n    reasoning_parser: qwen33\n").problems
    assert (problem.span.line, problem.span.column) == (6, 23)
    assert "qwen3" in problem.help


def test_code_of_the_models_own_is_shown_to_whoever_approves() -> None:
    """Where it is allowed, with the revision to read; `false` and `null` allow nothing."""
    text = f"{SMALL}tasks: [ja]\noverrides:\n  all:\n    trust_remote_code: "
    (told,) = compiled(f"{text}true\n").problems
    assert (told.code, told.severity, told.span.line) == ("remote-code", "warning", 6)
    assert "lab/small-8B at 0123456789ab" in told.message
    assert compiled(f"{text}false\n").codes() == compiled(f"{text}null\n").codes() == []


@pytest.mark.parametrize(
    ("model", "path", "types"),
    [
        ("{path: /a b, name: lab/small-8B}", None, "evalctl lock --path '/a b' THAT-NAME"),
        ("{path: /b, name: lab/small-8B}", "/a", "evalctl lock --path /b lab/small-8B"),
        ("lab/small-8B", "/a", "write `model: {path: /a, name: lab/small-8B}`"),
    ],
)
def test_a_card_of_other_weights_is_an_error(model: str, path: str | None, types: str) -> None:
    """A folder with the card of the model on the Hub would have its digest and reuse its results; and the other way round."""
    files = card_file(path=path, revision="f" * 64, source="folder") if path else {}
    done = compiled(f"model: {model}\nservice: tsubame\ntasks: [ja]\n", files)
    (found,) = [problem for problem in done.problems if problem.severity == "error"]
    assert (found.code, types in found.help, done.jobs) == ("card-of-other-weights", True, ())


def test_the_path_may_end_with_a_slash() -> None:
    """It names the same folder."""
    files = card_file(path="/a/b", revision="f" * 64, source="folder")
    assert compiled("model: {path: /a/b/, name: lab/small-8B}\nservice: tsubame\ntasks: [ja]\n", files).codes() == []


def test_an_unknown_chat_template_is_an_error() -> None:
    """Said once."""
    done = compiled(f"{SMALL}tasks: [ja]\noverrides: {{all: {{chat_template: plian}}}}\n")
    assert done.codes() == ["unknown-chat-template"]
    assert "plain" in done.problems[0].help


def test_a_task_without_time_is_an_error() -> None:
    """An empty cell of the column that the node kind reads."""
    header = "key,script,result_dir,framework,hrt_q,hrt_f,wlt_HG,wlt_HF\n"
    table = {
        "manifests/tasks/tasks_runtime.csv": f"{header}ja_exact,jemhopqa_cot,ja/exact,lighteval-swallow,,01:00:00,,\n",
        "manifests/tasks/suites.yaml": "ja: [ja_exact]\n",
    }
    assert compiled(f"{SMALL}node_kind: node_q\ntasks: [ja]\n", table).codes() == ["task-without-time"]
    assert compiled(f"{SMALL}node_kind: node_f\ntasks: [ja]\n", table).codes() == []


def test_a_service_without_a_kind_for_the_model_says_so() -> None:
    """Once, and what to add."""
    bare = {"manifests/services/slurm.yaml": "scheduler: slurm\nnode_kinds: {g: {gpus: 1, runtime_column: hrt_q}}\n"}
    done = compiled("model: lab/small-8B\nservice: slurm\ntasks: [ja]\n", bare)
    assert done.codes() == ["no-node-kind"]
    assert "node_kind" in done.problems[0].help


# ---- two requests -----------------------------------------------------------------------------------------------


def _plans(*texts: str) -> list[PlanFile]:
    made = []
    for number, text in enumerate(texts):
        path = f"manifests/requests/r{number}.yaml"
        done = compiled(text, path=path)
        assert done.jobs, done.problems
        made.append(summary(RequestPlan(path, done.jobs)))
    return made


def test_two_requests_that_ask_differently_conflict() -> None:
    """They would write to one place; both are named, with the tasks."""
    one, other = f"{SMALL}tasks: [ja]\n", f"{SMALL}tasks: [ja_exact, ja_subset]\noverrides: {{ja_exact: {{seed: 1}}}}\n"
    (found,) = conflicts(_plans(one, other))
    assert (found.code, found.span.file) == ("conflicting-requests", "manifests/requests/r1.yaml")
    assert found.notes[0].span is not None
    assert found.notes[0].span.file == "manifests/requests/r0.yaml"
    assert "ja_exact" in found.message
    assert "ja_subset" not in found.message


def test_a_request_can_conflict_with_itself() -> None:
    """A model that is named twice, as a checkpoint and from the Hub, would too; equal evals do not."""
    assert conflicts(_plans(f"{SMALL}tasks: [ja]\n", f"{SMALL}tasks: [ja_exact, en_own]\nreason: again\n")) == []


def test_results_whose_places_are_one_on_another_disk_clash() -> None:
    """A model of a provider needs no file, so its name is compared where its results are to be; equal evals, too."""
    job = summary(RequestPlan("manifests/requests/a.yaml", compiled(f"{SMALL}tasks: [en_own]\n").jobs)).jobs[0]
    plans = [
        PlanFile(
            f"manifests/requests/r{number}.yaml",
            (replace(job, tasks=(PlannedTask("en", "d" * 64, f"results/openai/{model}/en/result.json", 60),)),),
        )
        for number, model in enumerate(("openai/GPT", "openai/gpt", "openai/gpt"))
    ]
    made = [known_request("k", [], [], plan, artifact(plan).data, {}) for plan in plans]
    found = conflicts(suspects(made))
    assert [(one.code, one.span.file) for one in found] == [
        ("clashing-names", "manifests/requests/r1.yaml"), ("clashing-names", "manifests/requests/r2.yaml"),
    ]  # fmt: skip
    assert list(suspects(made[1:])) == []


def test_debugging_does_not_conflict_with_the_real_run() -> None:
    """They lie in two places."""
    assert conflicts(_plans(f"{SMALL}tasks: [ja]\n", f"{SMALL}max_samples: 3\ntasks: [ja]\n")) == []


@pytest.mark.parametrize(
    ("gpus", "kind", "codes"),
    [
        ("0", "", ["gpu-list-mismatch"]), ("0,0", "", ["gpu-list-mismatch"]), ("2,5", "", []), ("0", "node_kind: gpu_1\n", []),
    ],
)  # fmt: skip
def test_a_list_of_gpus_fits_the_node_kind_that_was_chosen_too(gpus: str, kind: str, codes: list[str]) -> None:
    """A small model goes to two GPUs on this service: one number would start a server that cannot work."""
    text = f'model: lab/small-8B\nservice: local\n{kind}cuda_visible_devices: "{gpus}"\ntasks: [en_own]\n'
    assert compiled(text).codes() == codes
