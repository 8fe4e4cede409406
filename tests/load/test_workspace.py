"""Which files there are, and whether they changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from evalctl import stamps
from evalctl.load import workspace
from evalctl.load.places import clashes
from evalctl.load.repo import find_root, read
from evalctl.shell import EnvironmentProblem

REQUEST = "manifests/requests/a.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one request."""
    (tmp_path / "manifests/requests").mkdir(parents=True)
    (tmp_path / REQUEST).write_text("model: a\n", encoding="utf-8")
    return tmp_path


def aged(root: Path, path: str = REQUEST, seconds: float = 60.0) -> int:
    """Sets the file's time back, so that it counts as settled."""
    then = time.time_ns() - int(seconds * 1e9)
    os.utime(root / path, ns=(then, then))
    return then


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a while had passed since every change: nobody can set a file's change time."""
    monkeypatch.setattr(stamps, "SETTLED_NS", -(10**18))


@pytest.mark.usefixtures("settled")
def test_an_unchanged_file_is_known_without_reading_it(root: Path) -> None:
    """Its key is the one remembered, and its text is read only when asked for."""
    first = workspace.read(root, {})
    stats = {path: (*known[:-1], "remembered") for path, known in first.stats.items()}
    assert workspace.read(root, stats).keys == {REQUEST: "remembered"}


@pytest.mark.usefixtures("settled")
def test_a_changed_file_is_noticed(root: Path) -> None:
    """Another size, or another time with the same size."""
    aged(root)
    first = workspace.read(root, {})
    (root / REQUEST).write_text("model: b\n", encoding="utf-8")
    aged(root, seconds=30)
    second = workspace.read(root, first.stats)
    assert second.keys != first.keys
    assert second.text(REQUEST) == "model: b\n"


def test_a_second_change_in_the_same_instant_is_noticed(root: Path) -> None:
    """Same size, same modification time: a file touched just now is not remembered at all."""
    now = time.time_ns()
    os.utime(root / REQUEST, ns=(now, now))
    first = workspace.read(root, {})
    (root / REQUEST).write_text("model: b\n", encoding="utf-8")
    os.utime(root / REQUEST, ns=(now, now))
    assert workspace.read(root, first.stats).keys != first.keys


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("replaced", [False, True], ids=["in place", "another file"])
def test_a_change_that_keeps_size_and_time_is_noticed(root: Path, replaced: bool) -> None:
    """`rsync --times`, `cp -p` and a restored backup bring another text with the same size and modification time."""
    then = aged(root)
    first = workspace.read(root, {})
    assert REQUEST in first.stats
    place = root / REQUEST
    source = place.with_name("new") if replaced else place
    source.write_text("model: b\n", encoding="utf-8")
    os.utime(source, ns=(then, then))
    source.rename(place)
    assert workspace.read(root, first.stats).text(REQUEST) == "model: b\n"
    assert workspace.read(root, first.stats).keys != first.keys


def test_a_file_that_was_put_there_just_now_is_not_remembered(root: Path) -> None:
    """Whatever its modification time says: a second one may come in the same instant."""
    aged(root, seconds=10_000)
    assert workspace.read(root, {}).stats == {}


def test_a_file_dated_in_the_future_is_not_trusted(root: Path) -> None:
    """A clock that was wrong must not freeze what is known of a file."""
    aged(root, seconds=-3600)
    assert workspace.read(root, {}).stats == {}


@pytest.mark.usefixtures("settled")
def test_removed_and_added_files_are_noticed(root: Path) -> None:
    """Keys are those of what is there now."""
    first = workspace.read(root, {})
    (root / REQUEST).rename(root / "manifests/requests/b.yaml")
    assert set(workspace.read(root, first.stats).keys) == {"manifests/requests/b.yaml"}


def test_keys_depend_on_the_text_alone(root: Path) -> None:
    """Not on time or size: the same text gives the same key again."""
    first = workspace.read(root, {}).keys
    aged(root)
    assert workspace.read(root, {}).keys == first


