"""Model-written code in both dialects of lighteval: behind the fence hostile answers reach nothing, and honest ones score the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Reply, completion
from framework_runs import CONFIG, cold, run_framework
from hostile_code import ATTACKS

pytestmark = pytest.mark.environments

KERNEL = Path(__file__).with_name("kernel_without.py")
UPSTREAM, FORK = "lighteval.tasks.tasks.lcb.codegen_metrics", "lighteval.tasks.extended.lcb.codegen_metrics"
CALLED = {"inputs": ["1", "41"], "outputs": ["2", "42"], "fn_name": "f"}
READ = {"inputs": ["4\n1 2 3 4\n", "1\n7\n"], "outputs": ["10\n", "7\n"]}
HONEST: list[dict[str, Any]] = [
    {**CALLED, "answers": ["def f(x):\n    return x + 1", "def f(x):\n    return x", "def f(x):\n    raise ValueError", "def g(): pass", "no code"]},
    {**CALLED, "answers": ["class Solution:\n    def f(self, x):\n        return x + 1"]},
    {**CALLED, "answers": ["import numpy as np\ndef f(x):\n    return np.int64(x) + 1", "import numpy as np\ndef f(x):\n    return np.array([x + 1])"]},
    {**CALLED, "answers": ["import sympy, pandas, threading\nimport scipy.special\ndef f(x):\n    return int(scipy.special.comb(x + 1, 1))"]},
    {**CALLED, "answers": ["def f(x):\n    while True: pass", "import ctypes\ndef f(x):\n    ctypes.string_at(0)", "import sys\ndef f(x):\n    sys.exit(0)"]},
    {**CALLED, "answers": ["def f(x):\n    print('said')\n    return x + 1", "def f(x):\n    return (lambda n: n if n < 2 else f(n - 1) + 1)(x) + 1"]},
    {**CALLED, "answers": ["import threading\ndef f(x):\n    got = []\n    t = threading.Thread(target=lambda: got.append(x + 1)); t.start(); t.join()\n    return got[0]"]},
    {**READ, "answers": ["n = int(input())\nprint(sum(map(int, input().split())))", "import sys\nprint(sys.stdin.read().split()[1])", "print(1/0)"]},
    {**READ, "answers": ["if __name__ == '__main__':\n    n = int(input())\n    print(sum(map(int, input().split())))"]},
]  # fmt: skip
CHECKED = {
    "inputs": [],
    "outputs": [],
    "fn_name": "f",
    "check_fn": "def check(candidate):\n    assert candidate(1) == 2\n",
}


def outcomes(
    python: Path,
    variables: dict[str, str],
    module: str,
    questions: list[dict[str, Any]],
    record: Path,
    policy: str,
    lacking: str = "",
) -> Any:
    """What the framework's function for code says of the answers, as a job of that policy runs it."""
    program = [str(python), "-P", str(Path(__file__).with_name("run_answers.py")), module]
    more = {
        "EVALCTL_CODE_EXECUTION": policy,
        "EVALCTL_FENCE_RECORD": str(record),
        "OPENAI_API_KEY": "sk-of-the-evaluator",
    }
    ran = subprocess.run(
        [sys.executable, str(KERNEL), lacking, *program], input=json.dumps(questions), capture_output=True, text=True,
        env={**variables, **more}, timeout=300, cwd=record.parent,
    )  # fmt: skip
    return json.loads(ran.stdout.splitlines()[-1]) if ran.returncode == 0 else ran.stderr


def dialect(request: pytest.FixtureRequest) -> tuple[Path, str, list[dict[str, Any]]]:
    """The Python of an environment, its module for code, and honest answers: the fork knows questions with a checking function too."""
    if request.param == "fork":
        folder = request.getfixturevalue("fork_environment")
        return (
            folder / "bin/python",
            FORK,
            [*HONEST, {**CHECKED, "answers": ["def f(x):\n    return x + 1", "def f(x):\n    return x"]}],
        )
    return request.getfixturevalue("environment") / "bin/python", UPSTREAM, HONEST


framework = pytest.fixture(params=["upstream", "fork"])(dialect)


