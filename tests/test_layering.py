"""The arrows between the parts of evalctl point one way, and start-up stays light."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from samples import repository

from evalctl.cli.words import COMMANDS
from evalctl.stamps import SETTLED_NS

TOP = Path(__file__).parents[1] / "compiler" / "evalctl"

# What each part may import of the others. load <- check, resolve <- plan, render: pure stages, joined by pipeline;
# sync never imports a compile stage (of render only the quoting of words); commands join all; nobody imports cli.
ARROWS: dict[str, set[str]] = {
    "model": set(),
    "suggest": set(),
    "exits": set(),
    "columns": set(),
    "runfiles": set(),
    "home_folder": set(),
    "secret_shapes": set(),
    "surroundings": set(),
    "stamps": set(),
    "parallel": set(),
    "terminal": set(),
    "shell": {"surroundings"},
    "git": {"shell", "surroundings"},
    "load": {"model", "shell", "stamps", "suggest"},
    "environments": {"git", "shell"},
    "editing": {"load", "model", "suggest"},
    "frameworks": {"environments", "model"},
    "check": {"frameworks", "load", "model", "results", "secret_shapes", "suggest"},  # results: what a gate's groups of entries are
    "resolve": {"frameworks", "model"},
    "review": set(),
    "results": {"exits", "model", "review", "shell", "stamps", "suggest", "terminal"},
    "changes": {"home_folder", "load", "model", "results", "suggest"},
    "plan": {"columns", "frameworks", "model", "resolve", "results", "suggest", "terminal"},  # results: a forecast asks what is there
    "schedulers": {"model", "shell", "surroundings"},
    "render": {"model", "parallel", "schedulers", "shell", "stamps"},
    "importing": {"editing", "load", "model", "results"},
    "pipeline": {"check", "environments", "home_folder", "load", "model", "parallel", "plan", "render", "resolve", "shell", "stamps"},
    "report": {"columns", "model", "secret_shapes", "terminal"},
    "cards": {"model", "shell"},
    "runtimes": {"model"},
    "policy": {"model"},
    "sync": {"cards", "environments", "exits", "git", "home_folder", "model", "policy", "render", "results", "runfiles", "schedulers", "secret_shapes", "shell", "stamps", "suggest", "surroundings"},
    "clone": {"changes", "check", "exits", "git", "home_folder", "load", "model", "pipeline", "plan", "policy", "report", "results", "shell", "suggest", "sync"},
    "site": {"git", "model", "parallel", "plan", "results", "review", "shell", "terminal"},  # plan: what a job costs
    "details": {"clone", "environments", "home_folder", "model", "pipeline", "results", "runfiles", "shell", "suggest", "terminal"},
    "screen": {"clone", "columns", "model", "shell", "suggest", "sync", "terminal"},
    "doctor": {"environments", "git", "model", "render", "schedulers", "shell", "sync"},
    "probing": {"environments", "load", "model", "plan", "shell"},  # plan: how much would be in flight
    "demo": {"cli", "environments", "exits", "git", "home_folder", "model", "schedulers", "shell"},  # cli: it runs the commands that it shows
    "comment": {"model", "plan", "shell", "suggest", "terminal"},
    "new_repository": {"cards", "check", "demo", "editing", "environments", "git", "home_folder", "load", "model", "shell"},  # demo: the example's model
    "commands": {
        "cards", "check", "clone", "columns", "comment", "demo", "details", "doctor", "editing", "environments", "exits", "git", "home_folder", "importing", "load", "model", "new_repository", "pipeline", "plan", "policy", "probing", "report", "results", "runtimes",
        "screen", "shell", "site", "suggest", "sync", "terminal",
    },
    "cli": {"exits", "load", "shell", "suggest", "terminal"},  # and the command that was typed, imported by its name
    "__main__": {"cli"},
}  # fmt: skip

# Packages from outside, by the parts that may import them; everything else is the standard library.
PACKAGES: dict[str, set[str]] = {
    "pydantic": {"model", "check", "cards"},
    "pydantic_core": {"frameworks", "model", "pipeline", "render"},
    "yaml": {"load", "frameworks", "cards"},
    "ruamel": {"load", "commands"},
    "jinja2": {"site"},
    "markupsafe": {"site"},  # what jinja2 escapes with
    "jsonschema": {"check"},
    "git": {"git"},
    "argcomplete": {"cli", "commands"},  # only while a shell asks
    "numpy": {"results", "review"},
    "scipy": {"review"},
}
FORBIDDEN = {"vllm", "lighteval", "litellm", "torch", "transformers", "evalctl_tasks"}
# What both programs mean the same by; evalctl imports nothing else of the job program, and that nothing of evalctl.
SHARED = {
    "evalctl_job.attempt", "evalctl_job.download_note", "evalctl_job.ends", "evalctl_job.fence.words", "evalctl_job.key_shapes", "evalctl_job.looping", "evalctl_job.marks", "evalctl_job.options", "evalctl_job.probed", "evalctl_job.question_set",
    "evalctl_job.relay_files", "evalctl_job.run_folder", "evalctl_job.scores", "evalctl_job.server_variables", "evalctl_job.shards", "evalctl_job.typed", "evalctl_job.upload_plan",
    "evalctl_job.whole_texts",
}  # fmt: skip
JOB = TOP.with_name("evalctl_job")
QUEUE = TOP.with_name("evalctl_queue")  # the scheduler of a machine that has none

# Programs of their own: a job environment's python or the system's runs them, and evalctl never imports them.
PRINTED = "evalctl.results.details_rows"  # the form of what one prints, which both sides have: standard library only
PROGRAMS = {
    "results/parquet_rows.py": "reads parquet files with the library of a lighteval environment",
    "demo/tiny_model.py": "makes the demonstration's model with the libraries of the vllm environment",
}
# Who starts processes, and how.
STARTERS = {"shell.py": "subprocess", "git/repository.py": "gitpython", "parallel.py": "fork"}
STARTING_MODULES = {"subprocess", "_posixsubprocess", "pty", "multiprocessing", "git", "ctypes"}
STARTING_NAMES = {name for name in dir(os) if name.startswith(("exec", "spawn", "fork", "posix_spawn"))} | {
    "system", "popen", "ProcessPoolExecutor", "create_subprocess_exec", "create_subprocess_shell", "subprocess_exec",
    "subprocess_shell",
}  # fmt: skip
# One part imports cli though nobody should: the demonstration shows the commands by running them in this process.
MAY_IMPORT_CLI = {"__main__", "demo"}


def modules() -> list[Path]:
    """Every module of evalctl but the programs."""
    return [path for path in sorted(TOP.rglob("*.py")) if path.relative_to(TOP).as_posix() not in PROGRAMS]


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that `path` imports anywhere in it, by its full name."""
    return frozenset(_imports(ast.parse(path.read_text(encoding="utf-8"))))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written with full names"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(path: Path) -> str:
    """The part that a module belongs to: its folder, or itself."""
    return path.relative_to(TOP).with_suffix("").parts[0]


