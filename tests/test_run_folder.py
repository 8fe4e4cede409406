"""Names of a run folder's files are written once: in `evalctl_job/run_folder.py`, for the programs of both sides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalctl_job import run_folder
from evalctl_job.run_folder import BEATS, ENDED, FINISHED, INSIDE, LOOKED, SIGNALS, RelayFolder, RunFolder

COMPILER = Path(__file__).parents[1] / "compiler"
HOME = COMPILER / "evalctl_job" / "run_folder.py"
ENDINGS = {".json", ".jsonl"}  # of many files
TAKES_MARK = {"mark", "probe_mark", "facts", "write"}  # functions that take the name of a mark
# Paths that are of no run folder though a part of them is called as a file of one is.
MANIFESTS = "manifests/"
OTHERS = {
    ("evalctl/new_repository/files.py", ".pre-commit-config.yaml"),
    ("evalctl/new_repository/files.py", "pre-commit-config.yaml"),
    ("evalctl/new_repository/files.py", "empty/"),
    ("evalctl/site/pages.py", "tasks/"),  # of the pages
    *(
        ("evalctl_job/judges.py", f"tasks/{folder}")  # of lighteval's package: the prompts of judges
        for folder in (
            "swallow/japanese_mt_bench/",
            "swallow/english_mt_bench/",
            "tasks/hle.py",
            "tasks/mt_bench/",
            "tasks/mix_eval/judge_prompts.py",
        )
    ),
    ("evalctl_job/relay.py", "/task/{key:"),  # addresses of the relay
    ("evalctl_job/stall.py", "/task"),
    ("evalctl_job/supervisor/tasks.py", "/task/"),
}


def _texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a module, without docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def _names() -> set[str]:
    """Each name, and the endings of names that begin with a task's key."""
    return {*_texts(ast.parse(HOME.read_text(encoding="utf-8")))} - ENDINGS - {".", "path"}


def _own(name: str) -> bool:
    """Whether a name is a word of nothing else, so that it may be in no text at all."""
    return "." in name or "_" in name


def _paths(tree: ast.AST) -> Iterator[str]:
    """Texts that are a path or a part of one, and names that a function takes for a mark."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield from _texts(node.right)
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield from (
                one.value
                for one in node.args
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and called in TAKES_MARK
            )
    yield from (text for text in _texts(tree) if "/" in text and " " not in text)


def written_in(text: str) -> set[str]:
    """The names of a run folder that a module writes itself, each with the text in which it does."""
    tree, names = ast.parse(text), _names()
    own = {text for text in _texts(tree) for name in names if _own(name) and name in text}
    return own | {path for path in _paths(tree) if names & set(path.split("/"))}


@pytest.mark.parametrize("package", ["evalctl", "evalctl_job"])
def test_no_other_module_writes_a_name(package: str) -> None:
    """Neither as a path nor in a sentence: a file that is renamed is renamed everywhere."""
    found = {
        (path.relative_to(COMPILER).as_posix(), text)
        for path in sorted((COMPILER / package).rglob("*.py"))
        if path != HOME
        for text in written_in(path.read_text(encoding="utf-8"))
        if not text.startswith(MANIFESTS)
    }
    assert found - OTHERS == set()
    assert {one for one in OTHERS if one[0].startswith(f"{package}/")} <= found


@pytest.mark.parametrize(
    "line",
    [
        'path = folder / "marks" / name', 'name = f"tasks/{key}/log"', 'LOCK = "started.lock"', 'see(f"look at job.log")',
        'path = state / f"{key}.counts.json"', 'marks.write("finished", exit=1)', 'found = run.glob("relay/*")',
        'state = folder / "relay"', 'read("server_ready")', 'path = folder / "port"',
    ],
)  # fmt: skip
def test_each_way_to_write_a_name_is_known(line: str) -> None:
    """A module that wrote one would be found."""
    assert written_in(line)


def test_each_name_is_used() -> None:
    """Each file, mark and folder that `run_folder` names is asked for by its name somewhere else."""
    used: set[str] = set()
    for path in COMPILER.rglob("*.py"):
        if path != HOME and "packages" not in path.parts:
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            used |= {node.id for node in nodes if isinstance(node, ast.Name)}
    folders = [
        kind for kind in vars(run_folder).values() if isinstance(kind, type) and issubclass(kind, run_folder.Folder)
    ]
    names = {name for kind in folders for name in vars(kind) if not name.startswith("_")} - {"path"}
    names |= {name for name in vars(run_folder) if name.isupper()}
    assert len(names) > 40
    assert names - used == set()


def test_the_architecture_names_each_file() -> None:
    """What is in a run folder and in its `relay/`, who writes it and what it holds; the probe's own file aside."""
    page = (COMPILER.parent / "docs/architecture.md").read_text(encoding="utf-8")
    inside = {
        INSIDE.relay.path,
        INSIDE.server.path,
        INSIDE.task("<key>").path,
        INSIDE.task_mark("<key>").with_suffix(""),
    }
    inside |= {getattr(INSIDE, name) for name, one in vars(RunFolder).items() if isinstance(one, run_folder.Named)}
    relay = {
        getattr(INSIDE.relay, name) for name, one in vars(RelayFolder).items() if isinstance(one, run_folder.Named)
    }
    relay |= {getattr(INSIDE.relay, name)("<key>") for name in ("options", "answers", "counts", "stalled", "questions")}
    names = {str(one).removeprefix("marks/") for one in inside - {INSIDE.stop}} | {one.name for one in relay}
    assert {name for name in names if f"`{name}`" not in page and f"`{name}/" not in page} == set()


