"""Only what a change touches is done again; generated/ always says what manifests/ say, and nothing else is touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from samples import files_under, repository

from evalctl import stamps
from evalctl.pipeline import memory, project
from evalctl.pipeline.project import Project
from evalctl.render import tree

REQUESTS = {
    "manifests/requests/a.yaml": "model: lab/small-8B\ncustom_settings: default\nservice: tsubame\ntasks: [ja_subset]\n",
    "manifests/requests/b.yaml": "model: {path: /gs/x, name: lab/local-1B}\nservice: tsubame\ntasks: [en, -en_code]\n",
    "manifests/requests/c/d.yaml": "model: lab/large-70B\ncustom_settings: think\nservice: abci\ntasks: [ja_exact]\n",
}


class Counting(Project):
    """Notes which requests go through the stages."""

    def __init__(self, root: Path) -> None:
        """Nothing yet."""
        super().__init__(root)
        self.done: list[str] = []

    def _compile(self, path: str):  # type: ignore[no-untyped-def]
        self.done.append(path.removeprefix("manifests/requests/"))
        return super()._compile(path)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiled repository; what was remembered counts at once, as if its files were old."""
    monkeypatch.setattr(stamps, "SETTLED_NS", -(10**18))
    place = repository(tmp_path, REQUESTS)
    assert Counting(place).compile()[1] == []
    return place


def recompiled(root: Path) -> tuple[list[str], list[str]]:
    """Which requests went through the stages again, and which files were changed."""
    project = Counting(root)
    _, problems, changed = project.compile()
    assert problems == []
    return sorted(project.done), sorted(changed)


def edit(root: Path, path: str, change: Callable[[str], str]) -> None:
    """Changes one file."""
    (root / path).write_text(change((root / path).read_text(encoding="utf-8")), encoding="utf-8")


# ---- doing again only what has changed --------------------------------------------------------------------------


def test_nothing_changed_is_nothing_done(root: Path) -> None:
    """No request is looked at again, no file written."""
    assert recompiled(root) == ([], [])


@pytest.mark.parametrize(
    ("path", "done"),
    [
        ("manifests/requests/a.yaml", ["a.yaml"]),
        ("manifests/models/lab/small-8B.yaml", ["a.yaml"]),
        ("manifests/models/lab/local-1B.lock.yaml", ["b.yaml"]),
        ("manifests/models/lab/large-70B.lock.yaml", ["c/d.yaml"]),
        ("manifests/tasks/metrics.yaml", ["a.yaml", "b.yaml", "c/d.yaml"]),
        ("manifests/services/local.yaml", ["a.yaml", "b.yaml", "c/d.yaml"]),
        ("manifests/models/common_settings.yaml", ["a.yaml", "b.yaml", "c/d.yaml"]),
    ],
)
def test_a_change_is_followed_where_it_leads(root: Path, path: str, done: list[str]) -> None:
    """A request's own file, its model's files, or what all share; a comment changes no script."""
    edit(root, path, lambda text: text + "# a comment\n")
    assert recompiled(root) == (done, [])
    recompiled(root)
    assert recompiled(root) == ([], [])


def test_settings_that_change_change_the_scripts(root: Path) -> None:
    """The old script goes, because its name has the digest in it; the new one comes."""
    edit(root, "manifests/models/lab/small-8B.yaml", lambda text: text.replace("2048", "4096"))
    done, changed = recompiled(root)
    assert done == ["a.yaml"]
    assert len(changed) == 3
    assert len(list((root / "generated/a").glob("*.sh"))) == 1


def test_a_new_and_a_deleted_request(root: Path) -> None:
    """The new one is compiled; the deleted one's folder goes, with the folders above that are empty then."""
    (root / "manifests/requests/e.yaml").write_text(REQUESTS["manifests/requests/b.yaml"])
    (root / "manifests/requests/c/d.yaml").unlink()
    done, _ = recompiled(root)
    assert done == ["e.yaml"]
    assert sorted(path.name for path in (root / "generated").iterdir()) == ["a", "b", "e"]


