"""`evalctl init`: a repository in which every command works; nothing of a person is overwritten."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evalctl import __version__, cli
from evalctl.load import requirement
from evalctl.new_repository.files import CATALOGUES

from .conftest import git

SERVICES = ("abci", "local", "slurm", "tsubame")
REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_a_new_repository_has_no_mistake_and_is_committed(
    catalogue: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every shipped service: check, compile and schema have nothing to say, and nothing is left to commit."""
    root = tmp_path / "lab"
    services = [word for name in SERVICES for word in ("--service", name)]
    assert cli.main(["init", str(root), "--catalogue", catalogue, *services]) == 0
    capsys.readouterr()
    for words in (["check"], ["compile", "--check"], ["schema", "--check"]):
        assert cli.main(["--repo", str(root), *words]) == 0, words
    assert capsys.readouterr().err == "0 requests: no findings\n"
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "log", "--format=%s").split("\n") == ["evalctl init", ""]


def test_a_second_init_changes_nothing(lab: Path) -> None:
    """All files exist: none is written again."""
    before = git(lab, "rev-parse", "HEAD")
    assert (
        cli.main(["init", str(lab), "--catalogue", "swallow-2025-08", "--service", "tsubame", "--service", "local"])
        == 0
    )
    assert git(lab, "status", "--porcelain") == "" and git(lab, "rev-parse", "HEAD") == before


