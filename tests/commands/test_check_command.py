"""`evalctl check` and `compile` as a person or CI calls them: what is printed where, exit codes, nothing changed on disk."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from spec.literate import EXAMPLE, repository

from evalctl.stamps import SETTLED_NS

GOOD = "model: tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5\nservice: tsubame\ntasks: [ja_mmlu]\n"
BAD = GOOD.replace("ja_mmlu", "日本語, ja_mmul")
WARNED = GOOD.replace("ja_mmlu", "ja_jemhopqa")


def evalctl(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command as installed."""
    return subprocess.run(
        [sys.executable, "-m", "evalctl", *words], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, encoding="utf-8", timeout=60
    )  # fmt: skip


def with_request(root: Path, text: str) -> Path:
    """The base repository with one request."""
    return repository(root, {EXAMPLE: text.encode()})


def state(root: Path) -> dict[str, tuple[str, int]]:
    """Every file outside of evalctl's own cache: digest and time of modification."""
    return {
        path.relative_to(root).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".evalctl" not in path.parts
    }


def test_a_good_repository(tmp_path: Path) -> None:
    """Exit 0, nothing on standard output, one line for the person."""
    said = evalctl("check", cwd=with_request(tmp_path, GOOD))
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "1 request: no findings\n")


def test_a_warning_is_no_failure(tmp_path: Path) -> None:
    """CI goes on, and the person is told."""
    said = evalctl("check", cwd=with_request(tmp_path, WARNED))
    assert said.returncode == 0
    assert "warning[task-without-metrics]" in said.stdout
    assert said.stderr == "1 request: 1 warning\n"


def test_errors_as_text(tmp_path: Path) -> None:
    """Exit 1; the whole of it."""
    said = evalctl("check", cwd=with_request(tmp_path, BAD))
    assert (said.returncode, said.stderr) == (1, "1 request: 2 errors\n")
    assert said.stdout == (
        "error[forbidden-text]: item 1 of `tasks` cannot be \"日本語\"\n"
        " --> manifests/requests/example.yaml:3:9\n"
        "  |\n"
        "3 | tasks: [日本語, ja_mmul]\n"
        "  |         ^^^^^^\n"
        "  = help: write a suite or a task key; a leading - excludes it\n"
        "\n"
        "error[unknown-task]: there is no task or suite `ja_mmul`\n"
        " --> manifests/requests/example.yaml:3:14\n"
        "  |\n"
        "3 | tasks: [日本語, ja_mmul]\n"
        "  |                 ^^^^^^^\n"
        "  = help: did you mean `ja_mmlu`?\n"
        "\n"
    )  # fmt: skip


def test_one_request_is_checked_alone(tmp_path: Path) -> None:
    """By file or name, from any folder; another's mistakes are passed over, a name that does not exist is guessed."""
    root = with_request(tmp_path, GOOD)
    (root / "manifests/requests/other.yaml").write_text(BAD, encoding="utf-8")
    said = evalctl("check", "example.yaml", cwd=root / "manifests/requests")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "1 request: no findings\n")
    assert evalctl("check", "other", "manifests/requests/example.yaml", cwd=root).returncode == 1
    unknown = evalctl("check", "othre", cwd=root)
    assert unknown.returncode == 1 and "did you mean `other`?" in unknown.stderr


@pytest.mark.parametrize(
    ("request_text", "help"),
    [
        (GOOD.replace("v0.5", "v0.4"), "did you mean `tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5`? Otherwise type"),
        (GOOD.replace("model: ", "model:"), "a space is missing after the colon: write `model: tokyotech-llm/"),
        (GOOD.replace("service", "ｓｅｒｖｉｃｅ"), "did you mean `service`?"),
        (f"{GOOD}node_kind: cpu_16\n", "choose a node kind with a whole GPU (node_f, node_h, node_q, gpu_1), or remove `node_kind`"),
        (f"{GOOD}provider: deepinfra\nnode_kind: node_q\n", "choose a CPU node kind (cpu_160, cpu_80, cpu_40, cpu_16), or"),
        (f"{GOOD}cuda_visible_devices: [0, 1]\n", 'write it as text: "0,1"'),
        (f"{GOOD}max_samples: five\n", "write e.g. `max_samples: 10`"),
        (f"{GOOD}retries: -1\n", "write a number, at least 0, at most 10"),
        (f"{GOOD}custom_settings: nonsense\n", "there are: default, "),
        ("model: deepseek-ai/DeepSeek-R1-Distill-Llama-8B\nservice: tsubame\ntasks: [ja_mmlu]\n",
         "write custom_settings: one of reasoning_"),
    ],
)  # fmt: skip
def test_the_help_can_be_typed(tmp_path: Path, request_text: str, help: str) -> None:
    """Names and values, not only what is wrong."""
    assert help in evalctl("check", cwd=with_request(tmp_path, request_text)).stdout


