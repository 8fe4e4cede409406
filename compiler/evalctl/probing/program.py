"""Runs evalctl_job.probe in the framework's environment, which has litellm, with the keys as variables, and reads its output."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evalctl.environments import catalogue, check
from evalctl.probing.target import Target
from evalctl.shell import Command, EnvironmentProblem, stream
from evalctl_job.probed import AskedTarget, Found
from evalctl_job.typed import read

ENVIRONMENT = "lighteval"
ANSWER_SECONDS = 60  # an answer of one token takes longer only if something is wrong


def python_of(environments: Path) -> Path:
    """The Python with litellm; an EnvironmentProblem where its environment is not ready."""
    for problem in check([ENVIRONMENT], environments):
        raise EnvironmentProblem(f"litellm asks the provider, and its environment is not ready: {problem}")
    return environments / catalogue()[ENVIRONMENT].directory_name / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the program gets: its interpreter, the providers' keys, and other variables (None: removed)."""

    python: Path
    keys: Mapping[str, str]
    variables: Mapping[str, str | None]


def ask(targets: Sequence[Target], surroundings: Surroundings, max_calls: int, progress: ProbeListener) -> None:
    """Probes each target in turn."""
    if not targets:
        return
    variables, keys = surroundings.variables, surroundings.keys
    named = variables.get("NO_PROXY") or variables.get("no_proxy")
    direct = ",".join(filter(None, (named, "127.0.0.1,localhost")))
    environment: dict[str, str | None] = {**variables, **keys, "NO_PROXY": direct, "no_proxy": direct}
    command = Command(_argv(targets, surroundings.python, max_calls), env=environment)
    output = _Output(progress, tuple(keys.values()))
    status = stream(command, output.line)
    if output.found < len(targets):
        last = output.noise or "no output"
        raise EnvironmentProblem(f"the probe ended with status {status}: {last}", help="evalctl env check lighteval")


class ProbeListener(Protocol):
    """What is called for the program's messages."""

    def asking(self, what: str) -> None:
        """A question is about to be sent."""

    def report(self, found: Found) -> None:
        """The outcome of the next target."""


class _Output:
    """Reads the program's lines; a line that is not JSON comes from a library."""

    def __init__(self, progress: ProbeListener, secrets: Sequence[str]) -> None:
        self._progress, self._secrets = progress, secrets
        self.found = 0
        self.noise = ""

    def line(self, line: str) -> None:
        """Reads one line."""
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if isinstance(message, dict) and "asking" in message:
            self._progress.asking(message["asking"])
        elif isinstance(message, dict) and "found" in message:
            self._report(message["found"])
        elif line.strip():
            self.noise = self._without_secrets(line.strip())

    def _report(self, document: object) -> None:
        """Passes on what was found; a program of another version is a broken environment."""
        try:
            found = read(Found, document)
        except ValueError as error:
            self.noise = f"its report cannot be read: {error}"
            return
        self.found += 1
        self._progress.report(found)

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return text


def _argv(targets: Sequence[Target], python: Path, max_calls: int) -> tuple[str, ...]:
    described = [
        AskedTarget(
            api_base=target.provider.base_url, model=target.provider.wire_name(target.model),
            key_variable=target.provider.key_variable, parameters=target.parameters, up_to=target.up_to,
        ).as_json()
        for target in targets
    ]  # fmt: skip
    limits = ("--max-calls", str(max_calls), "--timeout", str(ANSWER_SECONDS))
    return (str(python), "-I", "-m", "evalctl_job.probe", "--targets", json.dumps(described), *limits)