def test_files_of_a_person_are_kept_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing repository: its files stay byte for byte, nothing is committed for its owner."""
    git(tmp_path, "init", "-q", "-b", "main", "own")
    root = tmp_path / "own"
    mine = {"README.md": "# ours\r\n", "manifests/tasks/suites.yaml": "short: [en_gsm8k]\n"}
    for path, text in mine.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())
    assert cli.main(["init", str(root)]) == 0
    out = capsys.readouterr().out
    for path, text in mine.items():
        assert (root / path).read_bytes() == text.encode()
        assert re.search(rf"^kept as they were.*{re.escape(path)}", out, re.MULTILINE)
    assert subprocess.run(["git", "rev-parse", "-q", "--verify", "HEAD"], cwd=root, capture_output=True).returncode != 0
    assert "git add --all && git commit" in out


def test_an_existing_gitignore_gets_the_lines_that_protect_a_persons_keys(tmp_path: Path) -> None:
    """Its own lines stay; `.env` is not in git whatever it said."""
    git(tmp_path, "init", "-q", "own")
    root = tmp_path / "own"
    (root / ".gitignore").write_text("*.tmp\n/.venv/")
    assert cli.main(["init", str(root)]) == 0
    (root / ".env").write_text("HF_TOKEN=x\n")
    git(root, "add", "--all")
    assert ".env" not in git(root, "ls-files").splitlines()
    assert (root / ".gitignore").read_text().startswith("*.tmp\n/.venv/\n")
    assert (root / ".gitignore").read_text().count("/.venv/") == 1


def test_a_folder_within_another_repository_is_refused(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No command would find it there."""
    assert cli.main(["init", str(lab / "inner" / "more")]) == 1
    assert f"is within the git repository {lab.resolve()}" in capsys.readouterr().err
    assert not (lab / "inner").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--service", "tsubami"], "did you mean `tsubame`"),
        (["--catalogue", "empty", "--example"], "evalctl init --catalogue starter --example"),
    ],
)
def test_a_wrong_choice_is_named_with_what_to_type(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written."""
    assert cli.main(["init", str(tmp_path / "lab"), *words]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "lab").exists()


def test_without_a_name_for_git_the_files_are_there_and_the_commands_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """git refuses to commit for nobody; that is no reason to lose anything."""
    for name in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
        monkeypatch.delenv(f"GIT_{name}")
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tuseConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    assert cli.main(["init", "lab"]) == 0
    out = capsys.readouterr().out
    assert "not committed: " in out and "cd lab && git add --all && git commit" in out
    assert (tmp_path / "lab/manifests/services/local.yaml").exists()


def test_workflows_install_the_version_that_the_repository_wants(lab: Path) -> None:
    """And name no folder of evalctl itself."""
    assert requirement.needed(lab) == __version__
    for path in sorted((lab / ".github/workflows").iterdir()):
        text = path.read_text()
        steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
        installs = [step["run"] for step in steps if step.get("name") == "Install evalctl"]
        assert installs == ["python -m pip install --quiet --disable-pip-version-check -r requirements.txt\n"], path
        assert "compiler" not in text and "requirements.lock" not in text
    assert "/compiler/" not in (lab / ".github/CODEOWNERS").read_text()
    assert (
        yaml.safe_load((lab / ".gitlab-ci.yml").read_text())["manifests"]["script"][-1] == 'evalctl plan --base "$BASE"'
    )


def test_an_editor_finds_the_schema_of_every_manifest(lab: Path) -> None:
    """The folders of the settings and the schemas exist."""
    schemas = json.loads((lab / ".vscode/settings.json").read_text())["yaml.schemas"]
    assert [path for path in schemas if not (lab / path).is_file()] == []


def test_the_template_of_env_names_the_accounts_of_the_services(lab: Path) -> None:
    """Those that their submit commands need, and no other."""
    text = (lab / ".env_template").read_text()
    assert 'TSUBAME_GROUP="{your_tsubame_group}"' in text and "ABCI_GROUP" not in text


def test_the_first_task_can_be_added_to_an_empty_catalogue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`new task` finds its lists empty."""
    assert cli.main(["init", "lab", "--catalogue", "empty"]) == 0
    words = [
        "en_arithmetic",
        "--script",
        "demo_arithmetic",
        "--result-dir",
        "en/arithmetic",
        "--framework",
        "lighteval",
    ]
    times = ["--times", "hrt_q=00:10:00,hrt_f=00:10:00,wlt_HG=00:10:00,wlt_HF=00:10:00"]
    more = ["--metric", "exact_match", "--entry", "arithmetic"]
    assert cli.main(["--repo", "lab", "new", "task", *words, *times, *more]) == 0, capsys.readouterr()
    assert yaml.safe_load((tmp_path / "lab/manifests/tasks/metrics.yaml").read_text())["entries"] == [
        {"name": "arithmetic", "function": "pick", "metrics": ["exact_match"], "tasks": ["demo_arithmetic"]}
    ]


@pytest.mark.parametrize("version", ["99", "0.1.1", "0.2.0", "99.post1"])
def test_an_older_evalctl_says_what_to_type_in_a_newer_repository(
    version: str, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A newer repository may have keys that it does not know."""
    (lab / "requirements.txt").write_text(f"\ufeffEvalctl_HPC[x]=={version} --hash=sha256:0  # ours\npandas\n")
    assert cli.main(["--repo", str(lab), "check"]) == 1
    err = capsys.readouterr().err
    assert (
        f"this repository needs evalctl {version.removesuffix('.post1')} (requirements.txt); this is {__version__}"
        in err
    )
    assert f"python -m pip install -r {lab / 'requirements.txt'}" in err


@pytest.mark.parametrize(
    "text",
    ["", "evalctl-hpc>=99\n", "evalctl-hpc==0.1\n", "evalctl-hpc==0.0.9\n", "other-evalctl-hpc==99\n", "evalctl-hpc==99rc1\n",
     "evalctl-hpc==99\nevalctl-hpc==98\n", "evalctl-hpc==" + "9" * 5000 + "\n", "\ufeff\0"],
)  # fmt: skip
def test_a_requirement_that_names_no_newer_release_stops_nothing(text: str, lab: Path) -> None:
    """What pip makes of the file is pip's matter."""
    (lab / "requirements.txt").write_text(text)
    assert cli.main(["--repo", str(lab), "check"]) == 0


def test_a_person_at_a_terminal_is_asked(tmp_path: Path) -> None:
    """Catalogue and service, with their choices; Enter takes the usual one."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "evalctl", "init", "lab"]
    process = subprocess.Popen(argv, cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, text=True)
    os.write(ours, b"swallow\nempty\n\n")
    out, _ = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    assert "catalogue of tasks (one of these) [starter]: " in out and "service (one of these) [local]: " in out
    assert "there is no `swallow`: " in out
    assert yaml.safe_load((tmp_path / "lab/manifests/tasks/metrics.yaml").read_text()) == {"entries": []}


def test_a_folder_with_other_files_is_not_committed_whole(tmp_path: Path) -> None:
    """Keys and notes of a person that are in it stay out of git."""
    (tmp_path / "my lab/.ssh").mkdir(parents=True)
    (tmp_path / "my lab/.ssh/id_rsa").write_text("secret")
    assert cli.main(["init", "my lab", "--yes"]) == 0
    assert ".ssh/id_rsa" not in git(tmp_path / "my lab", "ls-files").splitlines()
    assert git(tmp_path / "my lab", "status", "--porcelain").splitlines() == ["?? .ssh/"]


def test_a_later_init_adds_a_service_and_forgets_nothing(lab: Path) -> None:
    """The catalogue stays, and upgrade still knows every file."""
    before = json.loads((lab / "manifests/shipped.json").read_text())
    (lab / "manifests/tasks/suites.yaml").write_text("short: [en_mmlu]\n")
    assert cli.main(["init", str(lab), "--service", "abci", "--yes"]) == 0
    after = json.loads((lab / "manifests/shipped.json").read_text())
    assert after["catalogue"] == "swallow-2025-08" and after["services"] == ["abci", "local", "tsubame"]
    assert after["files"].items() >= before["files"].items() and "manifests/services/abci.yaml" in after["files"]
    assert cli.main(["init", str(lab), "--catalogue", "starter"]) == 1


def test_requirements_of_a_person_get_the_line_that_workflows_need(tmp_path: Path) -> None:
    """Its other lines stay, with their line ends."""
    git(tmp_path, "init", "-q", "own")
    (tmp_path / "own/requirements.txt").write_bytes(b"pandas\r\n")
    assert cli.main(["init", "own"]) == 0
    assert (
        tmp_path / "own/requirements.txt"
    ).read_bytes() == f"pandas\r\n# evalctl\r\n{requirement.line()}\r\n".encode()


def test_what_is_no_file_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link, a folder where a file would be, and a folder that is a link to another disk."""
    git(tmp_path, "init", "-q", "own")
    root = tmp_path / "own"
    (root / "docs").mkdir()
    (root / "docs/R").write_text("# ours\n")
    (root / "README.md").symlink_to("docs/R")
    (root / ".gitattributes").mkdir()
    (tmp_path / "scratch").mkdir()
    (root / "results").symlink_to(tmp_path / "scratch")
    (root / ".gitignore").write_bytes("設定\n".encode("cp932"))
    assert cli.main(["init", "own"]) == 0
    out = capsys.readouterr().out
    assert "README.md" in out and ".gitattributes" in out and "results/.gitkeep" in out
    assert list((tmp_path / "scratch").iterdir()) == [] and (root / "docs/R").read_text() == "# ours\n"
    assert (root / ".gitignore").read_bytes().startswith("設定\n".encode("cp932")) and b"/.env\n" in (
        root / ".gitignore"
    ).read_bytes()


def test_a_bare_repository_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no files."""
    git(tmp_path, "init", "-q", "--bare", "b.git")
    before = sorted(path.name for path in (tmp_path / "b.git").iterdir())
    assert cli.main(["init", "b.git"]) == 1
    assert "git cannot use" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "b.git").iterdir()) == before


def test_repo_names_the_folder_too(tmp_path: Path) -> None:
    """As for every other command."""
    (tmp_path / "other").mkdir()
    assert cli.main(["--repo", "other", "init", "--yes"]) == 0
    assert (tmp_path / "other/manifests/shipped.json").exists() and not (tmp_path / "manifests").exists()