def test_a_model_that_comes_is_known_at_once(tmp_path: Path) -> None:
    """The guess at a misspelt model follows the files, whatever was remembered."""
    root = with_request(tmp_path, GOOD.replace("tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5", "new/model-1"))
    assert "did you mean" not in evalctl("check", cwd=root).stdout
    (root / "manifests/models/new").mkdir()
    (root / "manifests/models/new/model-2.yaml").write_text("default: {version: '1'}\n")
    assert "did you mean `new/model-2`?" in evalctl("check", cwd=root).stdout


@pytest.mark.parametrize(
    ("path", "spoil", "codes"),
    [
        ("manifests/services/tsubame.yaml", ("gridengine", "gridengin"), ["unknown-service", "wrong-type"]),
        ("manifests/tasks/metrics.yaml", ("\nentries:", "\nentries: ]"), ["yaml-syntax"]),
    ],
)
def test_a_faulty_file_is_no_missing_name(tmp_path: Path, path: str, spoil: tuple[str, str], codes: list[str]) -> None:
    """The request is sent to the mistake, not to a new file of that name, and no metric is missed in its stead."""
    root = with_request(tmp_path, GOOD)
    (root / path).write_text((root / path).read_text(encoding="utf-8").replace(*spoil, 1), encoding="utf-8")
    found = json.loads(evalctl("check", "--format", "json", cwd=root).stdout)
    assert [one["code"] for one in found] == codes
    assert all(one["help"] == f"fix {path} first" for one in found if one["code"] == "unknown-service")


def test_a_time_that_is_too_long_names_the_task_and_its_row(tmp_path: Path) -> None:
    """The caret stands under the task, and the row to change is there to be opened. A request that allows questions without an
    answer is not divided."""
    root = with_request(
        tmp_path, GOOD.replace("[ja_mmlu]", "[swallow-en, ja_mmlu]") + "node_kind: node_q\nunanswered: 1\n"
    )
    table = root / "manifests/tasks/tasks_runtime.csv"
    rows = [line.split(",") for line in table.read_text(encoding="utf-8").splitlines()]
    (row,) = [number for number, cells in enumerate(rows) if cells[0] == "ja_mmlu"]
    rows[row][4] = "99:00:00"
    table.write_text("\n".join(",".join(cells) for cells in rows), encoding="utf-8")
    (one,) = json.loads(evalctl("check", "--format", "json", cwd=root).stdout)
    assert (one["code"], one["line"], one["column"]) == ("walltime-beyond-limit", 3, 21)
    assert one["notes"] == [{"message": "its row", "place": f"manifests/tasks/tasks_runtime.csv:{row + 1}:1"}]
    assert one["help"].startswith(
        "leave out `unanswered`, or lower hrt_q of ja_mmlu in manifests/tasks/tasks_runtime.csv to 24:00:00"
    )


def test_errors_as_json(tmp_path: Path) -> None:
    """Nothing but JSON on standard output, Japanese as it is."""
    said = evalctl("check", "--format", "json", cwd=with_request(tmp_path, BAD))
    assert said.returncode == 1
    assert [(one["code"], one["line"], one["column"]) for one in json.loads(said.stdout)] == [
        ("forbidden-text", 3, 9), ("unknown-task", 3, 14),
    ]  # fmt: skip
    assert "日本語" in said.stdout
    assert json.loads(evalctl("check", "--format", "json", cwd=with_request(tmp_path, GOOD)).stdout) == []


def test_errors_as_github_annotations(tmp_path: Path) -> None:
    """A line for each finding, and no other."""
    said = evalctl("check", "--format", "github", cwd=with_request(tmp_path, BAD))
    assert said.returncode == 1
    assert said.stdout.splitlines() == [
        "::error file=manifests/requests/example.yaml,line=3,col=9,endColumn=12,title=forbidden-text"
        '::item 1 of `tasks` cannot be "日本語"%0Awrite a suite or a task key; a leading - excludes it',
        "::error file=manifests/requests/example.yaml,line=3,col=14,endColumn=21,title=unknown-task"
        "::there is no task or suite `ja_mmul`%0Adid you mean `ja_mmlu`?",
    ]