@pytest.mark.parametrize("replaced", [False, True], ids=["in place", "another file"])
def test_a_script_that_keeps_size_and_time_is_compared_anew(root: Path, replaced: bool) -> None:
    """Whoever sets a file's time back (`rsync --times`, a restored backup) does not hide another script from `compile`."""
    (script,) = (root / "generated/a").glob("*.sh")
    before, facts = script.read_bytes(), script.stat()
    source = script.with_name(".new") if replaced else script
    source.write_bytes(before.replace(b"a.yaml", b"x.yaml", 1))
    os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    source.rename(script)
    assert recompiled(root)[1] == [script.relative_to(root).as_posix()]
    assert script.read_bytes() == before


def _shorter(data: bytes) -> bytes:
    return data[:-1]


def _one_byte_changed(data: bytes) -> bytes:
    return data.replace(b'"a.yaml"', b'"b.yaml"') if b'"a.yaml"' in data else data[:-2] + b" }"


def _older(data: bytes) -> bytes:
    return data.replace(b"evalctl %d " % memory.VERSION, b"evalctl 3 ", 1)


@pytest.mark.parametrize(
    "spoil",
    [_shorter, _one_byte_changed, _older, lambda data: b"", lambda data: b"{}", lambda data: b"\0\xff", bytes.swapcase],
)
def test_what_is_remembered_may_be_garbage(root: Path, spoil: Callable[[bytes], bytes]) -> None:
    """Cut off, changed, of another version: it costs time, never a result, and the next time all is known again."""
    before = dict(files_under(root / "generated"))
    remembered = (root / memory.PATH).read_bytes()
    (root / memory.PATH).write_bytes(spoil(remembered))
    assert recompiled(root) == (["a.yaml", "b.yaml", "c/d.yaml"], [])
    assert dict(files_under(root / "generated")) == before
    assert recompiled(root) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        lambda program: (program / "plan/cost.py").write_text("# another program\n"),
        lambda program: (program / "render/job.sh").write_text("# another script\n"),
        lambda program: (program / "resolve/new.py").write_text(""),
        lambda program: os.utime(program / "plan/cost.py", ns=(1, 1)),
        lambda program: (program / "check/schema.py").unlink(),
    ],
    ids=["module", "script", "new module", "time", "deleted"],
)
def test_another_program_remembers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    """What an older evalctl compiled is compiled again: its key is that of its own files."""
    program = tmp_path / "evalctl"
    shutil.copytree(Path(memory.__file__).parents[1], program)
    monkeypatch.setattr(memory, "__file__", str(program / "pipeline/memory.py"))
    before = memory.program_key()
    assert memory.program_key() == before
    change(program)
    assert memory.program_key() != before


