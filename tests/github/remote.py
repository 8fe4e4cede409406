"""A repository as GitHub keeps it: main and a branch, and a shallow clone of the merge of the two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MODEL = "example/Llama-8B"
CARD = f"""\
model: {MODEL}
revision: 0123456789abcdef0123456789abcdef01234567
architecture: LlamaForCausalLM
context_length: 131072
layers: 32
attention_heads: 32
kv_heads: 8
head_size: 128
dtype: bfloat16
parameters: 8030261248
weight_bytes: 16060522496
think_tags: false
chat_template_sha256: "e10ca381b1ccc5cf9db52e371f3b6651576caee0a4f2c8f7d4b9fbe5d4b5cbe6"
generation_config: {{}}
gated: false
source: hub
read_at: "2026-11-23"
"""
SETTINGS = """\
plain:
  system_message: "あなたは誠実で優秀な日本人のアシスタントです。"
  max_new_tokens: 2048
  version: "1"
"""
REQUEST = f"model: {MODEL}\ncustom_settings: plain\nservice: tsubame\ntasks: [ja_mmlu, en_mtbench]\n"
MODEL_SETTINGS = f"manifests/models/{MODEL}.yaml"

Files = Mapping[str, str]


@dataclass
class Remote:
    """The repository on the server's side; `work` is a clone in which commits are made."""

    folder: Path
    work: Path = field(init=False)

    def __post_init__(self) -> None:
        self.work = self.folder / "work"

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """Runs git with an identity of its own and nobody's configuration."""
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
        }  # fmt: skip
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.work, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def commit(self, files: Files, *, compiled: bool) -> None:
        """Commits files on the branch that is checked out, with what evalctl makes of them."""
        for path, text in files.items():
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            (self.work / path).write_text(text, encoding="utf-8")
        if compiled:
            self.evalctl("compile")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")

    def evalctl(self, *words: str) -> None:
        """Runs the evalctl under test in the work clone."""
        subprocess.run(
            [Path(sys.executable).parent / "evalctl", *words], cwd=self.work, check=True, capture_output=True
        )

    def merged_clone(self) -> Path:
        """What actions/checkout leaves of the merge of `change` into main, with `fetch-depth: 2`."""
        self.git("checkout", "-q", "--detach", "main")
        self.git("merge", "-q", "--no-ff", "-m", "merge", "change")
        self.git("push", "-q", "origin", "main", "change", "HEAD:refs/pull/1/merge")
        clone = self.folder / "clone"
        self.git("init", "-q", str(clone), cwd=self.folder)
        self.git("remote", "add", "origin", f"file://{self.folder}/remote.git", cwd=clone)
        self.git("fetch", "-q", "--depth=2", f"file://{self.folder}/remote.git", "refs/pull/1/merge", cwd=clone)
        self.git("checkout", "-q", "--detach", "FETCH_HEAD", cwd=clone)
        return clone