def test_links_and_odd_endings_are_said(root: Path) -> None:
    """A link is not followed, whether it leads out of the repository, nowhere or to itself."""
    (root / "manifests/requests/link.yaml").symlink_to("/etc/hostname")
    (root / "manifests/requests/folder").symlink_to(root / "manifests/requests")
    (root / "manifests/requests/loop.yaml").symlink_to("loop.yaml")
    (root / "manifests/requests/b.yml").write_text("model: a\n")
    (root / "manifests/requests/C.YAML").write_text("model: a\n")
    os.mkfifo(root / "manifests/requests/pipe.yaml")
    (root / "manifests/requests/.hidden.yaml").symlink_to("nowhere")
    found = workspace.read(root, {})
    assert set(found.keys) == {REQUEST}
    assert [(one.code, Path(one.span.file).name) for one in sorted(found.unread, key=lambda d: d.sort_key)] == [
        ("unread-file", "C.YAML"), ("unread-file", "b.yml"), ("unread-file", "folder"), ("unread-file", "link.yaml"),
        ("unread-file", "loop.yaml"), ("unread-file", "pipe.yaml"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [b"a\nb.yaml", b"a\x1b[2J.yaml", b"\x83\x82.yaml", "a\u202eb.yaml".encode()])
def test_a_file_name_that_cannot_be_shown_is_refused(root: Path, name: bytes) -> None:
    """Control characters, direction marks, bytes that are not UTF-8 (Shift_JIS from an old archive)."""
    path = os.path.join(os.fsencode(root / "manifests/requests"), name)  # noqa: PTH118 - a name in bytes
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("model: a\n")
    found = workspace.read(root, {})
    assert set(found.keys) == {REQUEST}
    assert [one.code for one in found.unread] == ["forbidden-text"]


def test_a_japanese_file_name_is_welcome(root: Path) -> None:
    """With an ideographic space in it, as Japanese keyboards make it."""
    (root / "manifests/requests/比較　その１.yaml").write_text("model: a\n", encoding="utf-8")
    assert "manifests/requests/比較　その１.yaml" in workspace.read(root, {}).keys


def test_an_unreadable_file_is_a_finding(root: Path) -> None:
    """Not UTF-8: the place of the first bad byte; it is read again every time."""
    (root / REQUEST).write_bytes(b"model: a\nreason: \x83\x82\n")
    aged(root)
    found = workspace.read(root, {})
    assert found.keys[REQUEST] == "unreadable"
    assert found.stats == {}
    assert [(one.code, one.span.line) for one in found.problems[REQUEST]] == [("not-utf-8", 2)]


def test_a_missing_file_is_a_finding(root: Path) -> None:
    """With what to type."""
    source, problems = read(root, "manifests/nothing.yaml")
    assert source is None
    assert problems[0].code == "missing-file" and problems[0].help


def test_the_root_is_found_from_below_and_named_when_it_is_not(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From any folder of the repository; elsewhere the message says where it looked."""
    assert find_root(root / "manifests/requests") == root
    outside = tmp_path_factory.mktemp("outside")
    with pytest.raises(EnvironmentProblem, match="no evalctl repository here"):
        find_root(outside)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("manifests/requests/R1.yaml", "manifests/requests/r1.yaml"),
        ("manifests/requests/caf\u00e9.yaml", "manifests/requests/cafe\u0301.yaml"),
        ("manifests/models/Team/x.yaml", "manifests/models/team/y.yaml"),
        ("manifests/models/team/Tiny.yaml", "manifests/models/team/tiny.lock.yaml"),
        ("manifests/requests/A/b.yaml", "manifests/requests/a.yaml"),
        ("manifests/services/Site.yaml", "manifests/services/site.yaml"),
        ("manifests/providers/One.yaml", "manifests/providers/one.yaml"),
        ("manifests/models/chat_templates/A.jinja", "manifests/models/chat_templates/a.jinja"),
        ("manifests/requests/stra\u00dfe.yaml", "manifests/requests/STRASSE.yaml"),
    ],
)
def test_names_that_are_one_on_another_disk_are_a_finding(first: str, second: str) -> None:
    """Case and Unicode forms, of files and of folders, and what a request is compiled to."""
    found = list(clashes(sorted([first, second, "manifests/requests/other.yaml"])))
    expected = [] if "lock" in second else ["clashing-names"]
    assert [one.code for one in found] == expected


def test_requests_beside_each_other_do_not_clash() -> None:
    """A request and a folder of its name, models with equal beginnings."""
    paths = [
        "manifests/requests/a.yaml",
        "manifests/requests/a/b.yaml",
        "manifests/models/t/x.yaml",
        "manifests/models/t/x1.yaml",
    ]
    assert list(clashes(paths)) == []