def test_another_environment_is_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts name the job environments by their digest."""
    before, known = memory.program_key(), memory.environments.catalogue()
    changed = {**known, "vllm": replace(known["vllm"], digest="0" * 12)}
    monkeypatch.setattr(memory.environments, "catalogue", lambda: changed)
    assert memory.program_key() != before


def test_a_name_that_is_not_utf8_is_only_not_remembered(root: Path) -> None:
    """The file is a finding, and nothing crashes."""
    (root / os.fsdecode(b"manifests/requests/\xff.yaml")).write_text("model: lab/small-8B\n")
    assert [problem.severity for problem in Project(root).check()[1]] == ["error"]


def test_a_place_that_cannot_be_written_to_is_no_error(root: Path) -> None:
    """A read-only checkout is checked as well."""
    (root / memory.PATH).unlink()
    (root / memory.PATH).parent.rmdir()
    (root / memory.PATH).parent.write_text("a file where the folder should be")
    assert recompiled(root) == (["a.yaml", "b.yaml", "c/d.yaml"], [])


# ---- generated/ -------------------------------------------------------------------------------------------------


def _script(root: Path) -> Path:
    (found,) = (root / "generated/a").glob("*.sh")
    return found


def test_an_edited_script_is_restored(root: Path) -> None:
    """Its request alone is compiled again."""
    before = _script(root).read_bytes()
    _script(root).write_text("#!/bin/bash\necho edited # evalctl compile\n")
    done, changed = recompiled(root)
    assert (done, changed) == (["a.yaml"], [str(_script(root).relative_to(root))])
    assert _script(root).read_bytes() == before
    assert _script(root).stat().st_mode & 0o777 == 0o755


def test_a_deleted_script_is_restored(root: Path) -> None:
    """With the folder, if that is gone."""
    before = dict(files_under(root / "generated"))
    for path in (root / "generated/a").iterdir():
        path.unlink()
    (root / "generated/a").rmdir()
    assert recompiled(root)[0] == ["a.yaml"]
    assert dict(files_under(root / "generated")) == before


def test_left_over_scripts_go_and_foreign_files_stay(root: Path) -> None:
    """What evalctl made and makes no more is removed; what somebody else put there is only mentioned."""
    left, foreign = root / "generated/old/ev-old-00000000.sh", root / "generated/a/notes.txt"
    left.parent.mkdir()
    left.write_bytes(_script(root).read_bytes())
    foreign.write_text("mine")
    _, problems, changed = Project(root).compile()
    assert changed == ["generated/old/ev-old-00000000.sh"]
    assert not left.parent.exists()
    assert foreign.read_text() == "mine"
    assert [(problem.code, problem.severity, problem.span.file) for problem in problems] == [
        ("foreign-file", "warning", "generated/a/notes.txt")
    ]


FOREIGN = {
    "generated/todo.txt": "run `evalctl compile` again\n",
    "generated/README.md": "# Made by `evalctl compile` from manifests/requests/a.yaml; change that file, not this one.\n",
    "generated/a/README.md": "These scripts come from `evalctl compile`.\n",
    "generated/a/mine.sh": "#!/bin/bash\necho 'type evalctl compile' # Made by `evalctl compile`\n",
    "generated/a/notes.json": '{\n "schema": "evalctl/plan/1",\n',
    "generated/other/plan.json": '{"mine": "evalctl/plan/1"}\n',
    "generated/plan.json": '{\n "schema": "evalctl/plan/1",\n',
}


@pytest.mark.parametrize("path", FOREIGN)
def test_a_file_that_only_mentions_evalctl_stays(root: Path, path: str) -> None:
    """`compile` deletes a file only if place, name and first lines are those of one that it makes."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(FOREIGN[path])
    _, problems, changed = Project(root).compile()
    assert (changed, (root / path).read_text()) == ([], FOREIGN[path])
    assert [(problem.code, problem.span.file) for problem in problems] == [("foreign-file", path)]


def _edited(root: Path) -> None:
    _script(root).write_text(_script(root).read_text() + "echo\n")


def _deleted(root: Path) -> None:
    _script(root).unlink()


def _left_over(root: Path) -> None:
    (root / "generated/old").mkdir()
    (root / "generated/old/ev-x.sh").write_bytes(_script(root).read_bytes())


def _of_an_earlier_evalctl(root: Path) -> None:
    """Until 2026-11-27 a script ended in a shell program, called with what was assigned above it."""
    begin = _script(root).read_bytes().partition(b"environment=")[0]
    _script(root).write_bytes(
        begin + b"JOB_NAME=ev-x\nWALLTIME_SECONDS=60\n\nmain() {\n  set -uo pipefail\n}\n\nmain\n"
    )


def _stale(root: Path) -> None:
    edit(root, "manifests/requests/a.yaml", lambda text: text.replace("[ja_subset]", "[ja_subset, en_own]"))


@pytest.mark.parametrize("spoil", [_edited, _deleted, _left_over, _stale, _of_an_earlier_evalctl])
def test_the_check_finds_what_compile_would_do(root: Path, spoil: Callable[[Path], None]) -> None:
    """`--check` says it and writes nothing; after `compile` it is content."""
    assert Project(root).compile(check_only=True)[1:] == ([], [])
    spoil(root)
    before = dict(files_under(root / "generated"))
    _, problems, changed = Project(root).compile(check_only=True)
    assert {problem.code for problem in problems} == {"generated-outdated"}
    assert (changed, dict(files_under(root / "generated"))) == ([], before)
    Project(root).compile()
    assert Project(root).compile(check_only=True)[1] == []


