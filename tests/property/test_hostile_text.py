"""Text of a manifest, however hostile, reaches the model's server and the framework as it is, and runs nothing."""

from __future__ import annotations

import json
import subprocess
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import Compiled, base_texts, card_file, catalogue, checked, compiled, quoted

from evalctl.check.catalogue import shared
from evalctl.check.schema import validated
from evalctl.load import yaml_source
from evalctl.model.evaluation import Job
from evalctl.render.script import RUN, bootstrap, script
from evalctl_job.supervisor.document import read_job

CANARY = "owned"
_FRAGMENTS = (
    f"$(touch {CANARY})", f"`touch {CANARY}`", f"'; touch {CANARY}; '", f'"; touch {CANARY}; "', f"\ntouch {CANARY}\n",
    f"\n}}\ntouch {CANARY}\n", f"') ; touch {CANARY} #", f"<(touch {CANARY})", f"${{x:=$(touch {CANARY})}}",
    f"a[$(touch {CANARY})]", "\n#$ -l h_rt=1:0:0\n", "\n#PBS -q rt_HF\n", "\n#SBATCH --gpus=8\n", "EOF\n", "\\", "\\'",
    "'", '"', "!!", "*", "?", "~", "%s%n", "${IFS}", "$HOME", "-", "--", "\t", "\r\n", "\r", "\n\n", " ", "　", "\u202e",
    "\u2028", "\x85", "\ufeff", "\u200b", "日本語", "😀", "{{ x }}", "{% raw %}", ": ", "- a", "# b", "&a", "*a", "!!str",
    "null", "true", "012", "1e3", "---\n", "...\n", "<|im_end|>",
)  # fmt: skip
_CHARACTERS = st.characters(
    exclude_categories=["Cs"], exclude_characters=[chr(n) for n in (*range(9), 11, 12, *range(14, 32), 127)]
)
TEXTS = st.lists(st.one_of(st.sampled_from(_FRAGMENTS), st.text(_CHARACTERS, max_size=5)), max_size=6).map("".join)
LINES = TEXTS.map(lambda text: "".join(text.split("\n")).replace("\r", "").replace("\t", ""))


def executed(job: Job) -> list[str]:
    """Every word of data as the node's program has it after bash has read the script; no other program may have run."""
    text = script(job).data.decode().replace(f"{RUN} 3<<", "exec /bin/cat <<")
    document = text.partition(bootstrap().decode())[2]
    with TemporaryDirectory() as folder:
        reply = subprocess.run(
            ["/bin/bash"], input=document.encode(), cwd=folder, capture_output=True, check=True,
            env={"PATH": "/nowhere", "LC_ALL": "C"},
        )  # fmt: skip
        assert (list(Path(folder).iterdir()), reply.stderr) == ([], b"")
    read = read_job(reply.stdout.decode())
    assert read.server is not None
    words = [
        *read.server.command,
        *(part for file in read.server.files for part in (file.option, file.name, file.text)),
    ]
    words.append(read.name)
    return [*words, *(word for task in read.tasks for word in (*task.command, task.config, task.relay))]


def planned(job: Job) -> list[str]:
    """The same words as they were planned."""
    words = [
        *job.server.argv,
        *(part for file in job.server.files for part in (file.option, file.name, file.text)),
        job.name,
    ]
    for task in job.tasks:
        relay = json.dumps(task.invocation.relay.as_json(), ensure_ascii=False, sort_keys=True)
        words += [*task.invocation.argv, task.invocation.config, relay]
    return words


def request(**keys: str) -> str:
    """A request for a task of each framework."""
    lines = {"model": "lab/small-8B", "service": "tsubame", "tasks": "[ja_exact, en_choice]", **keys}
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def only_job(done: Compiled) -> Job:
    """The one job; the text was refused by no rule."""
    assert len(done.jobs) == 1, done.problems
    return done.jobs[0]


@settings(max_examples=60, deadline=None)
@given(system=TEXTS, stop=st.lists(TEXTS.filter(bool), min_size=1, max_size=3))
def test_a_models_texts_arrive_unchanged(system: str, stop: list[str]) -> None:
    """System message and stop texts: in the script, in argv and in the configuration as the framework reads it."""
    stops = f"[{', '.join(map(quoted, stop))}]"
    job = only_job(
        compiled(request(overrides=f"{{ja: {{system_message: {quoted(system)}}}, all: {{stop_tokens: {stops}}}}}"))
    )
    assert planned(job) == executed(job)
    (theirs,) = [task for task in job.tasks if task.evaluation.task.key == "ja_exact"]
    assert f"--system-prompt={system}" in theirs.invocation.argv
    assert stop == yaml.safe_load(theirs.invocation.config)["model"]["generation"]["stop_tokens"]


@settings(max_examples=60, deadline=None)
@given(system=TEXTS)
def test_a_system_message_survives_the_configuration_file(system: str) -> None:
    """Upstream's dialect has it in YAML: what PyYAML reads there is what was written."""
    job = only_job(compiled(request(overrides=f"{{en_choice: {{system_message: {quoted(system)}}}}}")))
    (task,) = [task for task in job.tasks if task.evaluation.task.key == "en_choice"]
    assert system == yaml.safe_load(task.invocation.config)["model_parameters"]["system_prompt"]
    assert planned(job) == executed(job)


