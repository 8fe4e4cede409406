"""The lab's tasks, their decoding and its suites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from evalctl.model.fields import RESULT_DIR, Name, TaskWord
from evalctl.model.manifest import CustomSettings

from .conftest import MANIFESTS, document, rows, seconds

COLUMNS = ["key", "script", "result_dir", "framework", "hrt_q", "hrt_f", "wlt_HG", "wlt_HF"]
OPTIONAL = {"ja_jemhopqa", "en_humaneval", "en_humanevalplus"}


def expand(name: str, suites: dict[str, list[str]]) -> list[str]:
    """The task keys of a suite."""
    return [key for item in suites[name] for key in (expand(item, suites) if item in suites else [item])]


def test_table_has_the_labs_columns_and_whole_rows() -> None:
    """Eight columns in the lab's order, none empty, no key or place of results twice."""
    table = rows("tasks_runtime.csv")
    assert [list(row) for row in table] == [COLUMNS] * len(table)
    assert all(all(row.values()) for row in table)
    assert len({row["key"] for row in table}) == len({row["result_dir"] for row in table}) == len(table) == 22


def test_keys_and_places_have_the_forms_that_the_program_accepts(tasks: dict[str, dict[str, str]]) -> None:
    """A key is {language}_{task}; results lie under that language."""
    for key, row in tasks.items():
        assert TypeAdapter(TaskWord).validate_python(key) == key
        assert re.match(RESULT_DIR, row["result_dir"])
        assert row["result_dir"].startswith(key[:2] + "/") and key[:3] in ("ja_", "en_")
        assert row["framework"] == "lighteval-swallow"


def test_abci_times_are_those_of_the_same_kind_of_node(tasks: dict[str, dict[str, str]]) -> None:
    """The lab allows as long on one H200 as on one H100, and never less on a full node."""
    for row in tasks.values():
        assert (row["hrt_q"], row["hrt_f"]) == (row["wlt_HG"], row["wlt_HF"])
        assert 1800 <= seconds(row["hrt_q"]) <= seconds(row["hrt_f"]) <= 24 * 3600


@pytest.mark.parametrize(
    ("suite", "count", "hours"),
    [("swallow", 19, 25), ("swallow-ja", 10, 13), ("swallow-en", 9, 12), ("swallow-all", 22, 29.5)],
)
def test_suites_have_the_labs_size(
    suite: str, count: int, hours: float, tasks: dict[str, dict[str, str]], suites: dict[str, list[str]]
) -> None:
    """The standard run is 19 tasks and 25 hours on one GPU: 13 Japanese and 12 English."""
    keys = expand(suite, suites)
    assert len(set(keys)) == len(keys) == count
    assert sum(seconds(tasks[key]["hrt_q"]) for key in keys) == hours * 3600


def test_the_standard_run_takes_a_hundred_hours_on_a_full_node(
    tasks: dict[str, dict[str, str]], suites: dict[str, list[str]]
) -> None:
    """Models above 13B get four times as long."""
    assert sum(seconds(tasks[key]["hrt_f"]) for key in expand("swallow", suites)) == 100 * 3600


def test_the_optional_tasks_are_only_in_the_whole_run(suites: dict[str, list[str]]) -> None:
    """What the lab runs on request is not part of the standard run."""
    assert set(expand("swallow-all", suites)) - set(expand("swallow", suites)) == OPTIONAL


def test_every_suite_names_tasks_that_exist_and_no_task_is_in_none(
    tasks: dict[str, dict[str, str]], suites: dict[str, list[str]]
) -> None:
    """No dangling name, no suite named like a task."""
    named = {key for suite in suites for key in expand(suite, suites)}
    assert named <= set(tasks)
    assert not set(suites) & set(tasks)
    assert set(tasks) == named
    TypeAdapter(dict[Name, list[TaskWord]]).validate_python(suites)


def test_every_task_has_its_decoding_and_only_the_variant_has_no_row(tasks: dict[str, dict[str, str]]) -> None:
    """task_settings.csv is keyed by the framework's task names."""
    settings = [row["key"] for row in rows("task_settings.csv")]
    assert len(set(settings)) == len(settings)
    assert set(settings) - {row["script"] for row in tasks.values()} == {"japanese_mt_bench_truncate_6144"}
    assert {row["script"] for row in tasks.values()} <= set(settings)


def test_decoding_is_what_the_lab_uses() -> None:
    """Greedy but for code and MT-Bench, which sets its own."""
    settings = {row["key"]: row["generation_settings"] for row in rows("task_settings.csv")}
    sampled = {key: text for key, text in settings.items() if text != "temperature=0.0"}
    code, sixteen = "temperature=0.2,top_p=0.95", "temperature=0.6,top_p=0.95"
    assert sampled == {
        "english_mt_bench": "", "japanese_mt_bench": "", "japanese_mt_bench_truncate_6144": "",
        "mifeval_ja": "temperature=0.0,top_p=1.0",
        "swallow_jhumaneval": code, "humaneval": code, "humanevalplus": code,
        "lcb:codegeneration_v5_v6": sixteen,
    }  # fmt: skip


def test_values_are_quoted_as_the_lab_writes_them() -> None:
    """Several settings stand in one quoted cell."""
    lines = (MANIFESTS / "tasks" / "task_settings.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert all(re.fullmatch(r'[A-Za-z0-9_:-]+,"[a-z_=0-9.,]*"', line) for line in lines)


SETTINGS = [path for path in sorted((MANIFESTS / "models").rglob("*.yaml")) if not path.name.endswith(".lock.yaml")]


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_custom_settings_are_valid_and_versioned(path: Path) -> None:
    """Each shipped set of custom settings fits the model and has a version."""
    sets = document(str(path.relative_to(MANIFESTS)))
    assert sets
    for name, settings in sets.items():
        assert TypeAdapter(Name).validate_python(name) == name
        assert CustomSettings.model_validate(settings).version


def test_the_template_shows_every_parameter() -> None:
    """Whoever copies it sees all that can be set; what needs a file is there as a comment."""
    shown = {key for settings in document("models/template.yaml").values() for key in settings}
    assert set(CustomSettings.model_fields) - shown == {"chat_template", "reasoning_parser_plugin"}


def test_common_settings_do_not_hide_a_models_own_default() -> None:
    """`default` belongs to each model."""
    assert "default" not in document("models/common_settings.yaml")
