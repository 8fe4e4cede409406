"""Each case: `manifests/` (over `base/`) in, `generated/` out; then every script is read, checked and run.

`pytest tests/golden --update-golden` rewrites what is expected; a person reads the difference.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from samples import BASE, files_under, repository
from standin_place import standin

from evalctl.model.evaluation import Job, JobTask, RequestPlan
from evalctl.pipeline.project import Project
from evalctl.render.script import bootstrap

HERE = Path(__file__).parent
CASES = sorted(path.name for path in HERE.iterdir() if (path / "manifests" / "requests").is_dir())
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def _repository(case: str, root: Path) -> Path:
    texts = {path: data.decode() for path, data in files_under(HERE / case) if path.startswith("manifests/")}
    return repository(root, texts)


def _plans(root: Path) -> list[RequestPlan]:
    project = Project(root)
    plans = [project.compile_one(path).plan for path in project.workspace.request_paths]
    return [plan for plan in plans if plan is not None]


@pytest.mark.parametrize("case", CASES)
def test_a_golden_case_compiles_to_its_files(case: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """generated/ is exactly what is expected, byte for byte, no file more or less."""
    root = _repository(case, tmp_path / "repository")
    _, problems, _ = Project(root).compile()
    assert [problem for problem in problems if problem.severity == "error"] == []
    made = {path: _shortened(data) for path, data in files_under(root / "generated")}
    expected = HERE / case / "generated"
    if pytestconfig.getoption("--update-golden"):
        shutil.rmtree(expected, ignore_errors=True)
        repository(expected, made, base=None)
    assert {path: data.decode() for path, data in files_under(expected)} == made


def _shortened(data: bytes) -> str:
    """Without the constant program, which has tests of its own (tests/render)."""
    return data.decode().replace(bootstrap().decode(), "# … the bootstrap: compiler/evalctl/render/job.sh\n")


@pytest.mark.parametrize("case", CASES)
def test_golden_scripts_are_sound(case: str, tmp_path: Path) -> None:
    """bash can read each one and shellcheck has nothing to say."""
    root = _repository(case, tmp_path / "repository")
    Project(root).compile()
    scripts = sorted((root / "generated").rglob("*.sh"))
    assert scripts
    for script in scripts:
        subprocess.run(["bash", "-n", script], check=True)
    found = subprocess.run([SHELLCHECK, *scripts], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("case", CASES)
def test_golden_scripts_do_what_was_planned(case: str, tmp_path: Path) -> None:
    """Run with stand-in programs: server and frameworks get, word for word, what the plan says, and all marks come."""
    root = _repository(case, tmp_path / "repository")
    Project(root).compile()
    jobs = [job for plan in _plans(root) for job in plan.jobs]
    downloads = [download for plan in _plans(root) for download in plan.downloads]
    assert {job.script_path for job in jobs} | {job.script_path for job in downloads} == {
        f"generated/{path}" for path, _ in files_under(HERE / case / "generated") if path.endswith(".sh")
    }
    for number, job in enumerate(jobs):
        _run(job, root / job.script_path, tmp_path / f"job{number}")


def _run(job: Job, script: Path, top: Path) -> None:
    run_dir = top / "run"
    run_dir.mkdir(parents=True)
    _install(job, top)
    (top / ".env").write_text("".join(f"{name}=not-a-secret\n" for name in job.secrets))
    attempt = {
        "number": 1, "name": f"{job.name}-a1", "environments": str(top), "env_file": str(top / ".env"),
        "walltime_seconds": job.batch.walltime_seconds,
    }  # fmt: skip
    (run_dir / "attempt.json").write_text(json.dumps(attempt))
    (run_dir / "environments").write_text(str(top))
    with (top / "out").open("wb") as output:
        status = subprocess.run(
            ["bash", script], env=_environment(top, run_dir), cwd=top, stdout=output, stderr=output, timeout=120
        ).returncode
    log = (top / "out").read_text() + (run_dir / "job.log").read_text()
    assert status == 0, log
    _check_server(job, run_dir)
    for task in job.tasks:
        _check_task(task, run_dir)
    assert list(top.rglob("owned*")) == []  # what the texts of case `hostile` would make
    finished = json.loads((run_dir / "marks/finished.json").read_text())
    assert sorted(finished["tasks_done"]) == sorted(task.evaluation.task.key for task in job.tasks)


def _install(job: Job, top: Path) -> None:
    """The stand-ins under the very folder names that the script was planned with, and a node with eight GPUs."""
    wanted: list[tuple[str, tuple[str, ...]]] = [(job.server.environment, ("vllm",))] if job.server.argv else []
    wanted += [(name, ("lighteval", "python")) for name in job.framework_environments.values()]
    for environment, programs in wanted:
        folder = top / environment / "bin"
        folder.mkdir(parents=True)
        for name in programs:
            _program(folder / name, standin(name, sys.executable))
        (top / environment / ".complete").touch()
    (top / "bin").mkdir()
    _program(top / "bin/nvidia-smi", "#!/bin/bash\nprintf '%s\\n' 0 1 2 3 4 5 6 7\n")


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _environment(top: Path, run_dir: Path) -> Mapping[str, str]:
    return {
        "PATH": f"{top}/bin:/usr/local/bin:/usr/bin:/bin",
        "EVALCTL_RUN_DIR": str(run_dir),
        "JOB_ID": "4711",
        "BASH_FUNC_module%%": "() { :; }",  # as a site's modules.sh defines it
        "https_proxy": "http://127.0.0.1:9",  # nobody listens there: providers are never asked
    }


def _check_server(job: Job, run_dir: Path) -> None:
    if not job.server.argv:
        assert not (run_dir / "vllm.json").exists()
        relay = json.loads((run_dir / "relay.json").read_text())
        assert [job.server.base_url] == [relay["argv"][i + 1] for i, w in enumerate(relay["argv"]) if w == "--upstream"]
        return
    (call,) = map(json.loads, (run_dir / "vllm.json").read_text().splitlines())
    files = [word for file in job.server.files for word in (file.option, str(run_dir / "server/files" / file.name))]
    assert [*job.server.argv[1:], *files] == call["argv"][:-2]
    assert [file.text for file in job.server.files if file.option == "--chat-template"] == (
        [call["template"]] if "template" in call else []
    )
    assert call["argv"][-2] == "--uds"


def _check_task(task: JobTask, run_dir: Path) -> None:
    folder = run_dir / "tasks" / task.evaluation.task.key
    call = json.loads((folder / "call.json").read_text())
    assert list(task.invocation.argv[1:]) == call["argv"]
    assert task.invocation.config.encode() == (folder / "config.yaml").read_bytes()
    options = run_dir / "relay" / f"{task.evaluation.task.key}.options.json"
    assert task.invocation.relay.as_json() == json.loads(options.read_text())
    for name, value in task.invocation.variables:
        assert call["environment"].get(name, value) == value
    mark = json.loads((run_dir / "marks" / "task" / f"{task.evaluation.task.key}.json").read_text())
    assert ("done", task.evaluation.digest) == (mark["state"], mark["digest"])


def test_a_script_of_nineteen_tasks_is_a_page(tmp_path: Path) -> None:
    """All tasks of the lab's suite in one job: a script of at most 16 kB, with the constant program."""
    root = _repository("nineteen", tmp_path / "repository")
    Project(root).compile()
    (plan,) = _plans(root)
    (job,) = plan.jobs
    assert len(job.tasks) == 19
    assert (root / job.script_path).stat().st_size <= 16_000


def test_the_base_is_right_by_itself(tmp_path: Path) -> None:
    """All cases stand on it."""
    root = repository(tmp_path, {})
    (root / "manifests/requests").mkdir()
    _, problems = Project(root).check()
    assert problems == []
    assert BASE.is_dir() and os.access(BASE, os.R_OK)