def test_the_script_of_a_job_uses_these_names() -> None:
    """It begins before there is Python; a draft of its mark is no file of the folder."""
    written = {Path(name) for name in _in_shell("render/job.sh", r"\$folder/([\w./]+)")}
    named = {INSIDE.started_lock, INSIDE.job_log, INSIDE.environments, INSIDE.marks, INSIDE.mark(FINISHED)}
    assert written == named | {INSIDE.marks / "draft"}


def test_the_script_of_the_probe_uses_these_names() -> None:
    """It has no Python at all."""
    script = "doctor/site_test.sh"
    assert {Path(name) for name in _in_shell(script, r"\$EVALCTL_RUN_DIR/([\w.]+)")} == {
        INSIDE.started_lock, INSIDE.marks, INSIDE.stop,
    }  # fmt: skip
    assert _in_shell(script, r"\$MARKS/(\w+)\"") | _in_shell(script, r"\| write (\w+)") == {
        LOOKED,
        BEATS,
        SIGNALS,
        ENDED,
    }


def _in_shell(script: str, pattern: str) -> set[str]:
    text = (COMPILER / "evalctl" / script).read_text(encoding="utf-8")
    return {*re.findall(pattern, text, re.MULTILINE)}


# Where the text of a JSON file is made: once for each program. A schema has its keys in order, answers are a line each, and
# three programs stand alone.
JSON_MADE_IN = {
    "evalctl/shell.py", "evalctl_job/files.py", "evalctl_job/answers.py", "evalctl/check/schema.py", "evalctl/results/details_rows.py",
    "evalctl_queue/tickets.py", "evalctl/demo/tiny_model.py",
}  # fmt: skip
WRITES = {"write_atomically", "write_by_rename", "write_text", "write_bytes", "pwrite", "write"}


def test_the_text_of_a_json_file_is_made_in_one_place() -> None:
    """Else one file has NaN or escapes where another has not."""
    found = {
        path.relative_to(COMPILER).as_posix()
        for path in COMPILER.rglob("*.py")
        if "packages" not in path.parts and _makes_json_file(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == JSON_MADE_IN


def _makes_json_file(tree: ast.AST) -> bool:
    """Whether `json.dumps` gets its newline there, or is in what is written."""
    lines = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and ast.unparse(node.right) in ("'\\n'", "b'\\n'")
    ]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    written = [node for node in calls if getattr(node.func, "attr", getattr(node.func, "id", "")) in WRITES]
    return any("json.dumps(" in ast.unparse(node) for node in (*lines, *written))