@pytest.mark.parametrize("lacking", ["", "unshare"])
def test_honest_answers_score_the_same(framework: Any, variables: dict[str, str], tmp_path: Path, lacking: str) -> None:
    """Behind either fence, each outcome of each test of each answer is what the framework says without one."""
    python, module, questions = framework
    record = tmp_path / "fence.json"
    plain = outcomes(python, variables, module, questions, record, "unfenced")
    assert json.loads(record.read_text()) == {"policy": "unfenced", "fence": "none", "denies": []}
    fenced = outcomes(python, variables, module, questions, record, "fenced", lacking)
    kind = "landlock" if lacking else "namespaces"
    if json.loads(record.read_text())["fence"] != kind:
        pytest.skip(f"this kernel grants no {kind}")
    assert fenced == plain and 0 < plain[0] < 1
    assert not (tmp_path / "fence.lost").exists()


def test_what_the_kernel_refuses_is_no_score(framework: Any, variables: dict[str, str], tmp_path: Path) -> None:
    """A service that demands the fence has no code run without it; one that wants the best of it has, and the record says so."""
    python, module, questions = framework
    record = tmp_path / "fence.json"
    said = outcomes(python, variables, module, questions[:1], record, "fenced", "unshare,landlock")
    assert isinstance(said, str) and "fence-refused: limits: denies" in said
    lost = (tmp_path / "fence.lost").read_text()
    assert lost.startswith("refused: ") and "open: " in lost and "Operation not permitted" in lost
    (tmp_path / "fence.lost").unlink()
    best = outcomes(python, variables, module, questions[:1], record, "best-effort", "unshare,landlock")
    assert best == outcomes(python, variables, module, questions[:1], tmp_path / "other.json", "unfenced")
    assert (
        json.loads(record.read_text())["fence"] == "limits" and "files" not in json.loads(record.read_text())["denies"]
    )


@dataclass
class Model:
    """A model that answers each question with another piece of code, whatever was asked."""

    codes: list[str]
    places: dict[str, int] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Reply:
        """The same for the same question."""
        place = self.places.setdefault(str(asked.body["messages"]), len(self.places))
        return completion([f"```python\n{self.codes[place % len(self.codes)]}\n```"] * (asked.body.get("n") or 1))


def test_hostile_answers_reach_nothing_through_lighteval(
    environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """lighteval itself, over a task with LiveCodeBench's metric: every attack is denied, its record and its warnings say what stood there."""
    home = tmp_path / "home/.ssh"
    home.mkdir(parents=True)
    (home / "id_ed25519").write_text("secret")
    facts = {
        "files": [str(home / "id_ed25519")], "folders": [str(tmp_path), str(Path.home())], "port": 9, "socket": str(tmp_path / "none"),
        "process": os.getpid(), "key": variables["EVALCTL_RELAY_KEY"],
    }  # fmt: skip
    attacks = [code for name, code in ATTACKS.items() if not name.startswith(("forks", "fills"))]
    honest = ["def f(facts):\n    return 'denied'", "def f(facts):\n    return 'wrong'"]
    folder = tmp_path / "run"
    own = {
        "CODE_FACTS": json.dumps(facts),
        "EVALCTL_CODE_EXECUTION": "fenced",
        "EVALCTL_FENCE_RECORD": str(folder / "fence.json"),
    }
    command = [
        "demo_arithmetic|0",
        "--custom-tasks",
        str(Path(__file__).with_name("code_tasks.py")),
        "--max-samples",
        str(len(attacks) + 2),
    ]
    codes = Model([*honest, *attacks])
    run = run_framework(environment, {**variables, **own}, folder, CONFIG.format(temperature=0), command, codes, cold)
    assert run.exit_code == 0, (folder / "log").read_text()[-3000:]
    (results,) = folder.glob("out/results/**/results_*.json")
    scores = json.loads(results.read_text())["results"]["all"]
    asked = len(codes.places)
    assert scores["codegen_pass@1"] == pytest.approx((asked - 1) / asked)  # all but the honest one that is wrong
    assert json.loads((folder / "fence.json").read_text())["fence"] in ("namespaces", "landlock")
