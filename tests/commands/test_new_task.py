"""`evalctl new task`: three rows and a line (manual, 3.1), as a person would have written them, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from samples import repository as written
from spec.literate import repository

from evalctl import cli
from evalctl.shell import write_together

TASKS = "manifests/tasks"
NEW = ("--result-dir", "ja/niah", "--framework", "lighteval-swallow", "--times", "q=00:30:00,f=02:00:00")
WORDS = ("ja_niah", "--script", "lcb:codegeneration_v1", *NEW, "--metric", "exact_match", "--entry", "niah@ja")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The shipped catalogue, without requests."""
    root = repository(tmp_path, {})
    (root / "manifests" / "requests").mkdir(exist_ok=True)
    return root


def new_task(root: Path, *words: str) -> int:
    """The exit code of `evalctl new task …`."""
    return cli.main(["--repo", str(root), "new", "task", *words])


def texts(root: Path) -> dict[str, str]:
    """The shared task files."""
    return {path.name: path.read_bytes().decode() for path in (root / TASKS).iterdir()}


def added(before: dict[str, str], after: dict[str, str]) -> dict[str, list[str]]:
    """The lines that each file has more; none may be gone."""
    found = {}
    for name, text in before.items():
        old, new = text.splitlines(), after[name].splitlines()
        assert [line for line in new if line in old] == old
        if more := [line for line in new if line not in old]:
            found[name] = more
    return found


def test_a_task_is_two_rows_a_metric_line_and_a_word_in_its_suite(root: Path) -> None:
    """All other lines, comments and their order stay; a check of the whole finds nothing."""
    before = texts(root)
    assert new_task(root, *WORDS, "--suite", "swallow-ja") == 0
    assert added(before, texts(root)) == {
        "tasks_runtime.csv": [
            "ja_niah,lcb:codegeneration_v1,ja/niah,lighteval-swallow,00:30:00,02:00:00,00:30:00,02:00:00"
        ],
        "task_settings.csv": ['lcb:codegeneration_v1,"temperature=0.0"'],
        "metrics.yaml": [
            '  - {name: "niah@ja", function: pick, metrics: [exact_match], tasks: ["lcb:codegeneration_v1"]}'
        ],
        "suites.yaml": ["  - ja_niah"],
    }
    assert cli.main(["--repo", str(root), "check"]) == 0


def test_a_new_task_can_be_asked_for_at_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the rows to a script of its own."""
    model = "model: tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5\n"
    assert new_task(root, *WORDS, "--settings", "temperature=0.2,top_p=0.95") == 0
    written(root, {"manifests/requests/a.yaml": f"{model}service: tsubame\ntasks: [ja_niah]\n"}, base=None)
    assert cli.main(["--repo", str(root), "compile"]) == 0, capsys.readouterr().out
    (script,) = (root / "generated" / "a").glob("*.sh")
    assert "swallow|lcb:codegeneration_v1|0|0" in script.read_text()
    assert "temperature: 0.2" in script.read_text()


def test_a_file_of_the_lab_keeps_its_form(root: Path) -> None:
    """Trailing commas, no newline at the end, Windows line ends: the new row has them, too."""
    path = root / TASKS / "tasks_runtime.csv"
    lines = [line + "," for line in path.read_text().splitlines()]
    path.write_bytes("\r\n".join(lines).encode())
    assert new_task(root, *WORDS) == 0
    new = "ja_niah,lcb:codegeneration_v1,ja/niah,lighteval-swallow,00:30:00,02:00:00,00:30:00,02:00:00,"
    assert path.read_bytes().decode() == "\r\n".join([*lines, new])


def test_a_suite_in_one_line_stays_in_one_line(root: Path) -> None:
    """With its comment."""
    assert new_task(root, *WORDS, "--suite", "code") == 0
    assert (
        "code: [ja_humaneval, en_livecodebench_v5_v6, en_humaneval, en_humanevalplus, ja_niah]"
        in texts(root)["suites.yaml"].splitlines()
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ja_mmlu", "--script", "other", *NEW), "`ja_mmlu` exists already"),
        (("ja_niah", "--script", "aime", *NEW, "--settings", "temperature=0.5"), "`aime` has other default settings"),
        ((*WORDS[:-1], "jmmlu"), "`jmmlu` is listed twice"),
        ((*WORDS, "--suite", "swallow-jp"), "did you mean `swallow-ja`?"),
        ((*WORDS, "--settings", "temprature=0.0"), "did you mean `temperature`?"),
        (("ja_niah", "--script", "niah", "--result-dir", "ja/mmlu", *NEW[2:]), "have the same result_dir"),
        (("ja niah", "--script", "niah", *NEW), "cannot be a key"),
        (("ja_niah", "--script", "niah", *NEW[:3], "lightevel", *NEW[4:]), "did you mean `lighteval`?"),
        (("ja_niah", "--script", "niah", *NEW[:-1], "q=30m"), "`30m` is not a time"),
        (("ja_niah", "--script", "niah", *NEW[:-1], "x=00:30:00"), "the columns are: hrt_q"),
        ((), "evalctl new task KEY --script … --result-dir … --framework … --times …"),
        (("ja_niah", "--script", "niah"), "evalctl new task --result-dir … --framework … --times …"),
        ((*WORDS, "--metric", "second"), "there are 2 --metric but 1 --entry"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    root: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names that are taken, names that do not exist, forms that cannot be: with a reason, and no file changes."""
    before = texts(root)
    assert new_task(root, *words) == 1
    printed = capsys.readouterr()
    assert said in printed.out + printed.err
    assert texts(root) == before


def test_a_repository_with_another_mistake_can_still_grow(root: Path) -> None:
    """Only what the new task would break forbids it."""
    written(root, {"manifests/requests/broken.yaml": "model: a/b\nservice: tsubame\ntasks: [ja_mmul]\n"}, base=None)
    assert new_task(root, *WORDS) == 0


def test_several_files_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    """A second file that cannot be written takes the first one back."""
    (tmp_path / "a").write_text("old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_together(tmp_path, {"a": "new", "b": "new", "folder": "in the way"})
    assert {path.name: path.is_file() and path.read_text() for path in tmp_path.iterdir()} == {
        "a": "old",
        "folder": False,
    }


def test_a_request_may_still_be_called_task(root: Path) -> None:
    """`evalctl new` keeps its form."""
    words = [
        "--model",
        "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5",
        "--service",
        "tsubame",
        "--tasks",
        "ja_mmlu",
    ]
    assert cli.main(["--repo", str(root), "new", "task", *words]) == 0
    assert (root / "manifests/requests/task.yaml").is_file()
    assert cli.main(["--repo", str(root), "new", "one", "two", *words]) == 1
