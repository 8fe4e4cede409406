"""What tasks a framework has is known at check time."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec.literate import ROOT, repository

from evalctl import cli
from evalctl.environments import FOLDER
from evalctl.frameworks import lighteval, lighteval_swallow
from evalctl.frameworks.pins import listed_tasks

OF_202604 = (
    "jamcqa", "jamcqa_cot", "jgpqa:diamond", "jgpqa_N16:diamond", "swallow_gpqa_ja_N16", "math_100_japanese_N16", "gpqa_N16:diamond",
    "math_500_N16", "aime_N16",
)  # fmt: skip


def test_each_list_is_of_the_version_that_is_pinned() -> None:
    """A new pin without a new list is a failure here."""
    heads = [
        (FOLDER / f"{name}.tasks").read_text(encoding="utf-8").splitlines()[0]
        for name in ("lighteval", "lighteval-swallow")
    ]
    assert heads == [f"# lighteval {lighteval.version()}", f"# commit {lighteval_swallow.pinned_commit()}"]


def test_every_task_of_the_catalogue_can_run() -> None:
    """Of the lab's edition 202604 nine names are not in the pinned fork: they are in no row."""
    scripts = [
        line.split(",")[1] for line in (ROOT / "manifests/tasks/tasks_runtime.csv").read_text("utf-8").splitlines()[1:]
    ]
    known = listed_tasks("lighteval-swallow")
    assert [
        script for script in scripts if not any(name == script or name.startswith(f"{script}:") for name in known)
    ] == []
    assert not {*OF_202604} & {*known, *scripts}


@pytest.mark.parametrize(
    ("framework", "script", "said"),
    [
        *(("lighteval-swallow", script, f"has no task `{script}`") for script in OF_202604),
        ("lighteval-swallow", "mat_500", "did you mean `math_500`?"), ("lighteval", "lcb:nothing", "has no task `lcb:nothing`"),
        ("lighteval", "arc:challenge", "compares log-probabilities"), ("lighteval", "arc", "compares log-probabilities"),
    ],
)  # fmt: skip
def test_a_task_that_cannot_run_is_an_error_of_the_request_and_a_warning_of_the_row(
    tmp_path: Path, framework: str, script: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the version, and a name that is meant."""
    row = f"ja_mine,{script},ja/mine,{framework},01:00:00,04:00:00,01:00:00,04:00:00\n"
    root = repository(tmp_path, {})
    for name, line in (("tasks_runtime.csv", row), ("task_settings.csv", f'{script},"temperature=0.0"\n')):
        with (root / "manifests/tasks" / name).open("a", encoding="utf-8") as file:
            file.write(line)
    (root / "manifests/requests").mkdir(exist_ok=True)
    assert cli.main(["--repo", str(root), "check"]) == 0
    assert "warning[unavailable-task]" in (printed := capsys.readouterr().out)
    assert said in printed
    model = "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"
    (root / "manifests/requests/a.yaml").write_text(
        f"model: {model}\nservice: tsubame\ntasks: [ja_mine]\n", encoding="utf-8"
    )
    assert cli.main(["--repo", str(root), "check"]) == 1
    assert "error[unavailable-task]" in capsys.readouterr().out


@pytest.mark.parametrize(("framework", "script"), [("lighteval", "demo_arithmetic"), ("lighteval", "gsm8k"), ("lighteval-swallow", "aime"),
                                                   ("lighteval", "gsm_plus"), ("lighteval-swallow", "demo_subjects")])  # fmt: skip
def test_tasks_that_exist_are_not_found_fault_with(
    tmp_path: Path, framework: str, script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The framework's own, wholes of subsets, and those that this project ships."""
    row = f"ja_mine,{script},ja/mine,{framework},01:00:00,04:00:00,01:00:00,04:00:00\n"
    root = repository(tmp_path, {})
    for name, line in (("tasks_runtime.csv", row), ("task_settings.csv", f'{script},"temperature=0.0"\n')):
        with (root / "manifests/tasks" / name).open("a", encoding="utf-8") as file:
            file.write("" if script == "aime" and name == "task_settings.csv" else line)
    (root / "manifests/requests").mkdir(exist_ok=True)
    assert cli.main(["--repo", str(root), "check"]) == 0
    assert "unavailable-task" not in capsys.readouterr().out
