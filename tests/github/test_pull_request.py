"""The steps of pull-request.yml, run as they stand on pull requests of every kind."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from evalctl.git.repository import open_repository
from evalctl.model.result import SCHEMA as RESULT
from evalctl.results.record import to_text
from evalctl.sync.ledger import Ledger
from evalctl.sync.records import JobRecord

from .remote import MODEL_SETTINGS, REQUEST, SETTINGS
from .workflow import WORKFLOWS, jobs, load, run_step

CHECK, COMPILE = "Check the manifests", "Are the scripts in generated/ what the manifests say?"
LEDGER = "Fetch the ledger"
SUMMARY = "Name what changes in the summary"
SCHEMA, PLAN = "Are the schemas what the program says?", "Plan against the base branch"
NEW = "manifests/requests/new.yaml"
COMMENT = "Write the comment"


def test_a_good_request_passes_and_its_plan_is_in_the_summary(pull_request):
    """Jobs, tasks, settings, time and cost of what is new; nothing of what main asked for already."""
    run = pull_request({NEW: REQUEST.replace("[ja_mmlu, en_mtbench]", "[swallow-ja]")})
    assert {name: ran.status for name, ran in run.steps.items()} == {
        LEDGER: 0,
        CHECK: 0,
        COMPILE: 0,
        SCHEMA: 0,
        SUMMARY: 0,
        PLAN: 0,
        COMMENT: 0,
    }
    assert run.annotations(CHECK) == []
    assert f"### {NEW}" in run.summary
    assert "old.yaml" not in run.summary
    assert re.search(r"1 job to submit: \d+ evals to run", run.summary)
    assert "| ja_gpqa | run (no result yet) |" in run.summary
    assert re.search(r"at most 12:20:00, [\d.]+ points", run.summary)


def test_mistakes_are_annotations_on_their_lines(pull_request):
    """On the line of the file that the pull request adds; the summary says that the request is blocked."""
    bad = REQUEST + "max_samples: many\n"
    run = pull_request({NEW: bad}, compiled=False)
    assert run.steps[CHECK].status == 1
    assert any(line.startswith(f"::error file={NEW},line=5,") for line in run.annotations(CHECK))
    assert COMPILE not in run.steps
    assert run.steps[PLAN].status == 1
    assert "Blocked by an error" in run.summary


def test_unknown_names_are_annotated_with_what_was_meant(pull_request):
    """An unknown task and unknown settings: line, column and a suggestion."""
    bad = "model: example/Llama-8B\ncustom_settings: plane\nservice: tsubame\ntasks: [ja_mmlu, ja_mmmlu]\n"
    run = pull_request({NEW: bad}, compiled=False)
    task, settings = f"::error file={NEW},line=4,col=18,", f"::error file={NEW},line=2,col=18,"
    found = run.annotations(CHECK)
    assert any(line.startswith(task) and "did you mean `ja_mmlu`" in line for line in found)
    assert any(line.startswith(settings) and "did you mean `plain`" in line for line in found)


def test_a_changed_setting_shows_what_would_run_again(pull_request):
    """The request itself is unchanged; its plan is not."""
    run = pull_request({MODEL_SETTINGS: SETTINGS.replace("2048", "4096").replace('"1"', '"2"')})
    assert run.steps[PLAN].status == 0
    assert "### manifests/requests/old.yaml" in run.summary
    assert "max_new_tokens=4096" in run.summary.replace("\\", "")


def test_scripts_that_were_not_compiled_are_found(pull_request):
    """`generated/` must say what the manifests say, or what was reviewed is not what runs."""
    run = pull_request({MODEL_SETTINGS: SETTINGS.replace("2048", "4096")}, compiled=False)
    assert run.steps[CHECK].status == 0
    assert run.steps[COMPILE].status == 1
    found = [line for line in run.annotations(COMPILE) if "title=generated-outdated" in line]
    assert found and all("evalctl compile" in line for line in found)


def test_what_changes_is_annotated_and_in_the_summary(pull_request):
    """A service's submit words as a warning; a score that no record supports as an error."""
    service = (WORKFLOWS.parents[1] / "manifests/services/tsubame.yaml").read_text(encoding="utf-8")
    fake = "results/hosted_vllm/team/Fake-1T/aggregated_results.json"
    run = pull_request(
        {"manifests/services/tsubame.yaml": service.replace("drain_seconds: 120", "drain_seconds: 77"), fake: "{}\n"}
    )
    assert run.steps[CHECK].status == 1
    said = "\n".join(run.annotations(CHECK))
    assert "::warning file=manifests/services/tsubame.yaml," in said and "drain_seconds: 120 → 77" in said
    assert f"::error file={fake}," in said and "supports it" in said
    assert "drain_seconds: 120 → 77" in run.summary.replace("\\", "") and "Fake-1T" in run.summary


