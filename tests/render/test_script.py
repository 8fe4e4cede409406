"""The text of a script: well-formed for bash, shellcheck and every scheduler, readable, and the same everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomllib
from hypothesis import example, given, settings
from hypothesis import strategies as st
from standin_place import SOURCES, job_task, make_job

from evalctl.model.evaluation import Job, JobTask
from evalctl.render.document import END, text
from evalctl.render.script import RUN, bootstrap, script
from evalctl.schedulers import SCHEDULERS
from evalctl_job.options import Options, checked
from evalctl_job.supervisor.document import read_job

HOSTILE = "x'; touch /tmp/owned; echo '$(touch /tmp/owned)`touch /tmp/owned`\n#$ -l h_rt=1:0:0\n#PBS -q big\n\u202eoops"


def ordinary(scheduler: str = "local") -> Job:
    """An ordinary job."""
    job = make_job(job_task("ja_one", seconds=3600), job_task("en_two"))
    return replace(job, site=replace(job.site, scheduler=scheduler), advice=("a gpu_1 would be 20 % cheaper",))


def hostile() -> Job:
    """Hostile text wherever a job holds text."""
    task = job_task("ja_one", config=HOSTILE, argv=("lighteval", HOSTILE), relay=Options(add={"stop": HOSTILE}))
    subject = replace(task.evaluation.subject, model=HOSTILE, custom_settings=HOSTILE, custom_settings_file=HOSTILE)
    task = replace(task, evaluation=replace(task.evaluation, subject=subject, digest=HOSTILE))
    job = make_job(task, advice=(HOSTILE,), service=HOSTILE, node_kind=HOSTILE, cuda_visible_devices=HOSTILE)
    return replace(job, server=replace(job.server, argv=("vllm", HOSTILE), served_name=HOSTILE))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("make", [ordinary, lambda _: hostile()], ids=["ordinary", "hostile"])
def test_scripts_are_well_formed(scheduler: str, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """bash can read it and shellcheck finds nothing, for every scheduler and whatever the manifest said."""
    job = make(scheduler)
    path = tmp_path / "job.sh"
    path.write_bytes(script(replace(job, site=replace(job.site, scheduler=scheduler))).data)
    subprocess.run(["bash", "-n", path], check=True)
    checked = subprocess.run([Path(sys.executable).with_name("shellcheck"), path], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")


def document_of(data: bytes) -> str:
    """The here-document of a script, as the program reads it."""
    said = data.decode().replace(f"{RUN} 3<<", "exec cat <<")
    begin = said.index("exec cat <<")
    return subprocess.run(["bash"], input=said[begin:].encode(), capture_output=True, check=True).stdout.decode()


def test_no_text_of_a_manifest_becomes_a_command_or_a_directive() -> None:
    """Bash parses none of it: only the head has directives, and the program reads the very text of the manifest."""
    data = script(hostile()).data
    assert [line for line in data.decode().splitlines()[2:] if line.startswith(("#$", "#PBS", "#SBATCH"))] == []
    job = read_job(document_of(data))
    assert job.server is not None
    assert (job.server.served_name, job.server.command[1]) == (HOSTILE, HOSTILE)
    (task,) = job.tasks
    assert (task.config, task.command[1], task.digest) == (HOSTILE, HOSTILE, HOSTILE)
    assert json.loads(task.relay) == {"add": {"stop": HOSTILE}}
    assert not Path("/tmp/owned").exists()


@settings(max_examples=300, deadline=None)
@given(st.text())
@example(f"a\n{END}\nb")
@example('"""')
@example('a\n""""')
@example("\r\n\t \x00\x7f\u202e\U000e0041\ufeff")
@example("\\u0023\n#$ -l x")
def test_a_text_comes_back_as_it_was(value: str) -> None:
    """Whatever a manifest holds, in one line or in many; no line of it ends the document or begins with `#`."""
    written = text(value)
    assert tomllib.loads(f"value = {written}")["value"] == value
    assert [line for line in written.splitlines() if line == END or line.startswith("#")] == []


