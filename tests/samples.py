"""Small repositories for tests: the manifests of `golden/base` with changes, on disk or only in memory."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from evalctl.check import catalogue as catalogue_check
from evalctl.check import models as models_check
from evalctl.check.references import references
from evalctl.check.schema import validated
from evalctl.load import yaml_source
from evalctl.model.card import ModelCard
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import Diagnostic, has_errors
from evalctl.model.evaluation import Eval, Job
from evalctl.plan import jobs, rules
from evalctl.resolve.evals import evals

BASE = Path(__file__).parent / "golden" / "base"
PATH = "manifests/requests/sample.yaml"


@lru_cache
def base_texts() -> Mapping[str, str]:
    """The base's files by path."""
    files = (path for path in sorted(BASE.rglob("*")) if path.is_file())
    return {path.relative_to(BASE).as_posix(): path.read_text(encoding="utf-8") for path in files}


def repository(root: Path, files: Mapping[str, str], base: Path | None = BASE) -> Path:
    """The base with `files` written over it, at `root`."""
    if base is not None:
        shutil.copytree(base, root, dirs_exist_ok=True)
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return root


@lru_cache(maxsize=64)
def _catalogue(files: tuple[tuple[str, str], ...]) -> tuple[Catalogue, tuple[Diagnostic, ...]]:
    texts = {**base_texts(), **dict(files)}
    shared, problems = catalogue_check.shared(texts)
    whole, more = models_check.with_models(shared, texts)
    return whole, (*problems, *more)


def catalogue(files: Mapping[str, str] | None = None) -> Catalogue:
    """The base's catalogue with `files` over it; they must be right."""
    whole, problems = _catalogue(tuple(sorted((files or {}).items())))
    assert not problems, problems
    return whole


def checked(text: str, path: str = PATH) -> CheckedRequest:
    """A request of the right form."""
    document, problems = yaml_source.parse(text, path)
    assert document is not None, problems
    request, problems = validated("request", document)
    assert request is not None, problems
    return CheckedRequest(path, request, document)


@dataclass(frozen=True)
class Compiled:
    """One request after all stages but render; `jobs` is empty when an error forbids it."""

    checked: CheckedRequest
    catalogue: Catalogue
    evals: tuple[Eval, ...]
    jobs: tuple[Job, ...]
    problems: tuple[Diagnostic, ...]

    def eval(self, task: str) -> Eval:
        """The one eval of `task`."""
        (found,) = [one for one in self.evals if one.task.key == task]
        return found

    def codes(self) -> list[str]:
        """The codes of all findings, sorted."""
        return sorted(problem.code for problem in self.problems)


def compiled(text: str, files: Mapping[str, str] | None = None, path: str = PATH) -> Compiled:
    """`text` through all stages, without a disk."""
    request, known = checked(text, path), catalogue(files)
    problems = references(request, known) + rules.missing_cards(request, known)
    if has_errors(problems):
        return Compiled(request, known, (), (), tuple(problems))
    asked = evals(request, known)
    problems += rules.rules(request, asked, known)
    planned = () if has_errors(problems) else jobs.plan(request, asked, known).jobs
    return Compiled(request, known, asked, planned, tuple(problems))


def one_job(text: str, files: Mapping[str, str] | None = None) -> Job:
    """The one job of a request without errors."""
    done = compiled(text, files)
    assert len(done.jobs) == 1, (done.problems, [job.name for job in done.jobs])
    return done.jobs[0]


def card(**changes: Any) -> ModelCard:
    """An 8B model's facts, changed."""
    facts: dict[str, Any] = {
        "model": "lab/small-8B", "revision": "0" * 40, "architecture": "LlamaForCausalLM", "context_length": 131072,
        "layers": 32, "attention_heads": 32, "kv_heads": 8, "head_size": 128, "dtype": "bfloat16",
        "parameters": 8_030_261_248, "weight_bytes": 16_060_522_496, "think_tags": False, "chat_template_sha256": "0" * 64,
        "source": "hub", "read_at": "2026-11-23",
    }  # fmt: skip
    return ModelCard(**{**facts, **changes})


def card_file(**changes: Any) -> dict[str, str]:
    """The file of `card(**changes)`."""
    made = card(**changes)
    text = json.dumps(made.model_dump(exclude_none=False))
    # YAML has no pairs of surrogates: a character beyond U+FFFF has one escape of eight digits.
    pairs = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")
    whole = pairs.sub(lambda found: f"\\U{ord(json.loads(f'{chr(34)}{found[0]}{chr(34)}')):08X}", text)
    return {f"manifests/models/{made.model}.lock.yaml": whole}


def quoted(text: str) -> str:
    """`text` as a double-quoted YAML scalar in ASCII, whatever it holds."""
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    if character.isascii() and character.isprintable() and character not in '"\\':
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def files_under(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below `folder` with its bytes, sorted by path."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