def record(score: float) -> str:
    """A result that names an attempt."""
    return to_text({
        "schema": RESULT, "digest": "d" * 64, "measured_at": 1, "weights": {}, "samples": None,
        "task": {"key": "en_mmlu", "script": "mmlu", "result_dir": "en/mmlu"}, "subject": {"model": "team/tiny"},
        "scores": {"mmlu|0": {"em": score}}, "ran": {"job": "ev-old-00000000", "attempt": 1},
    })  # fmt: skip


def test_a_result_that_the_ledger_does_not_account_for_is_named(remote, pull_request):
    """The ledger's branch is fetched, so that the review says so; without one it is not known."""
    ledger = Ledger(open_repository(remote.work))
    ledger.record(lambda _: {"ev-old-00000000": JobRecord("ev-old-00000000")}, "a ledger")
    remote.git("push", "-q", "origin", "evalctl-state")
    run = pull_request({"results/hosted_vllm/team/tiny/en/mmlu/result.json": record(0.9)})
    assert run.steps[LEDGER].status == 0
    assert "UNPROVEN: no attempt in the ledger accounts for it" in "\n".join(run.annotations(CHECK))


def test_without_a_ledger_a_result_is_not_said_to_be_unproven(pull_request):
    """The step is no failure, and says what is not checked."""
    run = pull_request({"results/hosted_vllm/team/tiny/en/mmlu/result.json": record(0.9)})
    assert run.steps[LEDGER].status == 0 and "not checked" in run.steps[LEDGER].output
    assert "UNPROVEN" not in "\n".join(run.annotations(CHECK))


def test_a_change_without_a_request_plans_nothing(pull_request):
    """A document, for example."""
    run = pull_request({"docs/note.md": "hello\n"})
    assert all(ran.status == 0 for ran in run.steps.values())
    assert "No request changes its plan." in run.summary


def test_what_reached_main_meanwhile_is_not_in_the_plan(pull_request):
    """The base is main as it is merged into, not as it was when the branch began."""
    other = REQUEST.replace("[ja_mmlu, en_mtbench]", "[en_mmlu]")
    run = pull_request({"docs/note.md": "hello\n"}, meanwhile={"manifests/requests/other.yaml": other})
    assert run.steps[PLAN].status == 0
    assert "other.yaml" not in run.summary


def test_old_schemas_are_found(pull_request):
    """Editors must know what the program knows."""
    run = pull_request({"schema/request.schema.json": "{}\n"})
    assert run.steps[SCHEMA].status == 1
    assert "schema/request.schema.json" in run.steps[SCHEMA].output


def test_hostile_text_gives_the_runner_no_command_of_its_own(pull_request, tmp_path):
    """Text with line ends, workflow commands and shell words stays text: in annotations, in the summary, on the disk."""
    evil = "\\n::stop-commands::x\\n::add-mask::a\\n$(touch canary)`touch canary`"
    hostile = (
        f'model: "{evil}"\ncustom_settings: "{evil}"\nservice: "{evil}"\ntasks: ["{evil}"]\n'
        f'"{evil}": 1\nreason: "{evil}<script>@everyone"\n'
    )
    run = pull_request({"manifests/requests/$(touch canary).yaml": hostile, NEW: hostile}, compiled=False)
    assert run.steps[CHECK].status == 1
    for name, ran in run.steps.items():
        if name not in (SCHEMA, LEDGER):
            strange = [
                line for line in ran.output.splitlines() if not re.match(r"::(error|warning|notice) file=", line)
            ]
            assert strange == [], name
    assert "\n::" not in run.summary
    assert "<script>" not in run.summary
    assert list(tmp_path.rglob("canary")) == []


def test_the_install_step_takes_nothing_but_the_lock(tmp_path):
    """The step as it stands, with a python that writes down how it was called."""
    (job,) = jobs(load("pull-request.yml"))
    step = next(step for step in job["steps"] if step.get("id") == "install")
    standin = tmp_path / "python"
    standin.write_text(f"#!{sys.executable}\nimport sys\nprint(*sys.argv[1:])\n", encoding="utf-8")
    standin.chmod(0o755)
    ran = run_step(step, tmp_path, tmp_path, {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    first, second = ran.output.splitlines()
    assert ran.status == 0
    assert "--require-hashes -r requirements.lock" in first
    assert {"--no-deps", "--no-build-isolation", "-e"} <= set(second.split())


def test_the_lock_pins_every_package_by_hash_and_names_no_index():
    """So that two machines install the same files, wherever they get them."""
    text = Path(__file__).parents[2].joinpath("requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"(?m)^[a-z0-9][^\s=]*==.*(?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+", text)
    assert len(entries) == len(re.findall(r"(?m)^[^\s#]", text))
    assert "://" not in text