def of_the_fork(number: int, **invocation: Any) -> JobTask:
    """A task with the words of the fork's command."""
    task = job_task(
        f"ja_benchmark_{number}", seconds=1800 * (1 + number % 3), argv=(
            "lighteval", "endpoint", "litellm", "config.yaml", f"swallow|benchmark_{number}:subset|0|0", "--use-chat-template",
            "--output-dir", "output", "--save-details", "--system-prompt=あなたは誠実で優秀な日本人のアシスタントです。",
        ), **invocation,
    )  # fmt: skip
    return replace(task, evaluation=replace(task.evaluation, digest=f"{number:064x}"))


def test_a_script_for_nineteen_tasks_is_a_page() -> None:
    """At most 16 kB, and at most 40 lines of it are the constant program."""
    assert len(script(make_job(*map(of_the_fork, range(19)))).data) <= 16_000
    assert bootstrap().count(b"\n") <= 40


def test_what_tasks_have_alike_is_written_once() -> None:
    """What most of them say; a task of which that is not true says its own, and no task gets what it left to its default."""
    others = {"config": "of two\n", "variables": (), "secrets": ("JUDGE_API_KEY",)}
    tasks = [
        of_the_fork(0),
        of_the_fork(1, config="of two\n"),
        of_the_fork(2, **others),
        of_the_fork(3),
        of_the_fork(4),
    ]
    data = script(make_job(*tasks)).data
    assert [data.count(word.encode()) for word in ("日本語 $HOME", "of two", "TASK_VARIABLE", "JUDGE_API_KEY")] == [
        1,
        2,
        4,
        1,
    ]
    read = read_job(document_of(data)).tasks
    for task, (written, call) in zip(read, ((one.evaluation, one.invocation) for one in tasks), strict=True):
        assert (task.key, task.digest, task.command) == (written.task.key, written.digest, call.argv)
        assert (task.config, dict(task.variables), task.secrets) == (call.config, dict(call.variables), call.secrets)
        assert (json.loads(task.relay), task.environment) == (call.relay.as_json(), "lighteval-env")


def test_the_head_tells_a_reviewer_what_will_run() -> None:
    """Request, model and revision, settings, node, times and cost stand above the data, and the advice too."""
    head = script(ordinary()).data.decode().split("\nenvironment=")[0]
    for part in (
        "manifests/requests/first.yaml", "org/Model-1B at 0123abc", "default version 1", "local, cpu_vllm, no GPU",
        "at most 0:10:00", "about 0.5, at most 1.25 points; 78 JPY at most (prices of 2026-08-25)",
        "ja_one                    1:00:00   eval digest-of-ja", "20 % cheaper",
    ):  # fmt: skip
        assert part in head


def test_a_script_has_its_place() -> None:
    """The path follows the request's."""
    assert script(ordinary()).path == "generated/first/ev-first-0123abcd.sh"


def test_the_same_job_gives_the_same_bytes() -> None:
    """Whatever the process: hash seed and locale do not matter, and nothing of this machine is in it."""
    code = "import test_script; from evalctl.render.script import script; import sys; sys.stdout.buffer.write(script(test_script.ordinary()).data)"
    texts = set()
    for seed, locale in (("1", "C"), ("2", "C.UTF-8")):
        environment = {
            "PYTHONHASHSEED": seed,
            "LC_ALL": locale,
            "PYTHONPATH": f"{Path(__file__).parent}:{SOURCES}",
            "PYTHONUTF8": "1",
        }
        texts.add(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout)
    assert texts == {script(ordinary()).data}
    assert str(Path(__file__).parents[2]).encode() not in texts.pop()


def test_the_relay_reads_the_options_that_were_planned() -> None:
    """One type for both: no field is lost between the plan and the relay, and what says nothing is not in the script."""
    options = Options(
        max_n=2,
        add={"top_k": 1},
        remove=("seed",),
        null_content="reasoning",
        length_key="both",
        unanswered=3,
        planned={"top_p": 0.5},
    )
    for planned in (options, Options()):
        (task,) = read_job(document_of(script(make_job(job_task("one", relay=planned))).data)).tasks
        assert checked(json.loads(task.relay), "one.options.json") == planned
    assert json.loads(task.relay) == {"add": {}}
