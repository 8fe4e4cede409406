"""A job that is cut off goes on, at a real scheduler with the real relay and lighteval: nothing is asked twice, nothing
is measured otherwise than without the cut. The model is a stand-in that gives each question its own answer, slowly.

Not on the stand-in for PBS: what it would add to its stories is lighteval's time alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import REAL, Lab, lab_at, labs_where
from sites import CARD
from standin_place import standin

from evalctl.environments import catalogue, check

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENTS = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or REPOSITORY / ".evalctl/environments")
QUESTIONS = 12  # of demo_arithmetic, each of which takes four seconds
ASKED_ONE_BY_ONE = {"task": "arithmetic", "concurrency": 1, "retries": 9}
REQUESTS: dict[str, dict[str, Any]] = {
    "calm": {**ASKED_ONE_BY_ONE, "model": "team/calm", "service": "patient"},
    "too-short": {**ASKED_ONE_BY_ONE, "model": "team/short"},
    "killed": {**ASKED_ONE_BY_ONE, "model": "team/killed", "service": "patient"},
}
SERVICE = """\
scheduler: {scheduler}
submit_args: ["{group}", "{{SITE_GROUP}}"]
node_kinds:
  cpu: {{gpus: 0, runtime_column: {column}, server_environment: vllm-cpu, serves: true, directives: {directives}}}
small_model: cpu
grace_minutes: 0
drain_seconds: 10
walltime_step_minutes: 1
start_allowance_minutes: 0
"""


class RealLab(Lab):
    """With the job environment of lighteval as it is; root's own, so root submits."""

    def _submitter(self) -> str:
        return ""

    def _manifests(self) -> dict[str, str]:
        models = [str(request["model"]) for request in REQUESTS.values()]
        return {
            **super()._manifests(),
            "manifests/services/site.yaml": self._service("short"),
            "manifests/services/patient.yaml": self._service("long"),
            "manifests/tasks/tasks_runtime.csv": "key,script,result_dir,framework,short,long\n"
            "en_arithmetic,demo_arithmetic,en/arithmetic,lighteval,00:00:40,00:20:00\n",
            "manifests/tasks/task_settings.csv": 'key,generation_settings\ndemo_arithmetic,"temperature=0.0"\n',
            "manifests/tasks/metrics.yaml": "entries:\n  - {name: arithmetic, function: pick, metrics: [exact_match], "
            "tasks: [demo_arithmetic]}\n",
            "manifests/tasks/suites.yaml": "all: [en_arithmetic]\n",
            **{f"manifests/models/{model}.lock.yaml": json.dumps({**CARD, "model": model}) for model in models},
        }

    def _service(self, column: str) -> str:
        site = self.site
        return SERVICE.format(
            scheduler=site.scheduler, group=site.group, directives=json.dumps(site.directives), column=column
        )

    def _environments(self) -> None:
        super()._environments()
        framework, server = (catalogue()[name].directory_name for name in ("lighteval", "vllm-cpu"))
        folder = self.top / "environments" / framework
        folder.rename(folder.with_suffix(".standin"))
        folder.symlink_to(ENVIRONMENTS / framework)
        self._write(f"environments/{server}/bin/vllm", standin("settled_vllm", self.python), mode=0o755)

    def asked(self, request: str) -> list[str]:
        """Every question that the server was asked, over all attempts."""
        files = self.root.glob(f".evalctl/runs/{self.job(request)}/a*/asked")
        return [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]

    def kept(self, request: str) -> int:
        """How many answers lie ready for the next attempt."""
        plan = json.loads((self.root / f"generated/{request}/plan.json").read_text(encoding="utf-8"))
        files = self.root.glob(f".evalctl/answers/*/{plan['jobs'][0]['tasks'][0]['digest']}.jsonl")
        return sum(path.read_bytes().count(b"\n") for path in files)

    def result(self, request: str) -> dict[str, Any]:
        """The committed record."""
        path = f"results/hosted_vllm/{REQUESTS[request]['model']}/en/arithmetic/result.json"
        return dict(json.loads(self.git("show", f"origin/main:{path}")))

    def walltimes(self, request: str) -> list[int]:
        """What each attempt asked for, in seconds."""
        ledger = json.loads(self.git("show", f"evalctl-state:jobs/{self.job(request)}.json"))
        return [attempt["walltime_seconds"] for attempt in ledger["attempts"]]


@pytest.fixture(scope="module")
def labs(request: pytest.FixtureRequest) -> Iterator[dict[str, RealLab]]:
    """A clone for each scheduler that answers: everything is submitted side by side, and one job is killed at work."""
    if missing := check(["lighteval"], ENVIRONMENTS):
        pytest.skip("; ".join(missing))
    with labs_where(request, lambda site: RealLab(site, REQUESTS)) as made:
        for lab in made.values():
            lab.sync()
            lab.sync("patient")
        for lab in made.values():  # at once: left alone, the job would be done in a minute
            lab.wait(lambda lab=lab: lab.kept("killed") >= 2, 180, lambda lab=lab: lab.story("killed"))
            lab.administrator((lab.site.programs[2], "{id}"), lab.number("killed"))
        yield made


@pytest.fixture(params=REAL)
def lab(request: pytest.FixtureRequest, labs: dict[str, RealLab]) -> RealLab:
    """The clone at one scheduler."""
    return lab_at(request.param, labs)


def test_a_job_killed_in_mid_run_goes_on(lab: RealLab) -> None:
    """Ended by the site while it worked: the next attempt asks only what was never answered."""
    if lab.until("killed", "submit retry", "stop cancelled", service="patient")[-1] == "stop cancelled":
        assert (
            lab.evalctl("retry", "--service", "patient", "killed").returncode == 0
        )  # TERM: told of as somebody's wish
    lab.until("killed", "done result-current", seconds=240, service="patient")
    samples = lab.result("killed")["samples"]
    assert samples["replayed"] >= 2
    assert samples["asked"] == samples["answered"] == samples["replayed"] + samples["fresh"] == QUESTIONS
    # One question may have been under way when it ended; of those that were answered none was asked again.
    assert len(set(lab.asked("killed"))) == QUESTIONS
    assert len(lab.asked("killed")) <= QUESTIONS + 1


def test_a_job_without_enough_time_gets_more(lab: RealLab) -> None:
    """It stops by itself before its real walltime, and each next attempt has half as much again and fewer questions."""
    lab.until("too-short", "done result-current", seconds=400)
    asked = lab.walltimes("too-short")
    assert len(asked) >= 2
    assert asked[:2] == [60, 120]
    assert asked == sorted(asked)
    assert len(set(lab.asked("too-short"))) == QUESTIONS
    assert len(lab.asked("too-short")) <= QUESTIONS + len(asked) - 1
    first = json.loads((lab.run_dir("too-short") / "marks/finished.json").read_text())
    assert (first["exit"], first["reason"]) == (76, "timeout")


def test_cut_or_not_the_scores_are_the_same(lab: RealLab) -> None:
    """Three models that give the same answers: one undisturbed, two cut off."""
    lab.until("calm", "done result-current", seconds=200, service="patient")
    scores = [lab.result(request)["scores"] for request in REQUESTS]
    assert scores[0]["demo_arithmetic|0"]["exact_match"] > 0
    assert scores == scores[:1] * 3
    assert len(lab.asked("calm")) == QUESTIONS