@settings(max_examples=60, deadline=None)
@given(path=LINES, who=LINES, why=TEXTS)
def test_a_checkpoints_path_arrives_unchanged(path: str, who: str, why: str) -> None:
    """The path is a word of the server's command and a comment; who asked and why are for people only."""
    files = card_file(model="lab/local-1B", path="/gs/" + path, revision="f" * 64, source="folder")
    job = only_job(
        compiled(request(
            model=f"{{path: {quoted('/gs/' + path)}, name: lab/local-1B}}",
            requested_by=quoted(who), reason=quoted(why),
        ), files)
    )  # fmt: skip
    assert "/gs/" + path == job.server.argv[2]
    assert planned(job) == executed(job)


@settings(max_examples=25, deadline=None)
@given(template=TEXTS.filter(lambda text: yaml_source.control_character(text, "") is None))
def test_a_chat_template_arrives_unchanged(template: str) -> None:
    """The file's text is a file of the job, and no word of the server's command."""
    text = "{{ messages }}" + template
    files = {"manifests/models/chat_templates/plain.jinja": text}
    job = only_job(compiled(request(overrides="{all: {chat_template: plain}}"), files))
    assert [("--chat-template", "chat_template.jinja", text)] == [
        (file.option, file.name, file.text) for file in job.server.files
    ]
    assert text not in job.server.argv
    assert planned(job) == executed(job)


_PATHS = ["../../../../manifests/requests/{/../../../.env", "/etc/{{ x }}", "./{{", "~/{% %}", "{", "-{{ x }}"]


@pytest.mark.parametrize("text", [*_PATHS, "no braces", "", "{{ x }}\0", "{{ x }}\n\x1b[2J", "{{ x }}" + "長" * 50_000])
def test_what_is_no_template_is_left_out(text: str) -> None:
    """A path, a text without Jinja, a control character, or more than 128,000 bytes: one finding, and no request uses it."""
    known, problems = shared({**base_texts(), "manifests/models/chat_templates/plain.jinja": text})
    assert [problem.span.file for problem in problems] == ["manifests/models/chat_templates/plain.jinja"]
    assert "plain" not in known.chat_templates


def test_the_longest_system_message_can_be_passed_to_a_program() -> None:
    """As many characters as the schema takes, each of the most bytes; one more is an error in the pull request."""
    longest = request(overrides=f"{{ja: {{system_message: {'😀' * 32_000}}}}}")
    argv = next(task for task in only_job(compiled(longest)).tasks if "ja" in task.evaluation.task.key).invocation.argv
    subprocess.run(["/bin/true", *argv], check=True)
    document, _ = yaml_source.parse(longest.replace("😀", "😀😀", 1), "r.yaml")
    assert document is not None
    assert validated("request", document)[0] is None


_NAMES = [
    "a b", "a;b", "$(touch owned)", "`x`", "a'b", 'a"b', "a|b", "a&b", "../up", "a/../b", "/abs", "-x", "--flag", ".hid",
    "a..b", "a\nb", "a\tb", "a\\b", "a*b", "a#b", "日本", "\u202ea", "a\u00a0b", "", "a" * 300,
]  # fmt: skip
_KEYS = ("model", "service", "node_kind", "custom_settings", "provider")
_DEPLOYMENT = ("model", "a#b")  # a provider's model with its deployment; its folder has `=23` for the `#`


@pytest.mark.parametrize(("key", "name"), [one for one in product(_KEYS, _NAMES) if one != _DEPLOYMENT], ids=ascii)
def test_names_hold_nothing_hostile(key: str, name: str) -> None:
    """What becomes a path, a job's name or a word is refused by the schema."""
    document, problems = yaml_source.parse(request(**{key: quoted(name)}), "r.yaml")
    assert document is not None, problems
    refused, problems = validated("request", document)
    assert (refused, bool(problems)) == (None, True)


@settings(max_examples=100, deadline=None)
@given(name=st.from_regex(r"[ -~]{1,12}", fullmatch=True))
def test_names_that_pass_are_harmless(name: str) -> None:
    """Custom settings of any name that the schema takes: one folder below the model's, nothing to quote."""
    document, problems = yaml_source.parse(f"{quoted(name)}: {{version: 1}}\n", "manifests/models/lab/small-8B.yaml")
    assert document is not None, problems
    if validated("model-settings", document)[0] is None:
        return
    files = {"manifests/models/lab/small-8B.yaml": f"{quoted(name)}: {{version: 1}}\n"}
    done = compiled(request(custom_settings=quoted(name)), files)
    folder = "results/hosted_vllm/lab/small-8B/"
    assert f"{folder}{name}/ja/exact/result.json" == done.eval("ja_exact").result_path
    assert not set(name) & set(" /\\'\"$`;&|<>*?()[]{}!#~^\n")
    assert name[0] not in "-."


def test_the_base_settings_are_accepted() -> None:
    """The helpers above build requests that are right, or they would show nothing."""
    assert checked(request()).request.service == "tsubame"
    assert len(only_job(compiled(request())).tasks) == 2
    assert catalogue().tasks