def of_evalctl(name: str) -> str | None:
    """The part that an import means; None for one from outside, and for evalctl's own name."""
    words = name.split(".")
    return words[1] if words[0] == "evalctl" and len(words) > 1 and words[1] in ARROWS else None


def test_every_part_is_named() -> None:
    """A new folder or top module gets its arrows here."""
    assert {part(path) for path in modules()} - {"__init__"} == set(ARROWS)


@pytest.mark.parametrize("name", sorted({part(path) for path in modules()} - {"commands"}))
def test_a_package_names_each_of_its_files(name: str) -> None:
    """Its `__init__` says what each is for; in `commands` a file is a command, or it is named there."""
    if (TOP / name).is_dir():
        assert unnamed(TOP / name) == set()


@pytest.mark.parametrize("package", [JOB, JOB / "supervisor", QUEUE], ids=lambda path: path.name)
def test_the_program_of_the_node_names_each_of_its_files(package: Path) -> None:
    """In the same way."""
    assert unnamed(package) == set()


def unnamed(package: Path) -> set[str]:
    """The files and folders of a package that its `__init__` does not name."""
    page = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    inner = {path.parent.name for path in package.glob("*/__init__.py")}
    return {
        file for file in {path.stem for path in package.glob("*.py")} - {"__init__"} | inner if f"`{file}`" not in page
    }


