"""A parser plug-in is code on the node: it is there, it registers what is asked for, a person allows it, and it is shown."""

from __future__ import annotations

import hashlib
import json

import pytest
from samples import PATH, compiled

from evalctl.plan import jobs, pages
from evalctl.plan.forecast import forecast
from evalctl.plan.summary import summary
from evalctl.results.store import ResultIndex

PLUGIN = """\
from vllm.reasoning import ReasoningParserManager as R

@R.register_module(["mine", "qwen3"])
class Mine:
    pass
"""
FILES = {"manifests/models/reasoning_parsers/mine.py": PLUGIN}
SMALL = "model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact]\n"
GOOD = {"reasoning_parser": "mine", "reasoning_parser_plugin": "mine", "trust_remote_code": True}


def request(**settings: object) -> str:
    """One task with a plug-in, and `settings` over it."""
    return f"{SMALL}overrides: {{ja_exact: {json.dumps({**GOOD, **settings})}}}\n"


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"trust_remote_code": None}, "plugin-without-consent", "does not allow it"),
        ({"trust_remote_code": False}, "plugin-without-consent", "does not allow it"),
        ({"reasoning_parser": None}, "unknown-parser", "no parser of it"),
        ({"reasoning_parser": "ignore"}, "unknown-parser", "does not register `ignore`"),
        ({"reasoning_parser": "deepseek_r1_markup"}, "unknown-parser", "does not register"),
        ({"reasoning_parser": "deepseek_r1"}, "unknown-parser", "does not register"),
        ({"reasoning_parser": "qwen3"}, "unknown-parser", "which is the name of a parser of vLLM"),
        ({"reasoning_parser_plugin": "mien"}, "unknown-parser-plugin", "there is no manifests/models/reasoning_parsers/mien.py"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_an_error(settings: dict[str, object], code: str, words: str) -> None:
    """Before a job is queued."""
    done = compiled(request(**settings), FILES)
    (found,) = [one for one in done.problems if one.severity == "error"]
    assert (found.code, words in found.message, done.jobs) == (code, True, ())


def test_the_file_is_the_jobs_and_is_shown_with_its_digest() -> None:
    """As a private file of the job, in plan.json, and as a warning for whoever approves."""
    done = compiled(request(), FILES)
    digest = hashlib.sha256(PLUGIN.encode()).hexdigest()
    (job,) = done.jobs
    (file,) = job.server.files
    assert (file.option, file.name) == ("--reasoning-parser-plugin", "evalctl_reasoning_parser_plugin.py")
    assert file.text == PLUGIN and PLUGIN not in job.server.argv
    assert job.server.argv[job.server.argv.index("--reasoning-parser") + 1] == "mine"
    assert "--trust-remote-code" in job.server.argv  # the job then hides every key from the server
    assert [one.code for one in done.problems] == ["remote-code", "remote-code"]
    assert f"reasoning_parsers/mine.py (sha256 {digest[:12]})" in "".join(one.message for one in done.problems)
    (facts,) = summary(jobs.plan(done.checked, done.evals, done.catalogue)).jobs
    assert (facts.parser_plugin, facts.parser_plugin_sha256) == (next(iter(FILES)), digest)


def test_a_plugin_of_the_lab_is_named_with_what_to_do() -> None:
    """The lab's settings name the parser alone; vLLM has the rest on the command line there."""
    done = compiled(f"{SMALL}overrides: {{ja_exact: {{reasoning_parser: llmjp4}}}}\n")
    (found,) = done.problems
    assert found.code == "unknown-parser"
    assert (
        "manifests/models/reasoning_parsers/llmjp4.py" in found.help and "reasoning_parser_plugin: llmjp4" in found.help
    )


def test_another_provider_gets_no_plugin() -> None:
    """It is kept out with a warning, as all that is the server's."""
    text = "model: openai/gpt-4o-2024-11-20\nprovider: openai\nservice: local\ntasks: [ja_exact]\n"
    done = compiled(f"{text}overrides: {{ja_exact: {json.dumps(GOOD)}}}\n", FILES)
    assert {*done.codes()} == {"setting-without-server"}


def test_the_plan_shows_file_and_digest() -> None:
    """In the text and in the pull request, beside what says that the model's own code runs."""
    done = compiled(request(), FILES)
    found = forecast({PATH: summary(jobs.plan(done.checked, done.evals, done.catalogue))}, ResultIndex({}, {}, {}, {}))
    shown = f"{next(iter(FILES))} (sha256 {hashlib.sha256(PLUGIN.encode()).hexdigest()[:12]})"
    assert f"ATTENTION: reasoning_parser_plugin: {shown} runs on the node" in pages.text(found, {})
    assert "`reasoning_parser_plugin`" in pages.markdown(found, {}, [])
    assert pages.markdown(found, {}, []).count("[!CAUTION]") == 2
