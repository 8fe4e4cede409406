"""`evalctl new`, `lock` and `env check` as a person calls them: what they write, what they refuse, what they say."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from spec.literate import repository

MODEL = "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 4096, "torch_dtype": "bfloat16",
    "vocab_size": 16, "intermediate_size": 256,
}  # fmt: skip


def evalctl(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The command as installed, with nothing to answer its questions."""
    return subprocess.run(
        [sys.executable, "-m", "evalctl", *words], cwd=cwd, env={**os.environ, **env}, capture_output=True,
        encoding="utf-8", timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository without requests."""
    root = repository(tmp_path, {})
    (root / "manifests" / "requests").mkdir(exist_ok=True)
    return root


def test_new_writes_a_request_that_check_accepts(root: Path) -> None:
    """From flags to a file that compiles, Japanese included."""
    words = ("--model", MODEL, "--service", "tsubame", "--tasks", "swallow-ja,-ja_mmlu", "--reason", "再評価: #1")
    assert evalctl("new", "first", *words, cwd=root).returncode == 0
    text = (root / "manifests/requests/first.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../../schema/request.schema.json\n")
    assert "tasks: [swallow-ja, -ja_mmlu]" in text
    assert evalctl("check", cwd=root).returncode == 0
    assert evalctl("compile", cwd=root).returncode == 0


def test_new_never_writes_over_a_request(root: Path) -> None:
    """The second call of the same name changes nothing."""
    words = ("new", "first", "--model", MODEL, "--service", "tsubame", "--tasks", "ja_mmlu")
    assert evalctl(*words, cwd=root).returncode == 0
    before = (root / "manifests/requests/first.yaml").read_bytes()
    again = evalctl(*words[:-1], "ja_gpqa", cwd=root)
    assert (again.returncode, (root / "manifests/requests/first.yaml").read_bytes()) == (1, before)
    assert "exists already" in again.stderr and "edit that file" in again.stderr


def test_new_shows_mistakes_at_once(root: Path) -> None:
    """The file is there to be corrected, and the person knows where."""
    said = evalctl("new", "x", "--model", MODEL, "--service", "tsubam", "--tasks", "ja_mmlu", cwd=root)
    assert said.returncode == 1
    assert "did you mean `tsubame`?" in said.stdout


@pytest.mark.parametrize("name", ["../up", "/abs", "-dash", ".hidden", "a/../b"])
def test_new_stays_among_the_requests(root: Path, name: str) -> None:
    """A name is no way out of manifests/requests/."""
    said = evalctl("new", "--model", MODEL, "--service", "tsubame", "--tasks", "ja_mmlu", "--", name, cwd=root)
    assert said.returncode == 1
    assert list((root / "manifests/requests").rglob("*.yaml")) == []


def test_new_without_a_person_names_what_is_missing(root: Path) -> None:
    """No question is asked where nobody can answer."""
    said = evalctl("new", "--model", MODEL, cwd=root)
    assert said.returncode == 1
    assert "a request needs tasks, service" in said.stderr and "--tasks … --service …" in said.stderr


def answered(root: Path, *answers: str) -> tuple[int, str]:
    """Exit code and screen of `evalctl new` at a terminal where a person types these lines."""
    mine, its = pty.openpty()
    call = [sys.executable, "-m", "evalctl", "new"]
    env = {**os.environ, "EVALCTL_SERVICE": "local"}
    process = subprocess.Popen(call, cwd=root, env=env, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    os.write(mine, "".join(answers).encode())
    screen = b""
    with contextlib.suppress(OSError):  # the terminal's other end is closed
        while part := os.read(mine, 4096):
            screen += part
    os.close(mine)
    return process.wait(timeout=60), screen.decode("utf-8", "replace")


def test_new_asks_a_person_for_model_tasks_and_service(root: Path) -> None:
    """Each with what there is to choose; an unknown word is asked again, and Enter is this machine's service."""
    code, screen = answered(root, f"{MODEL}\n", "ja_mmluu\n", "ja_mmlu, -ja_gpqa\n", "\n")
    assert code == 0, screen
    assert screen.index("model (") < screen.index("tasks (") < screen.index("service (") and "[local]" in screen
    assert "did you mean `ja_mmlu`?" in screen and "swallow-ja" in screen and "tsubame" in screen
    (path,) = (root / "manifests/requests").rglob("*.yaml")
    text = path.read_text(encoding="utf-8")
    assert f"model: {MODEL}\nservice: local\ntasks: [ja_mmlu, -ja_gpqa]\n" in text


def test_new_says_what_is_missing_where_a_person_gives_up(root: Path) -> None:
    """Ctrl-D at the second question is no bug of evalctl, and nothing is written."""
    code, screen = answered(root, f"{MODEL}\n", "\x04")
    assert code == 1 and "a request needs tasks, service" in screen and "Traceback" not in screen
    assert list((root / "manifests/requests").rglob("*.yaml")) == []


def test_lock_of_a_folder_writes_the_card_that_check_wants(root: Path, tmp_path: Path) -> None:
    """From missing-model-card to a clean check by the command that the finding names."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"w": {"dtype": "BF16", "shape": [16, 128], "data_offsets": [0, 4096]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4096))
    request = f"model: {{path: {folder}, name: lab/own}}\nservice: tsubame\ntasks: [ja_mmlu]\n"
    (root / "manifests/requests/own.yaml").write_text(request)
    assert "missing-model-card" in evalctl("check", cwd=root).stdout
    assert evalctl("lock", "--path", str(folder), "lab/own", cwd=root).returncode == 0
    assert evalctl("check", cwd=root).returncode == 0


@pytest.mark.parametrize("words", [("--revision", "v1", "--path", "/x"), ("--revision", "../x"), ("--revision=--x",)])
def test_lock_takes_the_revision_of_a_model_on_the_hub_alone(root: Path, words: tuple[str, ...]) -> None:
    """A folder has none, and only a commit, tag or branch can be one."""
    said = evalctl("lock", "some/model", *words, cwd=root, HF_ENDPOINT="http://127.0.0.1:9")
    assert said.returncode == 1
    assert "--revision" in said.stderr


def test_lock_without_a_hub_says_try_later_and_writes_nothing(root: Path) -> None:
    """Exit 4, and no half card."""
    said = evalctl("lock", "some/model", cwd=root, HF_ENDPOINT="http://127.0.0.1:9")
    assert said.returncode == 4
    assert "some/model" not in {path.parent.name + "/" + path.name for path in root.rglob("*.lock.yaml")}


def test_env_check_names_what_is_missing_and_never_a_value(root: Path) -> None:
    """Environments that are not built, a file that others can read, a template value."""
    (root / ".env").write_text('OPENAI_API_KEY="abc-very-private"\nGROUP_AND_NAME="lab/{your_name}"\n')
    (root / ".env").chmod(0o644)
    said = evalctl("env", "check", "lighteval", cwd=root, EVALCTL_ENVIRONMENTS=str(root / "none"))
    assert said.returncode == 1
    assert "lighteval: missing; run `evalctl env setup lighteval`" in said.stdout
    assert "chmod 600 .env" in said.stdout
    assert "GROUP_AND_NAME still has its template value" in said.stdout
    assert "very-private" not in said.stdout + said.stderr


def test_plan_as_json_and_markdown(root: Path) -> None:
    """A program reads the one, a reviewer the other; both say what would run."""
    words = ("new", "first", "--model", MODEL, "--service", "tsubame", "--tasks", "ja_mmlu,ja_mtbench")
    assert evalctl(*words, cwd=root).returncode == 0
    document = json.loads(evalctl("plan", "--json", cwd=root).stdout)
    states = {e["task"]: e["state"] for r in document["requests"] for j in r["jobs"] for e in j["evals"]}
    assert states == {"ja_mmlu": "run", "ja_mtbench": "run"}
    page = evalctl("plan", "--format", "markdown", cwd=root).stdout
    assert "**1 job to submit: 2 evals to run, 0 reused" in page
    assert "| ja\\_mtbench |" in page or "| ja_mtbench |" in page


def test_a_mistyped_command_is_guessed(root: Path) -> None:
    """Exit 2, usage."""
    said = evalctl("chek", cwd=root)
    assert said.returncode == 2
    assert "did you mean `check`?" in said.stderr


def test_compile_says_its_findings_as_json(root: Path) -> None:
    """`--json` is one JSON list, as `--format json`."""
    bad = f"model: {MODEL}\nservice: nowhere\ntasks: [ja_mmlu]\n"
    (root / "manifests/requests").mkdir(parents=True, exist_ok=True)
    (root / "manifests/requests/bad.yaml").write_text(bad)
    replies = [evalctl("compile", *words, cwd=root) for words in (["--json"], ["--format", "json"])]
    assert [reply.returncode for reply in replies] == [1, 1]
    found = [json.loads(reply.stdout) for reply in replies]
    assert found[0] == found[1]
    assert [one["code"] for one in found[0]] == ["unknown-service"]


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("manifests/requests", ("new", "first", "--model", MODEL, "--service", "tsubame", "--tasks", "ja_mmlu")),
        ("schema", ("schema",)),
        ("manifests/models/x", ("lock", "--path", "{MODEL}", "x/y")),
    ],
)
def test_nothing_is_written_through_a_link(root: Path, tmp_path: Path, folder: str, words: tuple[str, ...]) -> None:
    """A commit can bring a link for a folder, and what it leads to is not the repository's."""
    elsewhere, model = tmp_path / "elsewhere", tmp_path / "model"
    elsewhere.mkdir()
    model.mkdir()
    (model / "config.json").write_text(json.dumps(CONFIG))
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    if (root / folder).exists():
        (root / folder).rename(tmp_path / "before")
    (root / folder).symlink_to(elsewhere)
    done = evalctl(*(word.replace("{MODEL}", str(model)) for word in words), cwd=root)
    assert (done.returncode, list(elsewhere.iterdir())) == (1, [])
    assert "is a link: evalctl does not read or write through links" in done.stderr


def test_a_file_that_is_a_link_is_not_read(root: Path) -> None:
    """`/dev/zero` has no end."""
    (root / "schema").mkdir(exist_ok=True)
    (root / "schema/request.schema.json").unlink(missing_ok=True)
    (root / "schema/request.schema.json").symlink_to("/dev/zero")
    assert evalctl("schema", cwd=root).returncode == 1


def test_a_folder_that_is_gone_is_no_bug(tmp_path: Path) -> None:
    """Somebody removed it, or a job of the person did."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"rmdir {gone} && exec {sys.executable} -m evalctl check"
    done = subprocess.run(["bash", "-c", command], cwd=gone, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False) and "cd into your clone" in done.stderr
