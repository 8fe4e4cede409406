"""`.env` as `evalctl env check` and `evalctl doctor` look at it (the manual, 1.1): every finding names what to do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from evalctl import cli
from evalctl.clone import dotenv_faults
from evalctl.clone.dotenv import env_values
from evalctl.model.service import NodeKind, Service
from evalctl.shell import EnvironmentProblem

GOOD = 'SITE_GROUP=tga-lab\nHUGGINGFACE_CACHE="{bulk}/tga-lab/hf"\nUV_CACHE={bulk}/uv\nVLLM_CACHE={bulk}/vllm\n'
KEYS = {"JUDGE_API_KEY": "manifests/requests/a.yaml"}

KEYS_OF_A_FINDING = ("code", "severity", "message", "file", "line", "column", "end_column", "help", "notes")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a `.env` in which nothing is missing."""
    root = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (tmp_path / "bulk").mkdir()
    (root / ".env").write_text(GOOD.format(bulk=tmp_path / "bulk") + "JUDGE_API_KEY=not-a-real-one\n")
    (root / ".env").chmod(0o600)
    return root


@pytest.fixture
def site(tmp_path: Path) -> Service:
    """A service that charges a group and has a place for large files."""
    return Service(
        scheduler="gridengine", node_kinds={"cpu": NodeKind(gpus=0, runtime_column="hrt_q")},
        submit_args=("-g", "{SITE_GROUP}"), bulk_storage=(str(tmp_path / "bulk"),),
    )  # fmt: skip


def test_nothing_is_wrong_with_a_good_one(root: Path, site: Service) -> None:
    """Caches in their place, the group and the judge's key set, private, not in git."""
    assert dotenv_faults.problems(root, site, KEYS) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("HUGGINGFACE_CACHE=/home/me/hf", "HUGGINGFACE_CACHE must be under {bulk}, but is /home/me/hf"),
        ("VLLM_CACHE={bulk}2/vllm", "VLLM_CACHE should be under {bulk}, but is {bulk}2/vllm"),
        ("UV_CACHE=", "UV_CACHE is not set: it should be a folder under {bulk}"),
        ("SITE_GROUP=", "SITE_GROUP is not set: every submission needs it"),
        ("JUDGE_API_KEY=''", "JUDGE_API_KEY is not set: manifests/requests/a.yaml needs it"),
        (
            'HF_TOKEN="{your_token}"\nREPO_PATH="/gs/fs/${HF_TOKEN}"',
            ".env: HF_TOKEN still has its template value: write your own value, or leave it empty if you do not need the variable",
        ),
        ("VLLM_CACHE={bulk}/../fs/vllm", "VLLM_CACHE should be under {bulk}, but is {bulk}/../fs/vllm"),
        ("HUGGINGFACE_CACHE='~/hf'", "HUGGINGFACE_CACHE must be an absolute path, not ~/hf"),
    ],
)
def test_each_mistake_is_named(root: Path, site: Service, line: str, told: str) -> None:
    """One finding, and never the value of a key."""
    bulk = site.bulk_storage[0]
    with (root / ".env").open("a") as file:
        file.write(line.replace("{bulk}", bulk) + "\n")
    found = list(map(str, dotenv_faults.problems(root, site, KEYS)))
    assert found == [told.replace("{bulk}", bulk)]
    assert "not-a-real-one" not in "".join(found)