@pytest.mark.parametrize("package", [TOP, JOB, QUEUE], ids=lambda path: path.name)
def test_a_function_has_at_most_thirty_lines(package: Path) -> None:
    """With its docstring and its line of parameters."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")}
    found = {
        f"{path.relative_to(package)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno >= 30
    }
    assert found == set()


@pytest.mark.parametrize("package", [TOP, JOB, QUEUE], ids=lambda path: path.name)
def test_a_file_has_at_most_three_hundred_lines(package: Path) -> None:
    """A longer one is about two things."""
    lines = {
        path.relative_to(package).as_posix(): len(path.read_bytes().splitlines()) for path in package.rglob("*.py")
    }
    assert {name: number for name, number in lines.items() if number > 300} == {}


def test_commands_has_commands_only() -> None:
    """Each file is what a word of the command line runs, or two words, as the package's `__init__` lists them."""
    page = ast.get_docstring(ast.parse((TOP / "commands/__init__.py").read_text(encoding="utf-8"))) or ""
    files = {path.stem for path in (TOP / "commands").glob("*.py")} - {"__init__"}
    assert files == {words.module for words in COMMANDS.values()} | set(re.findall(r"\(`(\w+)`\)", page))
    assert {name for name in files if "run" not in functions(TOP / f"commands/{name}.py")} == set()


def functions(path: Path) -> set[str]:
    """The functions of a module."""
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", sorted(ARROWS))
def test_arrows_point_as_they_should(name: str) -> None:
    """A part imports what it may, and all that is allowed here is used (else take it out)."""
    found = {of_evalctl(imported) for path in modules() if part(path) == name for imported in imports(path)}
    assert found - {None, name} == ARROWS[name]


def test_there_is_no_circle() -> None:
    """Parts can be put in an order in which each imports only earlier ones (demo, which runs cli, aside)."""
    left = {name: set(arrows) - MAY_IMPORT_CLI - {"cli"} for name, arrows in ARROWS.items()}
    while ready := {name for name, arrows in left.items() if not arrows & set(left)}:
        left = {name: arrows for name, arrows in left.items() if name not in ready}
    assert left == {}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(TOP)))
def test_packages_from_outside_have_their_homes(path: Path) -> None:
    """Each where it belongs, the GPU stack nowhere."""
    outside = (
        {name.split(".")[0] for name in imports(path)}
        - set(sys.stdlib_module_names)
        - {"evalctl", "evalctl_job", "evalctl_queue"}
    )
    assert not outside & FORBIDDEN
    assert {name for name in outside if part(path) not in PACKAGES.get(name, set())} == set()


def test_the_program_of_the_node_knows_nothing_of_evalctl() -> None:
    """It runs where evalctl is not installed; of it, evalctl imports what both mean the same by, which needs nothing else."""
    names = {path: imports(path) for path in sorted(JOB.rglob("*.py"))}
    assert {path for path, found in names.items() if any(name.split(".")[0] == "evalctl" for name in found)} == set()
    taken = {name for path in modules() for name in imports(path) if name.split(".")[0] == "evalctl_job"}
    assert {name if name in SHARED else name.rpartition(".")[0] for name in taken} == SHARED
    for name in SHARED:
        outside = {
            found
            for found in names[JOB.parent / f"{name.replace('.', '/')}.py"]
            if found.rpartition(".")[0] not in SHARED
        }
        assert {found.split(".")[0] for found in outside} <= set(sys.stdlib_module_names), name


def test_only_shell_starts_processes() -> None:
    """Programs are started by shell.py and, through gitpython, by the module that is git's home; copies of evalctl by parallel.py."""
    found = {path.relative_to(TOP).as_posix() for path in modules() if _starts_processes(path)}
    assert found == set(STARTERS)


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess", "from subprocess import run", "import git", "from git import Repo",
        "import pty", "from multiprocessing import Process", "from concurrent.futures import ProcessPoolExecutor",
        "import os\nos.system('true')", "from os import execv", "import os as o\no.posix_spawn('/bin/true', [], {})",
        "import asyncio\nasyncio.create_subprocess_exec('true')", "import ctypes",
    ],
)  # fmt: skip
def test_each_way_to_start_a_process_is_known(text: str, tmp_path: Path) -> None:
    """A module that could start one is found, whichever way it imports it."""
    path = tmp_path / "one.py"
    path.write_text(text)
    assert _starts_processes(path)


