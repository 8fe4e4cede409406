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

from evalctl.doctor.site_test import SiteTest, run_site_test, script
from evalctl.model.service import NodeKind, Service
from evalctl.shell import Command, Reply
from evalctl.sync.context import Context

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
