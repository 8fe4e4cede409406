"""`evalctl import settings` and `tables`: the lab's files unchanged, merged, and never over what is here."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec.literate import repository

from evalctl import cli

SETTINGS = 'reasoning:\n  system_message: "よく考えて"\n  temperature: 0.6\n  max_n: "4"\n  version: "1"\n'
PLACE = "manifests/models/lab/Thinker-8B.yaml"
RUNTIME = """\
key,script,result_dir,framework,hrt_q,hrt_f,wlt_HG,wlt_HF
ja_gpqa,swallow_gpqa_ja,ja/gpqa,lighteval,00:30:00,02:00:00,00:30:00,02:00:00,
ja_mmlu,swallow_jmmlu,ja/mmlu,lighteval,01:30:00,04:00:00,01:00:00,04:00:00,
ja_niah,niah_ja,ja/niah,lighteval,00:30:00,02:00:00,00:30:00,02:00:00,"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the catalogue, without requests."""
    root = repository(tmp_path / "repository", {})
    (root / "manifests" / "requests").mkdir(exist_ok=True)
    return root


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The lab's folders."""
    folder = tmp_path / "lab" / "custom_model_settings" / "lab"
    folder.mkdir(parents=True)
    (folder / "Thinker-8B.yaml").write_text(SETTINGS, encoding="utf-8")
    (folder.parent / "template.yaml").write_text("default: {version: 1}\n")
    (tmp_path / "lab" / "tasks_runtime.csv").write_text(RUNTIME)
    (tmp_path / "lab" / "task_settings.csv").write_text('key,generation_settings\nniah_ja,"temperature=0.0"\n')
    return tmp_path / "lab"


def evalctl(root: Path, *words: str) -> int:
    """The exit code of `evalctl import …`."""
    return cli.main(["--repo", str(root), "import", *words])