def test_an_unknown_format_is_usage(tmp_path: Path) -> None:
    """Exit 2, as for every wrong word on the command line."""
    assert evalctl("check", "--format", "xml", cwd=with_request(tmp_path, GOOD)).returncode == 2
    assert evalctl("chekc", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("words", [("check",), ("compile",), ("compile", "--check"), ("plan",), ("schema", "--check")])
def test_a_failing_command_changes_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    """With a script compiled before and a request that is broken now: all files as they were, times included."""
    root = with_request(tmp_path, GOOD)
    assert evalctl("compile", cwd=root).returncode == 0
    (root / EXAMPLE).write_text(BAD, encoding="utf-8")
    (root / "generated/example/left-over.sh").write_text("# a foreign file\n")
    before = state(root)
    assert evalctl(*words, cwd=root).returncode == 1
    assert state(root) == before


def test_compile_writes_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    """The second call changes no file, and --check agrees; an edit by hand is found and mended."""
    root = with_request(tmp_path, GOOD)
    assert evalctl("compile", "--check", cwd=root).returncode == 1
    assert evalctl("compile", cwd=root).returncode == 0
    before = state(root)
    assert evalctl("compile", cwd=root).returncode == 0
    assert evalctl("compile", "--check", cwd=root).returncode == 0
    assert state(root) == before
    script = next((root / "generated/example").glob("*.sh"))
    script.write_text(script.read_text(encoding="utf-8") + "rm -rf .\n", encoding="utf-8")
    said = evalctl("compile", "--check", cwd=root)
    assert said.returncode == 1 and "generated-outdated" in said.stdout
    assert evalctl("compile", cwd=root).returncode == 0
    assert "rm -rf ." not in script.read_text(encoding="utf-8")


def test_remembering_changes_no_finding(tmp_path: Path) -> None:
    """The second call, from memory, says exactly what the first said; a mended file is noticed at once."""
    root = with_request(tmp_path, BAD)
    time.sleep(SETTLED_NS / 1e9 + 0.1)  # a file of this very moment is not remembered
    first, second = (evalctl("check", cwd=root) for _ in range(2))
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout)
    (root / EXAMPLE).write_text(GOOD, encoding="utf-8")
    assert evalctl("check", cwd=root).returncode == 0


def test_a_damaged_memory_is_no_obstacle(tmp_path: Path) -> None:
    """Half a file, another version, no permission to write: the same findings."""
    root = with_request(tmp_path, BAD)
    said = evalctl("check", cwd=root).stdout
    cache = root / ".evalctl/cache/compile.json"
    for damage in ("{", "[]", '{"version": 0}', ""):
        cache.write_text(damage)
        assert evalctl("check", cwd=root).stdout == said


def test_from_a_folder_below(tmp_path: Path) -> None:
    """Places are relative to the repository, wherever the person stands."""
    root = with_request(tmp_path, BAD)
    assert evalctl("check", cwd=root / "manifests/requests").stdout == evalctl("check", cwd=root).stdout


def test_with_repo_from_elsewhere(tmp_path: Path) -> None:
    """--repo names the clone, or a folder in it."""
    root = with_request(tmp_path / "clone", BAD)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for folder in (str(root), "../clone/manifests/requests"):
        said = evalctl("--repo", folder, "check", cwd=elsewhere)
        assert said.returncode == 1 and " --> manifests/requests/example.yaml:3:9" in said.stdout


def test_outside_of_a_repository(tmp_path: Path) -> None:
    """What is missing and what to type, on standard error; no traceback."""
    said = evalctl("check", cwd=tmp_path)
    assert said.returncode == 1
    assert said.stdout == ""
    assert "no evalctl repository here" in said.stderr and "--repo FOLDER" in said.stderr
    assert "Traceback" not in said.stderr
    missing = evalctl("--repo", "nowhere", "check", cwd=tmp_path)
    assert missing.returncode == 1 and "there is no folder nowhere" in missing.stderr


def test_in_the_c_locale(tmp_path: Path) -> None:
    """A login node without a locale shows escapes rather than a traceback."""
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    said = evalctl("check", cwd=with_request(tmp_path, BAD), env=env)
    assert said.returncode == 1
    assert "forbidden-text" in said.stdout and "Traceback" not in said.stderr


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """`evalctl check | head -1` with many findings ends quietly."""
    root = repository(tmp_path, {f"manifests/requests/r{number}.yaml": BAD.encode() for number in range(300)})
    shell = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m evalctl check | head -1"], cwd=root, capture_output=True, encoding="utf-8", timeout=60
    )  # fmt: skip
    assert shell.stdout.startswith("error[forbidden-text]")
    assert "Traceback" not in shell.stderr and "BrokenPipe" not in shell.stderr


def test_a_file_name_that_is_no_utf8_is_shown_not_thrown(tmp_path: Path) -> None:
    """In every form; the other requests are checked all the same."""
    root = with_request(tmp_path, GOOD)
    (root / EXAMPLE).rename(os.fsdecode(os.fsencode(root / "manifests/requests") + b"/\x83\x82.yaml"))
    for form in ("text", "json", "github"):
        said = evalctl("check", "--format", form, cwd=root)
        assert said.returncode == 1
        assert "forbidden-text" in said.stdout and "Traceback" not in said.stderr
