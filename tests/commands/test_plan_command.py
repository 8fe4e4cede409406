"""`evalctl plan` as a person calls it: the same whether remembered or compiled now, and no result passed over in silence."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import compiled, repository

from evalctl import cli
from evalctl.git.repository import open_repository
from evalctl.model.run import Attempt, Phase
from evalctl.results.record import to_text
from evalctl.results.submission import inputs
from evalctl.sync.ledger import Ledger
from evalctl.sync.records import JobRecord

REQUEST = "manifests/requests/a.yaml"
SETTINGS = "manifests/models/lab/small-8B.yaml"
TSUBAME = "manifests/services/tsubame.yaml"
TEXT = "model: lab/small-8B\ncustom_settings: default\nservice: tsubame\ntasks: [ja_exact, en_code]\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one request."""
    return repository(tmp_path, {REQUEST: TEXT})


@pytest.fixture
def plan(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """`evalctl plan` there: its exit code and all that it says."""

    def said(*words: str) -> tuple[int, str]:
        code = cli.main(["--repo", str(root), "plan", *words])
        printed = capsys.readouterr()
        return code, printed.err + printed.out

    return said


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_what_is_remembered_is_shown_as_what_is_new(plan: Callable[..., tuple[int, str]], form: str) -> None:
    """Settings, findings and the service's terms."""
    first = plan("--format", form)
    assert first[0] == 0 and "temperature=0.6" in first[1]
    assert plan("--format", form) == first


@pytest.mark.parametrize(
    ("path", "change", "shown"),
    [
        (SETTINGS, lambda text: text.replace("2048", "4096"), "max_new_tokens=4096"),
        (REQUEST, lambda text: f"{text}overrides: {{ja_exact: {{seed: 77}}}}\n", "seed=77"),
        (TSUBAME, lambda text: f"{text}advice: [keep caches under /gs/bs]\n", "note: tsubame: keep caches"),
    ],
)
def test_a_change_is_shown_at_once(
    root: Path, plan: Callable[..., tuple[int, str]], path: str, change: Callable[[str], str], shown: str
) -> None:
    """What the last plan remembered of a request or a service is worth nothing as soon as its file is another."""
    assert shown not in plan()[1]
    (root / path).write_text(change((root / path).read_text(encoding="utf-8")), encoding="utf-8")
    assert shown in plan()[1]


def git(root: Path, *words: str) -> None:
    """Runs git as somebody."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize("folder", [".", "evaluations"])
def test_against_a_base_what_is_new_is_shown_before_git_knows_it(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing else, until its plan is another than there; also in a folder of a clone."""
    root = repository(tmp_path / folder, {REQUEST: TEXT})
    against = ("--repo", str(root), "plan", "--base", "HEAD")
    assert cli.main([*against]) == 1 and "not a git repository" in capsys.readouterr().err
    git(tmp_path, "init", "-q", "-b", "main")
    assert cli.main(["--repo", str(root), "compile"]) == 0
    git(tmp_path, "add", f"{folder}/manifests", f"{folder}/generated")
    git(tmp_path, "commit", "-q", "-m", "a")
    (root / "manifests/requests/b.yaml").write_text(TEXT.replace("default", "greedy"))
    assert cli.main([*against]) == 0
    assert f"{REQUEST}:" not in (said := capsys.readouterr().out) and "manifests/requests/b.yaml:" in said
    (root / REQUEST).write_text(f"{TEXT}retries: 2\n")
    assert cli.main([*against]) == 0
    assert f"{REQUEST}:" in capsys.readouterr().out


def test_against_a_base_that_went_on_only_the_branchs_own_requests_are_shown(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `check --base`: what others changed after the branch left is no change of the branch."""
    git(root, "init", "-q", "-b", "main")
    assert cli.main(["--repo", str(root), "compile"]) == 0
    git(root, "add", "manifests", "generated")
    git(root, "commit", "-q", "-m", "a")
    git(root, "switch", "-q", "-c", "mine")
    (root / "manifests/requests/b.yaml").write_text(TEXT.replace("default", "greedy"))
    git(root, "add", "manifests/requests/b.yaml")
    git(root, "commit", "-q", "-m", "mine")
    git(root, "switch", "-q", "main")
    (root / REQUEST).write_text(f"{TEXT}retries: 2\n")
    assert cli.main(["--repo", str(root), "compile"]) == 0
    git(root, "commit", "-q", "-am", "theirs")
    git(root, "switch", "-q", "mine")
    capsys.readouterr()
    assert cli.main(["--repo", str(root), "plan", "--base", "main"]) == 0
    said = capsys.readouterr().out
    assert "manifests/requests/b.yaml:" in said and f"{REQUEST}:" not in said


@pytest.mark.parametrize("command", ["plan", "check"])
def test_a_shallow_clone_without_common_history_says_so(
    root: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Compared with the wrong commit, a branch would seem to take back what others did."""
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "manifests")
    git(root, "commit", "-q", "-m", "a")
    git(root, "switch", "-q", "-c", "mine")
    git(root, "commit", "-q", "--allow-empty", "-m", "mine")
    git(root, "switch", "-q", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "theirs")
    clone = tmp_path_factory.mktemp("shallow")
    git(clone, "clone", "-q", "--depth", "1", "--no-single-branch", "-b", "mine", f"file://{root}", ".")
    capsys.readouterr()
    assert cli.main(["--repo", str(clone), command, "--base", "origin/main"]) == 1
    said = capsys.readouterr().err
    assert "this clone is shallow" in said and "git fetch --unshallow" in said


def test_a_result_that_cannot_be_read_needs_a_person(root: Path, plan: Callable[..., tuple[int, str]]) -> None:
    """It blocks its eval: said with its file and what to type, and exit 1, as long as the plan is about it."""
    jobs = json.loads(plan("--json")[1])["requests"][0]["jobs"]
    asked, other = (root / task["result"] for task in jobs[0]["job"]["tasks"])
    other.with_name("elsewhere").mkdir(parents=True)
    (other.parent / "elsewhere/result.json").write_text("<<<<<<< HEAD\n")
    assert plan()[0] == 0
    asked.parent.mkdir(parents=True)
    asked.write_text("<<<<<<< HEAD\n")
    code, said = plan()
    assert code == 1 and "error[unreadable-result]" in said and "1 blocked" in said
    assert f"git checkout -- {asked.relative_to(root)}" in said and "elsewhere" not in said


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_what_a_request_reaches_is_shown(root: Path, plan: Callable[..., tuple[int, str]], form: str) -> None:
    """The path that the model is read from, the address and the key of a provider, and an upload that all can read."""
    local = TEXT.replace("model: lab/small-8B", "model: {path: /checkpoints/mine, name: lab/small-8B}")
    card = (root / "manifests/models/lab/small-8B.lock.yaml").read_text(encoding="utf-8")
    card = card.replace("0123456789abcdef0123456789abcdef01234567", "0" * 64).replace("source: hub", "source: folder")
    (root / "manifests/models/lab/small-8B.lock.yaml").write_text(f"{card}path: /checkpoints/mine\n", encoding="utf-8")
    (root / REQUEST).write_text(f"{local}push_to_hub: {{org: lab, private: false}}\n", encoding="utf-8")
    provided = "model: any/model\nprovider: lab-llm\nservice: tsubame\ntasks: [ja_exact]\n"
    (root / "manifests/requests/b.yaml").write_text(provided, encoding="utf-8")
    (root / "manifests/providers").mkdir(exist_ok=True)
    (root / "manifests/providers/lab-llm.yaml").write_text("base_url: https://llm.lab.example/v1\n", encoding="utf-8")
    code, said = plan("--format", form)
    said = said.replace("\\", "").replace("\u200b", "")
    assert code == 0, said
    assert "model path: /checkpoints/mine" in said
    charged = "what it charges for its answers is in no estimate here"
    assert f"answered by: https://llm.lab.example/v1, with the key LAB_LLM_API_KEY; {charged}" in said
    assert "uploads results and details to lab on the Hub (PUBLIC: everybody can read it)" in said


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_plan_says_which_inputs_changed(root: Path, plan: Callable[..., tuple[int, str]], form: str) -> None:
    """Old and new, for what runs again; a record that lacks them says that they are unknown."""
    done = compiled(TEXT, path=REQUEST)
    for one, change in ((done.eval("ja_exact"), {"generation": {"temperature": 0.25}}), (done.eval("en_code"), {})):
        record = {**inputs(one).as_json(), "digest": "0" * 64, "scores": {}, "weights": {}, **change}
        if not change:
            del record["generation"]
        path = root / one.result_path
        path.parent.mkdir(parents=True)
        path.write_text(to_text(record), encoding="utf-8")
    code, out = plan("--format", form)
    assert code == 0
    assert "max_new_tokens: unset → 2048; temperature: 0.25 → 0.6" in out
    assert "settings that are sent: unknown, its record does not have them" in out
    assert plan("--format", form) == (code, out), "remembered, too"


def test_the_plan_and_explain_name_the_last_failure(
    root: Path, plan: Callable[..., tuple[int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the ledger and the run folder say: reason, the data set, the number of tries, what to type; asks no scheduler."""
    job = next(job for job in compiled(TEXT, path=REQUEST).jobs if job.tasks)
    keys = {task.evaluation.task.key: task.evaluation.digest for task in job.tasks}
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "manifests")
    git(root, "commit", "-qm", "a")
    assert "last attempt" not in plan()[1], "there is no ledger"
    attempts = tuple(
        Attempt(job.name, n, f"{job.name}-a{n}", Phase.CLOSED, "tsubame", REQUEST, keys, "", 1.0, closed_at=2.0,
                outcome="failed:dataset-unreachable", by="a") for n in range(1, job.retries + 2)
    )  # fmt: skip
    Ledger(open_repository(root)).record(lambda _: {job.name: JobRecord(job.name, attempts)}, "tries")
    mark = root / f".evalctl/runs/{job.name}/a{job.retries + 1}/marks/task/ja_exact.json"
    mark.parent.mkdir(parents=True)
    failed = {
        "key": "ja_exact",
        "state": "failed",
        "reason": "dataset-unreachable",
        "detail": "no host has team/numbers",
    }
    mark.write_text(json.dumps(failed), encoding="utf-8")
    said = f"attempts-exhausted: dataset-unreachable: no host has team/numbers ({job.retries + 1} attempts): evalctl datasets fetch"
    code, out = plan()
    assert code == 0 and f"no result yet; last attempt: {said}" in out
    assert cli.main(["--repo", str(root), "explain", "a", "ja_exact"]) == 0
    assert f"  last attempt {said}" in capsys.readouterr().out
