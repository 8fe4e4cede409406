"""`evalctl import request`: a filled-in qsub_all.sh as the lab writes it, read and never executed."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec.literate import repository

from evalctl import cli
from evalctl.importing.head import read

MODEL = "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"
# The head's form is that of the script's public history; the rest stands for its machinery.
SCRIPT = f"""\
#!/usr/bin/env bash
# How-to-use: bash scripts/tsubame/qsub_all.sh
set -euo pipefail

# Set Args
## Common Settings
NODE_KIND="node_q"          # A node kind to use. tsubame: ["node_q", "node_f", "cpu_16"]
MODEL_NAME="{MODEL}"        # A model name (HuggingFace ID) to use.

## Special Settings
PROVIDER="vllm"             # Default: "vllm".
CUSTOM_SETTINGS=""          # Default: "".
PREDOWNLOAD_MODEL="false"   # Default: "true".
MAX_SAMPLES=""              # Default: "".

## Environmental Settings
SERVICE="tsubame"           # A service to use.
PRIORITY="-4"               # Default: "-5".
CUDA_VISIBLE_DEVICES=""     # Only for local

# Load .env and define dirs
source "$(dirname "$0")/../../.env"
RESULTS_DIR="${{REPO_PATH}}/results/${{MODEL_NAME}}"
qsub_task() {{
  local lang=$1 task=$2
  env ${{CUDA_VISIBLE_DEVICES:+CUDA_VISIBLE_DEVICES=${{CUDA_VISIBLE_DEVICES}}}} true
}}

# Submit tasks
## Japanese
qsub_task ja gpqa
# qsub_task ja mmlu
qsub_task "ja" 'mifeval'  # の評価
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the catalogue and the model's card, without requests."""
    root = repository(tmp_path / "repository", {})
    (root / "manifests" / "requests").mkdir(exist_ok=True)
    return root


def imported(root: Path, text: str, *words: str) -> int:
    """The exit code of `evalctl import request` for that script."""
    script = root.parent / "qsub_all.sh"
    script.write_text(text, encoding="utf-8")
    return cli.main(["--repo", str(root), "import", "request", str(script), *words])


def requests(root: Path) -> list[str]:
    """The names of all requests."""
    return sorted(path.name for path in (root / "manifests/requests").glob("*.yaml"))


def test_a_filled_in_script_becomes_a_request_that_compiles(root: Path) -> None:
    """What the template fills in anyway is left out; what is commented out is not asked for."""
    assert imported(root, SCRIPT, "--name", "first") == 0
    assert (root / "manifests/requests/first.yaml").read_text(encoding="utf-8") == (
        "# yaml-language-server: $schema=../../schema/request.schema.json\n"
        f"model: {MODEL}\nservice: tsubame\nnode_kind: node_q\npriority: -4\ntasks:\n  - ja_gpqa\n  - ja_mifeval\n"
    )
    assert cli.main(["--repo", str(root), "compile"]) == 0


def test_the_lines_of_the_standard_run_become_its_suite(root: Path) -> None:
    """In whatever order they stand."""
    tasks = [
        "wmt20_ja_en",
        "gpqa",
        "jemhopqa_cot",
        "math_100",
        "mmlu",
        "mmlu_prox",
        "mtbench",
        "wmt20_en_ja",
        "humaneval",
        "mifeval",
    ]
    head = SCRIPT.partition("# Submit tasks")[0]
    assert imported(root, head + "".join(f"qsub_task ja {task}\n" for task in tasks)) == 0
    (name,) = requests(root)
    assert name == "Llama-3.1-Swallow-8B-Instruct-v0.5.yaml"
    assert "tasks: [swallow-ja]\n" in (root / "manifests/requests" / name).read_text()