def test_settings_are_taken_over_byte_for_byte(root: Path, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At their publisher's place; the lab's template is documentation; a second time there is nothing to do."""
    assert evalctl(root, "settings", str(lab / "custom_model_settings")) == 0
    assert (root / PLACE).read_text(encoding="utf-8") == SETTINGS
    assert "1 taken over" in capsys.readouterr().out
    assert evalctl(root, "settings", str(lab / "custom_model_settings/lab/Thinker-8B.yaml")) == 0
    assert "0 taken over, 1 the same already" in capsys.readouterr().out


@pytest.mark.parametrize("parser", ["llmjp4", "nemotron_nano_v2"])
def test_a_parser_that_is_a_plugin_in_the_lab_is_named(
    root: Path, lab: Path, capsys: pytest.CaptureFixture[str], parser: str
) -> None:
    """With the place of its file and the two keys that a person adds; the settings are taken over as they are."""
    file = lab / "custom_model_settings/lab/Thinking-8B.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'think: {{reasoning_parser: {parser}, version: "1"}}\n')
    assert evalctl(root, "settings", str(lab / "custom_model_settings")) == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("attention: ")]
    assert f"manifests/models/reasoning_parsers/{parser}.py" in line
    assert f"`reasoning_parser_plugin: {parser}`" in line and "`trust_remote_code: true`" in line
    assert (root / "manifests/models/lab/Thinking-8B.yaml").read_bytes() == file.read_bytes()


def test_comments_make_no_difference(root: Path, lab: Path) -> None:
    """A file here that says the same keeps its own comments."""
    commented = "# ours\n" + SETTINGS
    (root / PLACE).parent.mkdir(exist_ok=True)
    (root / PLACE).write_text(commented, encoding="utf-8")
    assert evalctl(root, "settings", str(lab / "custom_model_settings")) == 0
    assert (root / PLACE).read_text(encoding="utf-8") == commented


def test_settings_that_differ_stay_until_replaced(root: Path, lab: Path) -> None:
    """Exit 1 says that a person has to choose."""
    (root / PLACE).parent.mkdir(exist_ok=True)
    (root / PLACE).write_text("own: {temperature: 0.1, version: 2}\n")
    assert evalctl(root, "settings", str(lab / "custom_model_settings")) == 1
    assert "own:" in (root / PLACE).read_text()
    assert evalctl(root, "settings", "--replace", "--dry-run", str(lab / "custom_model_settings")) == 0
    assert "own:" in (root / PLACE).read_text()
    assert evalctl(root, "settings", "--replace", str(lab / "custom_model_settings")) == 0
    assert (root / PLACE).read_text(encoding="utf-8") == SETTINGS


def test_a_mistake_in_one_settings_file_is_shown_there_and_none_is_written(
    root: Path, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The place is that of the lab's file."""
    (lab / "custom_model_settings/lab/Other.yaml").write_text("default:\n  temprature: 0.6\n  version: 1\n")
    assert evalctl(root, "settings", str(lab / "custom_model_settings")) == 1
    printed = capsys.readouterr().out
    assert "lab/Other.yaml:2:3" in printed
    assert "did you mean `temperature`?" in printed
    assert not (root / PLACE).exists()


def test_the_wrong_folder_is_said(root: Path, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A level too high, no settings below it, or nothing at all."""
    assert evalctl(root, "settings", str(lab)) == 1
    assert "is not of the form PUBLISHER/MODEL.yaml" in capsys.readouterr().out
    (lab / "empty").mkdir()
    assert evalctl(root, "settings", str(lab / "empty")) == 1
    assert evalctl(root, "settings", str(lab / "none")) == 1
    printed = capsys.readouterr().err
    assert "there is no .yaml file below" in printed
    assert "there is no" in printed


def test_new_rows_are_added_and_other_values_only_shown(
    root: Path, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab's word for its fork is ours for it; the file here keeps its form."""
    runtime = root / "manifests/tasks/tasks_runtime.csv"
    before = runtime.read_text()
    assert evalctl(root, "tables", str(lab / "tasks_runtime.csv"), str(lab / "task_settings.csv")) == 1
    new = "ja_niah,niah_ja,ja/niah,lighteval-swallow,00:30:00,02:00:00,00:30:00,02:00:00"
    assert runtime.read_text() == f"{before.rstrip()}\n{new}\n"
    printed = capsys.readouterr().out
    assert "ja_mmlu hrt_q: kept `01:00:00`, theirs is `01:30:00`" in printed
    assert "tasks_runtime.csv:3:" in printed
    assert "framework" not in printed
    assert (root / "manifests/tasks/task_settings.csv").read_text().endswith('niah_ja,"temperature=0.0"\n')


def test_replace_takes_their_values_and_changes_nothing_else(root: Path, lab: Path) -> None:
    """One cell of one line."""
    runtime = root / "manifests/tasks/tasks_runtime.csv"
    before = runtime.read_text().splitlines()
    words = (str(lab / "tasks_runtime.csv"), str(lab / "task_settings.csv"))
    assert evalctl(root, "tables", "--replace", *words) == 0
    changed = [line for line in runtime.read_text().splitlines() if line not in before]
    assert changed == [
        "ja_mmlu,swallow_jmmlu,ja/mmlu,lighteval-swallow,01:30:00,04:00:00,01:00:00,04:00:00",
        "ja_niah,niah_ja,ja/niah,lighteval-swallow,00:30:00,02:00:00,00:30:00,02:00:00",
    ]


def test_tables_that_would_break_the_catalogue_change_nothing(
    root: Path, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task without settings, and a table that is none."""
    runtime = root / "manifests/tasks/tasks_runtime.csv"
    before = runtime.read_bytes()
    assert evalctl(root, "tables", str(lab / "tasks_runtime.csv")) == 1
    assert "no default settings for `niah_ja`" in capsys.readouterr().out
    (lab / "tasks_runtime.csv").write_text(
        RUNTIME.replace("ja/gpqa,lighteval,00:30:00,02:00:00,00:30:00,02:00:00,", "ja/gpqa,lighteval")
    )
    assert evalctl(root, "tables", str(lab / "tasks_runtime.csv")) == 1
    assert "tasks_runtime.csv:2:" in capsys.readouterr().out
    assert runtime.read_bytes() == before