def _starts_processes(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    attributes = {node.attr for node in used if ast.unparse(node) != "platform.system"}
    names = set(_imports(tree))
    last = {name.rsplit(".", 1)[-1] for name in names if not name.startswith("evalctl.")}
    return bool({name.split(".")[0] for name in names} & STARTING_MODULES or (attributes | last) & STARTING_NAMES)


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_stand_alone(program: str) -> None:
    """They import nothing of evalctl but what they print, and evalctl nothing of them."""
    names = {name for name in imports(TOP / program) if name.rpartition(".")[0] != PRINTED}
    module = "evalctl." + program.removesuffix(".py").replace("/", ".")
    assert [name for name in names if name.split(".")[0] == "evalctl"] == []
    assert [path for path in modules() for name in imports(path) if name.startswith(module)] == []


def test_what_a_program_prints_needs_the_standard_library_only() -> None:
    """A job environment has nothing of evalctl's environment."""
    names = imports(TOP / "results" / f"{PRINTED.rpartition('.')[2]}.py")
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_queue_stands_alone() -> None:
    """It runs for as long as its jobs do and needs the standard library only; evalctl starts it by its path and reads its list."""
    names = {name for path in QUEUE.glob("*.py") for name in imports(path)}
    others = {name for name in names if name.split(".")[0] not in {*sys.stdlib_module_names, "evalctl_queue"}}
    assert {name.rpartition(".")[0] for name in others} == {"evalctl_job.typed"}
    taken = {
        (part(path), name.rpartition(".")[0])
        for path in modules()
        for name in imports(path)
        if name.startswith("evalctl_queue")
    }
    assert taken == {("schedulers", "evalctl_queue.records")}


def test_sync_takes_only_quoting_from_render() -> None:
    """It runs what was compiled and reviewed; it never compiles."""
    taken = {name for path in modules() if part(path) == "sync" for name in imports(path) if ".render" in name}
    assert {name.rsplit(".", 1)[0] for name in taken} == {"evalctl.render.quoting"}


def test_data_needs_nothing_but_pydantic() -> None:
    """model/ has no I/O: no file, no process, no clock; of the node's program it has the types of what that writes."""
    found = {name.split(".")[0] for path in modules() if part(path) == "model" for name in imports(path)}
    assert found <= {
        "__future__", "collections", "copy", "dataclasses", "datetime", "enum", "evalctl", "evalctl_job", "functools", "itertools", "json", "math", "pydantic",
        "pydantic_core", "re", "typing",
    }  # fmt: skip


# ---- start-up ---------------------------------------------------------------------------------------------------


def _loaded(*words: str) -> set[str]:
    code = (
        "import sys\nfrom evalctl.cli import main\n"
        f"try: main({list(words)!r})\nexcept SystemExit: pass\n"
        "print('\\n' + ' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    return set(reply.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["plan", "--help"], ["sync", "--help"], []])
def test_help_is_light(words: list[str]) -> None:
    """No YAML, no models, no git until a command runs."""
    heavy = {"pydantic", "pydantic_core", "yaml", "ruamel", "git", "jsonschema", "subprocess", "asyncio", "numpy"}
    assert _loaded(*words) & heavy == set()


def test_what_is_remembered_is_light(tmp_path: Path) -> None:
    """`plan` and `check` of a repository in which nothing has changed validate nothing, so they load no validator."""
    root = repository(tmp_path, {"manifests/requests/a.yaml": "model: lab/small-8B\nservice: tsubame\ntasks: [en]\n"})
    time.sleep(SETTLED_NS / 1e9 + 0.1)  # a file of this very moment is read again by the next command
    assert "pydantic" in _loaded("--repo", str(root), "plan")
    for command in ("plan", "check"):
        assert (
            _loaded("--repo", str(root), command) & {"pydantic", "pydantic_core", "yaml", "git", "jsonschema"} == set()
        )


def test_checking_needs_neither_git_nor_a_network() -> None:
    """`check` and `compile` load the stages, and nothing that they do not use when all is well."""
    code = "import sys, evalctl.pipeline.project, evalctl.pipeline.stages; print(' '.join({name.split('.')[0] for name in sys.modules}))"
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(reply.stdout.split()) & {
        "git",
        "jsonschema",
        "ruamel",
        "http",
        "ssl",
        "asyncio",
        "numpy",
        *FORBIDDEN,
    }