def test_every_variable_has_its_key(root: Path) -> None:
    """On service local, with settings, a limit and GPUs."""
    text = SCRIPT
    for old, new in {
        '"node_q"': "gpu_2", '"tsubame"': "'local'", 'CUSTOM_SETTINGS=""': 'CUSTOM_SETTINGS="default"',
        'MAX_SAMPLES=""': "export MAX_SAMPLES=10", 'CUDA_VISIBLE_DEVICES=""': 'CUDA_VISIBLE_DEVICES="0,1"',
        '"false"': '"true"',
    }.items():  # fmt: skip
        text = text.replace(old, new, 1)
    text = text.replace("export MAX_SAMPLES", "export  MAX_SAMPLES")
    assert imported(root, text, "--name", "local") == 0
    lines = (root / "manifests/requests/local.yaml").read_text().splitlines()[1:9]
    assert lines == [
        f"model: {MODEL}", "custom_settings: default", "service: local", "node_kind: gpu_2", "max_samples: 10",
        "predownload: true", 'cuda_visible_devices: "0,1"', "tasks:",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('"node_q"', '"$(pick_node)"', 7, "the shell computes the value of NODE_KIND"),
        (f'"{MODEL}"', "`head -1 models.txt`", 8, "the shell computes the value of MODEL_NAME"),
        (f'"{MODEL}"', '"${1}"', 8, "the shell computes the value of MODEL_NAME"),
        (f'"{MODEL}"', '"a/b"; rm -rf /', 8, "the value of MODEL_NAME is not a single word"),
        (f'"{MODEL}"', "(a b)", 8, "the value of MODEL_NAME is not a single word"),
        ("qsub_task ja gpqa", 'for t in a b; do qsub_task ja "$t"; done', 31, "known only when the script runs"),
        ("qsub_task ja gpqa", "qsub_task ja gpqa && rm x", 31, "known only when the script runs"),
        ("qsub_task ja gpqa", 'SERVICE="abci"', 31, "SERVICE is given twice"),
        ("qsub_task ja gpqa", "[ -d /groups ] && SERVICE=abci", 31, "SERVICE is not assigned on a line of its own"),
        ("qsub_task ja gpqa", 'if true; then NODE_KIND="x"; fi', 31, "NODE_KIND is not assigned on a line of its own"),
        ("qsub_task ja gpqa", 'declare -r MAX_SAMPLES="5"', 31, "MAX_SAMPLES is not assigned on a line of its own"),
        ('"tsubame"', '""', 1, "SERVICE is not filled in"),
        ("qsub_task ja gpqa", "unset MAX_SAMPLES", 31, "MAX_SAMPLES is not assigned on a line of its own"),
        ("qsub_task ja gpqa", "read -r MAX_SAMPLES <<< 3", 31, "MAX_SAMPLES is not assigned on a line of its own"),
        ("qsub_task ja gpqa", "printf -v MAX_SAMPLES 3", 31, "MAX_SAMPLES is not assigned on a line of its own"),
        ("qsub_task ja gpqa", "if false; then\n  qsub_task ja gpqa\nfi", 32, "inside a block"),
        ("qsub_task ja gpqa", "while false\ndo\nqsub_task ja gpqa\ndone", 33, "inside a block"),
        ("qsub_task ja gpqa", "all() {\n qsub_task ja gpqa\n}", 32, "inside a block"),
        ("qsub_task ja gpqa", 'case "$1" in\n x)\n  qsub_task ja gpqa\nesac', 33, "inside a block"),
        ("qsub_task ja gpqa", 'if [ -d /groups ]; then\n  SERVICE="abci"\nfi', 32, "SERVICE is given twice"),
        ("qsub_task ja gpqa", "exit 0\nqsub_task ja gpqa", 32, "after `exit`"),
        ("qsub_task ja gpqa", "qsub_task ja gqpa", 31, "did you mean `ja_gpqa`?"),
        ('"node_q"', '"node_x"', 7, "there is no node kind of tsubame `node_x`"),
        ('MAX_SAMPLES=""', 'MAX_SAMPLES="0"', 14, "max_samples"),
    ],
)
def test_a_mistake_is_shown_in_the_script_and_nothing_is_written(
    root: Path, old: str, new: str, line: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, line and reason, be it the shell's or the catalogue's; no command of the script is run."""
    assert old in SCRIPT
    assert imported(root, SCRIPT.replace(old, new, 1)) == 1
    printed = capsys.readouterr().out
    assert said in printed
    assert f"qsub_all.sh:{line}:" in printed
    assert requests(root) == []


def test_a_script_without_tasks_asks_for_some(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All lines commented out."""
    assert imported(root, SCRIPT.replace("\nqsub_task ", "\n# qsub_task ")) == 1
    assert "every qsub_task line is commented out" in capsys.readouterr().out


def test_a_model_without_a_card_is_written_and_lock_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lab's files know nothing of cards."""
    assert imported(root, SCRIPT.replace(MODEL, "lab/new-8B")) == 0
    assert "next: evalctl lock lab/new-8B, " in capsys.readouterr().out
    assert requests(root) == ["new-8B.yaml"]


def test_nothing_is_overwritten_and_a_dry_run_writes_nothing(root: Path) -> None:
    """A second import of the same name needs --replace."""
    assert imported(root, SCRIPT, "--dry-run") == 0
    assert requests(root) == []
    assert imported(root, SCRIPT) == 0
    changed = SCRIPT.replace("qsub_task ja gpqa", "qsub_task en aime_2024_2025")
    assert imported(root, changed) == 1
    path = root / "manifests/requests" / requests(root)[0]
    assert "ja_gpqa" in path.read_text()
    assert imported(root, changed, "--replace") == 0
    assert "en_aime_2024_2025" in path.read_text()


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    """Files travel through many editors."""
    plain, problems = read(SCRIPT, "a")
    assert problems == []
    other, problems = read("\ufeff" + SCRIPT.replace("\n", "\r\n"), "a")
    assert problems == []
    assert {name: word.text for name, word in plain.values.items()} == {n: w.text for n, w in other.values.items()}
    assert [word.text for word in plain.tasks] == [word.text for word in other.tasks]


# What the script of 2026 (the lab's internal tree at 6c83ce0) has beyond the older one; the form, not the text.
NEWER = SCRIPT.replace(
    "\n## Environmental Settings",
    """
UPLOAD_DETAILS="false"      # Default: "false".
COPY_DETAILS="false"        # abci only. Default: "false".
AR_ID=""                    # Default: "". AR ID for reserved nodes.
TRUST_REMOTE_CODE="false"   # Default: "false". ["true", "false"]

## Environmental Settings""",
).replace(
    "\n# Load .env",
    """
ENABLE_ENV="${1:-}" # for qsub_multi.sh
# Override with environment variables if enabled
if [[ "$ENABLE_ENV" == "enable_env" ]]; then
  NODE_KIND="$ENV_NODE_KIND"
  TRUST_REMOTE_CODE="${ENV_TRUST_REMOTE_CODE:-$TRUST_REMOTE_CODE}"
  PRIORITY="$ENV_PRIORITY"
fi
if [[ "$TRUST_REMOTE_CODE" != "true" && "$TRUST_REMOTE_CODE" != "false" ]]; then
  exit 1
fi

# Load .env""",
)


def test_the_script_of_2026_is_imported(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What qsub_multi.sh hands over is passed over in words; variables that have their default are not mentioned."""
    assert imported(root, NEWER, "--name", "newer") == 0
    printed = capsys.readouterr().out
    assert "values of qsub_multi.sh are ignored" in printed
    assert "is not in the request" not in printed
    assert imported(root, SCRIPT, "--name", "older") == 0
    folder = root / "manifests/requests"
    assert (folder / "newer.yaml").read_text() == (folder / "older.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('AR_ID=""', 'AR_ID="1234"', ("AR_ID is not in the request", '"-ar", "{AR_ID}" to submit_args of manifests/services/tsubame.yaml')),
        ('TRUST_REMOTE_CODE="false"  ', 'TRUST_REMOTE_CODE="true"', ("TRUST_REMOTE_CODE is not", f"in manifests/models/{MODEL}.yaml")),
        ('UPLOAD_DETAILS="false"', "UPLOAD_DETAILS=true", ("UPLOAD_DETAILS is not", "push_to_hub: {org: ORGANISATION}")),
        ('COPY_DETAILS="false"', 'COPY_DETAILS="true"', ("COPY_DETAILS is not", "evalctl details PATH")),
        ('AR_ID=""', 'MAX_MODEL_LEN="4096"', ("MAX_MODEL_LEN is not in the request: evalctl does not know this variable",)),
        ('AR_ID=""', 'SHARE="$(id)" # Default: "".\nAR_ID=""', ("SHARE is not in the request",)),
        ("# Submit tasks", 'export TEMPERATURE="0.7"', ("TEMPERATURE is not in the request",)),
    ],
)  # fmt: skip
def test_a_variable_that_has_no_key_is_named(
    root: Path, old: str, new: str, said: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is set and cannot be in a request is a warning at its line, with what to type; the value is not repeated."""
    text = NEWER.replace(old, new, 1)
    assert text != NEWER
    assert imported(root, text, "--name", "named") == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in said)
    assert requests(root) == ["named.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('ENABLE_ENV="${1:-}"', 'ENABLE_ENV="enable_env"', "the values on this line come from the environment"),
        ('  PRIORITY="$ENV_PRIORITY"', '  PRIORITY="-3"', "PRIORITY is given twice"),
        ('  PRIORITY="$ENV_PRIORITY"', '  MODEL_NAME="$ENV_NODE_KIND"', "the shell computes the value of MODEL_NAME"),
        ('AR_ID=""', 'AR_ID="$(reserve)"', "the shell computes the value of AR_ID"),
        (
            "# Submit tasks",
            "[ -d /groups ] && TRUST_REMOTE_CODE=true",
            "TRUST_REMOTE_CODE is not assigned on a line of its own",
        ),
    ],
)
def test_what_the_newer_script_would_compute_is_refused(
    root: Path, old: str, new: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A block that does more than to hand over is not passed over."""
    assert old in NEWER
    assert imported(root, NEWER.replace(old, new, 1)) == 1
    assert said in capsys.readouterr().out
    assert requests(root) == []


@pytest.mark.parametrize(
    "block",
    [
        ": <<'END'\nqsub_task ja mmlu\nSERVICE=abci\nEND\n", "cat <<EOF\nqsub_task ja mmlu\nEOF\n", "cat <<-EOF\n\tqsub_task ja mmlu\n\tEOF\n",
        "if true; then\n  : # if\nfi\n", "f() { echo done; }\n", 'for x in "${A[@]}"; do\n  echo "if ${x}" # do\ndone\n', "cat <<< EOF\n",
        "echo 'if this then that'\n", 'case x in\n  x) : ;;\nesac\n', 'until true; do :; done\n', "# exit\n", "(exit 0)\n",
    ],
)  # fmt: skip
def test_what_stands_before_the_tasks_changes_nothing(block: str) -> None:
    """Text of a here-document is no code, and a block that has ended is none any more."""
    head, problems = read(SCRIPT.replace("qsub_task ja gpqa", f"{block}qsub_task ja gpqa"), "q.sh")
    assert ([word.text for word in head.tasks], problems) == (["ja_gpqa", "ja_mifeval"], [])