@pytest.mark.parametrize(
    "line", ["HF_TOKEN = secret", "HF_TOKEN='secret", 'HF_TOKEN="secret', "HF_TOKEN=secret words", "HF_TOKEN: secret"]
)
def test_a_line_that_a_job_reads_otherwise_is_named_by_its_number(
    root: Path, site: Service, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may hold a key: nothing of it is shown. `env check` lists the lines; every command that needs a value stops there."""
    before = (root / ".env").read_text()
    (root / ".env").write_text(f"{before}{line}\nHF_TOKEN=$(cat secret)\n")
    number = before.count("\n") + 1
    first, second = map(str, dotenv_faults.problems(root, site, KEYS))
    assert first.startswith(f".env:{number}: ")
    assert second.startswith(f".env:{number + 1}: the shell would run a command")
    with pytest.raises(EnvironmentProblem, match=rf"\.env:{number}: .*\(1 more line: evalctl env check\)"):
        env_values(root)
    monkeypatch.delenv("EVALCTL_ENV_FILE", raising=False)
    (root / "manifests/requests").mkdir(parents=True)
    assert cli.main(["--repo", str(root), "env", "check"]) == 1
    printed = capsys.readouterr().out
    assert f".env:{number}: " in printed
    assert "secret" not in first + second + printed


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("X='a b' # c", "a b"), ('X="a \\"b\\""', 'a "b"'), ("X=a\\ b", "a b"), ("X=a#b", "a#b"), ("  X=é", "é"), ("X=", ""),
        ("export X=1", "1"), ("X=a\"b\"'c'", "abc"), ("X=1\nX=2", "2"),
    ],
)  # fmt: skip
def test_a_line_has_the_value_that_the_job_gets(root: Path, site: Service, line: str, value: str) -> None:
    """Comments, exports, quotes, escapes: nothing is found fault with, and the value is bash's."""
    with (root / ".env").open("a") as file:
        file.write(line)
    assert dotenv_faults.problems(root, site, KEYS) == []
    assert env_values(root)["X"] == value


def test_line_ends_of_windows_are_named(root: Path, site: Service) -> None:
    """The job's shell takes them for a part of each value."""
    (root / ".env").write_bytes((root / ".env").read_bytes().replace(b"\n", b"\r\n"))
    (told,) = map(str, dotenv_faults.problems(root, site, KEYS))
    assert told.startswith(".env:1: the file has Windows (CRLF) line endings")


def test_a_comment_in_another_encoding_stops_nothing(root: Path, site: Service) -> None:
    """Shift_JIS of an old editor."""
    with (root / ".env").open("ab") as file:
        file.write("# 評価者\n".encode("shift_jis"))
    assert dotenv_faults.problems(root, site, KEYS) == []


def test_a_link_into_the_bulk_storage_lies_there(root: Path, site: Service, tmp_path: Path) -> None:
    """What counts is where the bytes go."""
    (tmp_path / "bulk" / "mine").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "bulk" / "mine")
    with (root / ".env").open("a") as file:
        file.writelines(f"{name}={tmp_path}/cache\n" for name in dotenv_faults.CACHES)
    assert dotenv_faults.problems(root, site, KEYS) == []


def test_a_cache_that_cannot_be_written_is_named(root: Path, site: Service) -> None:
    """A file in the way, or a folder of somebody else: told here, not on the node."""
    (root / "file").touch(mode=0o600)
    with (root / ".env").open("a") as file:
        file.write(f"UV_CACHE={root}/file/uv\n")
    service = site.model_copy(update={"bulk_storage": ()})
    (told,) = map(str, dotenv_faults.problems(root, service, KEYS))
    assert told.startswith(f"UV_CACHE: {root}/file/uv cannot be written")


def test_a_file_in_git_is_named(root: Path, site: Service) -> None:
    """Ignored or not: once it is tracked, a push would publish the keys."""
    subprocess.run(["git", "add", "-f", ".env"], cwd=root, check=True)
    (found,) = map(str, dotenv_faults.problems(root, site, KEYS))
    assert found.startswith(".env is tracked by git: git rm --cached .env")


def test_a_service_without_bulk_storage_has_caches_anywhere(root: Path, site: Service) -> None:
    """A machine of one's own."""
    (root / ".env").write_text("")
    assert dotenv_faults.problems(root, site.model_copy(update={"bulk_storage": (), "submit_args": ()}), {}) == []


def test_what_is_missing_is_told_to_programs_in_the_form_of_all_findings(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`env check --json` is one list, with a code that `explain` knows, the file, the line and what to type; exit 1."""
    monkeypatch.delenv("EVALCTL_ENV_FILE", raising=False)
    (root / "manifests/requests").mkdir(parents=True)
    (root / ".env").write_text("A=1\nHF_TOKEN='secret\n")
    call = ["--repo", str(root), "env", "check", "lighteval", "--json"]
    assert cli.main(call) == 1
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["code"], told["severity"], told["file"], told["line"]) == ("env-file", "error", ".env", 2)
    (root / ".env").write_text("A=1\n")
    monkeypatch.setenv("EVALCTL_ENVIRONMENTS", str(root / "none"))
    assert cli.main(call) == 1
    found = [one for one in json.loads(capsys.readouterr().out) if one["code"] == "environment-missing"]
    assert [(one["severity"], one["help"]) for one in found] == [("error", "evalctl env setup lighteval")]
    assert found[0].keys() == told.keys() == {*KEYS_OF_A_FINDING}
    for code in ("env-file", "environment-missing"):
        assert cli.main(["explain", code]) == 0