def test_a_mistake_anywhere_writes_nothing(root: Path) -> None:
    """Not even what is right; as soon as it is mended, all of it is written."""
    before = dict(files_under(root / "generated"))
    edit(root, "manifests/requests/a.yaml", lambda text: text.replace("default", "defualt"))
    edit(root, "manifests/requests/b.yaml", lambda text: text.replace("[en, -en_code]", "[en_own]"))
    _, problems, changed = Project(root).compile()
    assert [problem.code for problem in problems if problem.severity == "error"] == ["unknown-custom-settings"]
    assert (changed, dict(files_under(root / "generated"))) == ([], before)
    edit(root, "manifests/requests/a.yaml", lambda text: text.replace("defualt", "default"))
    _, problems, changed = Project(root).compile()
    assert problems == []
    assert {path.split("/")[1] for path in changed} == {"b"}


def test_findings_are_the_same_the_second_time(root: Path) -> None:
    """What is remembered of a request with a warning or an error is what was found."""
    edit(root, "manifests/requests/a.yaml", lambda text: text.replace("[ja_subset]", "[ja_subset, en_code, nonsense]"))
    edit(root, "manifests/requests/b.yaml", lambda text: text + "overrides: {ja_exact: {seed: 1}}\n")
    first, second, checked = Project(root).compile()[1], Project(root).compile()[1], Project(root).check()[1]
    assert first == second == checked
    assert {problem.code for problem in first} == {"unknown-task", "override-without-task"}


def test_the_number_of_processes_does_not_matter(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, findings and what is remembered are those of one process."""
    asked = "model: lab/small-8B\ncustom_settings: default\nservice: tsubame\ntasks: [en_code]\nmax_samples: "
    for number in range(9):
        (root / f"manifests/requests/{number}.yaml").write_text(f"{asked}{number + 1}\n")
    alone = Project(root).compile()
    files = dict(files_under(root / "generated"))
    for folder in ("generated", ".evalctl"):
        shutil.rmtree(root / folder)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    for module in (project, tree):
        monkeypatch.setattr(module, "_FEWEST", 1)
    several = Project(root).compile()
    assert (several[1], dict(files_under(root / "generated"))) == (alone[1], files)
    assert several[1], "there is something to find"
    assert recompiled_silently(root) == []


def recompiled_silently(root: Path) -> list[str]:
    """Which requests were not remembered."""
    again = Counting(root)
    again.compile()
    return again.done


def test_what_several_requests_find_in_one_file_is_said_once(root: Path) -> None:
    """Forty requests with one set of settings are no forty findings; each request is still shown its own."""
    asked = "model: lab/small-8B\ncustom_settings: default\nservice: tsubame\ntasks: [en_code]\n"
    for name in "xy":
        (root / f"manifests/requests/{name}.yaml").write_text(asked)
    entries, found = Project(root).check()
    assert [one.span.line for one in found if one.code == "sampling-not-applied"] == [4, 5]
    assert all(len(entries[f"manifests/requests/{name}.yaml"].diagnostics) == 2 for name in "xy")


def test_every_mistake_of_several_files_is_found_at_once(root: Path) -> None:
    """Sorted by file and place."""
    edit(root, "manifests/requests/a.yaml", lambda text: text.replace("tsubame", "tsubam"))
    edit(root, "manifests/requests/b.yaml", lambda text: text.replace("model:", "modle:"))
    edit(root, "manifests/models/lab/large-70B.yaml", lambda text: text + "  temperatur: 1\n")
    problems = Project(root).check()[1]
    assert {"manifests/models/lab/large-70B.yaml", "manifests/requests/a.yaml", "manifests/requests/b.yaml"} <= {
        problem.span.file for problem in problems
    }
    assert [problem.sort_key for problem in problems] == sorted(problem.sort_key for problem in problems)
