"""`evalctl doctor` on a machine of its own: what is there, what is missing, what to type; and the probe in evalctl's queue."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from evalctl.doctor.site_test import SiteTest, SiteTestObservation, run_site_test, script
from evalctl.doctor.verdict import verdict
from evalctl.model.service import NodeKind, Service
from evalctl.shell import Command, Reply
from evalctl.sync.context import Context
from evalctl_job.run_folder import BEATS, LOOKED, RunFolder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with the project's own services, without requests, environments and .env."""
    root = tmp_path / "clone"
    shutil.copytree(ROOT / "manifests", root / "manifests")
    (root / ".gitignore").write_text("/.evalctl/\n/.env\n")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def doctor(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    argv = [sys.executable, "-m", "evalctl", "doctor", *words]
    return subprocess.run(argv, cwd=clone, capture_output=True, encoding="utf-8", timeout=120)


def lines(done: subprocess.CompletedProcess[str], topic: str) -> list[str]:
    """What it said of one topic."""
    return [line for line in done.stdout.splitlines() if line[2:].startswith(topic)]


def test_it_says_what_the_machine_is_and_what_to_type(clone: Path) -> None:
    """A good line is ticked; each other one is followed by what helps; exit 1 as long as there is one."""
    done = doctor(clone)
    assert done.returncode == 1
    assert lines(done, "service")[0].startswith("✓ service       local (local;")
    assert lines(done, "git") == [f"✓ git           branch main of {clone}"]
    assert lines(done, "environments")[0].startswith("✗")
    assert "evalctl env setup" in done.stdout
    assert lines(done, ".env")[0].startswith("✗")
    wrong = sum(line.startswith("✗") for line in done.stdout.splitlines())
    assert done.stdout.splitlines()[-1].startswith(f"{wrong} of ")


def test_it_says_what_stands_around_model_written_code(clone: Path) -> None:
    """On this very machine; where the kernel grants no whole fence, what then happens and what to write."""
    (said,) = [line for line in lines(doctor(clone), "code") if not line[2:].startswith("codex")]
    assert ("denies keys, files, network, processes; code_execution: fenced" in said) == said.startswith("✓")
    without = [
        sys.executable,
        str(ROOT / "tests/job/kernel_without.py"),
        "unshare,landlock",
        sys.executable,
        "-m",
        "evalctl",
        "doctor",
    ]
    refused = subprocess.run(without, cwd=clone, capture_output=True, encoding="utf-8", timeout=120)
    assert lines(refused, "code")[0].startswith("✗ code          limits: denies")
    assert "code_execution: best-effort into manifests/services/local.yaml" in refused.stdout


def test_another_service_lacks_its_programs_here(clone: Path) -> None:
    """TSUBAME's words on a machine that is not TSUBAME; nothing is probed then."""
    done = doctor(clone, "--service", "tsubame", "--probe", "--node-kind", "cpu_4")
    assert done.returncode == 1
    assert "TSUBAME_GROUP" in "".join(lines(done, "service"))
    assert lines(done, "submission") == []


def test_json_says_the_same(clone: Path) -> None:
    """A list of topic, good, text and help."""
    found = json.loads(doctor(clone, "--json").stdout)
    assert {"topic", "good", "text", "help"} == set(found[0])
    assert [one["good"] for one in found if one["topic"] == "environments"] == [False] * len(
        [one for one in found if one["topic"] == "environments"]
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--service", "tsubane"), "tsubame"), (("--probe", "--node-kind", "gpu_9"), "has no node kind `gpu_9`")],
)
def test_a_wrong_name_is_corrected(clone: Path, words: Sequence[str], said: str) -> None:
    """As everywhere: what is meant is named."""
    done = doctor(clone, *words)
    assert done.returncode != 0
    assert said in done.stderr


def test_the_probe_runs_in_the_queue_of_this_machine(clone: Path) -> None:
    """A few seconds instead of a minute; the queue ends it at its limit, and its folder is taken away when all is well."""
    done = doctor(clone, "--probe", "--walltime", "3")
    assert lines(done, "names")[0].startswith("✓"), done.stdout + done.stderr
    assert lines(done, "start")[0].startswith("✓")
    assert lines(done, "output")[0].startswith("✓")
    assert lines(done, "walltime")[0].startswith("✓")


def test_the_script_of_a_probe_is_clean_and_quotes_what_it_is_given(tmp_path: Path) -> None:
    """shellcheck has nothing to say, and a hostile module name stays a word."""
    hostile = "cuda'; touch /tmp/owned; '$(id)`id`"
    kind = NodeKind(gpus=0, runtime_column="hrt_q")
    service = Service(scheduler="slurm", node_kinds={"cpu": kind}, modules=(hostile,))
    context = Context(
        root=tmp_path, home=tmp_path, environments=tmp_path, service_name="site", service=service,
        metrics=cast(Any, None), environment={}, env_file=tmp_path / ".env", commit="",
    )  # fmt: skip
    path = tmp_path / "probe.sh"
    path.write_text(
        script(context, SiteTest("ev-probe-x-0123abcd", tmp_path, "cpu", kind, 60, ("huggingface.co:443",)))
    )
    checked = subprocess.run([Path(sys.executable).with_name("shellcheck"), path], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    words = path.read_text().replace("\nmain\n", '\nprintf "%s" "${MODULES[0]}"\n')
    assert subprocess.run(["bash", "-c", words], capture_output=True, text=True).stdout == hostile


NVCC = "echo 'Cuda compilation tools, release 13.1, V13.1.80'"


@pytest.mark.parametrize(
    ("smi", "nvcc", "found"),
    [
        (None, None, ["✗ 0 seen, gpu_1 promises 1"]),
        ("echo no", None, ["✓ 1 seen, no; gpu_1 promises 1", "✗ no nvcc on PATH (driver no): FlashInfer cannot compile kernels"]),
        ("echo 580.1", NVCC, ["✓ 1 seen, 580.1; gpu_1 promises 1", "✓ nvcc 13.1 compiles a kernel for this GPU (driver 580.1)"]),
        ("echo 580.1", f'[[ $1 != -arch* ]] || {{ echo "nvcc fatal: \033[31mno g++" >&2; exit 1; }}; {NVCC}',
         ["✓ 1 seen, 580.1; gpu_1 promises 1", "✗ nvcc 13.1 (driver 580.1) does not compile a kernel: nvcc fatal: [31mno g++"]),
    ],
    ids=["no GPU", "no compiler", "compiles", "does not compile"],
)  # fmt: skip
def test_the_site_test_looks_for_gpus_and_compiles_a_kernel(
    tmp_path: Path, smi: str | None, nvcc: str | None, found: list[str]
) -> None:
    """A server compiles kernels when it starts: a CUDA module that cannot is known before a job pays for a GPU."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("nvidia-smi", smi), ("nvcc", nvcc)):
        if text is not None:
            (programs / name).write_text(f"#!/bin/bash\n{text}\n")
            (programs / name).chmod(0o755)
    kind = NodeKind(gpus=1, runtime_column="hrt_q")
    service = Service(scheduler="slurm", node_kinds={"gpu_1": kind})
    context = Context(
        root=tmp_path, home=tmp_path, environments=tmp_path, service_name="site", service=service,
        metrics=None, environment={}, env_file=tmp_path / ".env", commit="",  # type: ignore[arg-type]
    )  # fmt: skip
    site_test = SiteTest("ev-probe-x-0123abcd", tmp_path, "gpu_1", kind, 60, ())
    words = script(context, site_test).replace("\nmain\n", "\nlook\n")
    path = {"PATH": f"{programs}:/usr/bin:/bin"}
    looked = subprocess.run(["bash", "-c", words], env=path, cwd=tmp_path, capture_output=True, text=True, check=True)
    folder = RunFolder(tmp_path)
    folder.probe_mark(LOOKED).parent.mkdir()
    folder.probe_mark(LOOKED).write_text(looked.stdout)
    folder.probe_mark(BEATS).write_text("0\n")
    said = verdict(context, site_test, SiteTestObservation(Reply(0, "Submitted batch job 7", ""), "7"))
    topics = ("gpus", "compiler")
    assert [f"{'✓' if one.good else '✗'} {one.text}" for one in said if one.topic in topics] == found
    assert all(
        "`modules` in the service's file" in one.help for one in said if one.topic == "compiler" and not one.good
    )


@pytest.mark.parametrize("said", ["37\n", "37.5000 JPY\n", '37\nYour job 38 ("NAME") has been submitted\n'])
@pytest.mark.parametrize("listed", [True, False])
def test_an_interrupted_probe_cancels_only_what_bears_its_name(tmp_path: Path, said: str, listed: bool) -> None:
    """A number in a reply may be anybody's job: what is cancelled was listed under the probe's whole name."""
    kind = NodeKind(gpus=0, runtime_column="hrt_q")
    probe = SiteTest("ev-probe-" + "x" * 46 + "-0123abcd", tmp_path, "cpu", kind, 60, ())
    calls: list[tuple[str, ...]] = []

    def programs(command: Command) -> Reply:
        calls.append(command.argv)
        if command.argv[0] == "qsub":
            return Reply(0, said.replace("NAME", probe.name), "")
        rows = [("37", "a-colleagues-job"), *([("41", probe.name)] if listed else [])]
        head = "job-ID  prior   name       user   state submit/start at\n" + "-" * 60 + "\n"
        row = "{:>7} 0.50000 {} me  r  11/26/2026 22:07:09  all.q  1\n       Full jobname:     {}\n"
        return Reply(0, head + "".join(row.format(number, name[:10], name) for number, name in rows), "")

    def interrupted() -> None:
        raise KeyboardInterrupt

    service = Service(scheduler="gridengine", node_kinds={"cpu": kind})
    context = Context(
        root=tmp_path, home=tmp_path, environments=tmp_path, service_name="site", service=service,
        metrics=cast(Any, None),        environment={}, env_file=tmp_path / ".env", commit="", run=programs, user="me",
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        run_site_test(context, probe, pause=interrupted)
    assert [words for words in calls if words[0] == "qdel"] == ([("qdel", "41")] if listed else [])
