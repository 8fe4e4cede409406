"""The text of a script: well-formed for bash, shellcheck and every scheduler, readable, and the same everywhere."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from standin_place import job_task, make_job

from evalctl.model.evaluation import Job
from evalctl.render.script import program, script
from evalctl.schedulers import SCHEDULERS

HOSTILE = "x'; touch /tmp/owned; echo '$(touch /tmp/owned)`touch /tmp/owned`\n#$ -l h_rt=1:0:0\n#PBS -q big\n\u202eoops"


def example(scheduler: str = "local") -> Job:
    """An ordinary job."""
    job = make_job(job_task("ja_one", seconds=3600), job_task("en_two"))
    return replace(job, site=replace(job.site, scheduler=scheduler), advice=("a gpu_1 would be 20 % cheaper",))


def hostile() -> Job:
    """Hostile text wherever a job holds text."""
    task = job_task("ja_one", config=HOSTILE, argv=("lighteval", HOSTILE), relay={"add": {"stop": HOSTILE}})
    subject = replace(task.evaluation.subject, model=HOSTILE, custom_settings=HOSTILE, custom_settings_file=HOSTILE)
    task = replace(task, evaluation=replace(task.evaluation, subject=subject, digest=HOSTILE))
    job = make_job(task, advice=(HOSTILE,), service=HOSTILE, node_kind=HOSTILE, cuda_visible_devices=HOSTILE)
    return replace(job, server=replace(job.server, argv=("vllm", HOSTILE), served_name=HOSTILE))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("make", [example, lambda _: hostile()], ids=["example", "hostile"])
def test_scripts_are_well_formed(scheduler: str, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """bash can read it and shellcheck finds nothing, for every scheduler and whatever the manifest said."""
    job = make(scheduler)
    path = tmp_path / "job.sh"
    path.write_bytes(script(replace(job, site=replace(job.site, scheduler=scheduler))).data)
    subprocess.run(["bash", "-n", path], check=True)
    checked = subprocess.run([Path(sys.executable).with_name("shellcheck"), path], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_no_text_of_a_manifest_becomes_a_command_or_a_directive() -> None:
    """Every line of data is an assignment, part of a quoted word or a comment; only the head has directives."""
    text = script(hostile()).data.decode()
    lines = text.removesuffix(program().decode()).splitlines()
    assert [line for line in lines[2:] if line.startswith(("#$", "#PBS", "#SBATCH"))] == []
    reply = subprocess.run(
        ["bash", "-c", text.replace("\nmain\n", "\nprintf '%s' \"$SERVED_NAME\"\n")], capture_output=True
    )
    assert reply.stdout.decode() == HOSTILE
    assert not Path("/tmp/owned").exists()


def test_the_head_tells_a_reviewer_what_will_run() -> None:
    """Request, model and revision, settings, node, times and cost stand above the data, and the advice too."""
    head = script(example()).data.decode().split("# shellcheck")[0]
    for part in (
        "manifests/requests/first.yaml", "org/Model-1B at 0123abc", "default version 1", "local, cpu_vllm, no GPU",
        "at most 0:10:00", "about 0.5, at most 1.25 points; 78 JPY at most (prices of 2026-08-25)",
        "ja_one                    1:00:00   eval digest-of-ja", "20 % cheaper",
    ):  # fmt: skip
        assert part in head


def test_a_script_has_its_place() -> None:
    """The path follows the request's."""
    assert script(example()).path == "generated/first/ev-first-0123abcd.sh"


def test_the_same_job_gives_the_same_bytes() -> None:
    """Whatever the process: hash seed and locale do not matter, and nothing of this machine is in it."""
    code = "import test_script; from evalctl.render.script import script; import sys; sys.stdout.buffer.write(script(test_script.example()).data)"
    texts = set()
    for seed, locale in (("1", "C"), ("2", "C.UTF-8")):
        environment = {
            "PYTHONHASHSEED": seed,
            "LC_ALL": locale,
            "PYTHONPATH": str(Path(__file__).parent),
            "PYTHONUTF8": "1",
        }
        texts.add(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout)
    assert texts == {script(example()).data}
    assert str(Path(__file__).parents[2]).encode() not in texts.pop()
