"""The judges of tasks whose answers another model scores: a closed list, by the framework's task. Standard library only.

Either framework names its judges in the source of the task and asks them itself, not through the relay; it keeps the text of
their replies, not the version that a reply names. Seen: lighteval 0.13.0 and the fork lighteval-swallow 0.8; a test compares
the list with their installed registries.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path

from evalctl_job.whole_texts import task_of


@dataclass(frozen=True, slots=True)
class Judged:
    """Tasks of a framework (a pattern), the model that scores their answers, who serves it, and where its prompts are."""

    tasks: str
    model: str
    provider: str
    prompts: str  # below the folder of lighteval


_GPT_4O, _FLOW = ("gpt-4o-2024-08-06", "openai"), ("flowaicom/Flow-Judge-v0.1", "vllm")
_TEMPLATES = "judge_prompt_templates.py"
LISTED = (
    Judged("japanese_mt_bench*", *_GPT_4O, f"tasks/swallow/japanese_mt_bench/{_TEMPLATES}"),
    Judged("english_mt_bench", *_GPT_4O, f"tasks/swallow/english_mt_bench/{_TEMPLATES}"),
    Judged("hle", *_GPT_4O, "tasks/tasks/hle.py"),
    Judged("mt_bench", *_FLOW, f"tasks/tasks/mt_bench/{_TEMPLATES}"),
    Judged("mixeval_*:*", *_FLOW, "tasks/tasks/mix_eval/judge_prompts.py"),
    Judged("mixeval_*:*", "gpt-3.5-turbo", "openai", "tasks/tasks/mix_eval/judge_prompts.py"),
)


def judges_of(entry: str) -> tuple[Judged, ...]:
    """Of a framework's entry (`swallow|japanese_mt_bench|0`, `hle|0`); most have none."""
    return tuple(one for one in LISTED if fnmatchcase(task_of(entry), one.tasks))


def recorded(judges: tuple[Judged, ...]) -> dict[str, str]:
    """What a record has of them: models, who serves them, and a digest of their prompts; nothing where there is no judge."""
    if not judges:
        return {}
    found = {
        "model": ", ".join(one.model for one in judges),
        "provider": ", ".join(one.provider for one in judges),
        "prompts": _digest(dict.fromkeys(one.prompts for one in judges)),
    }
    return {name: value for name, value in found.items() if value}


def _digest(files: dict[str, None]) -> str:
    """Of the installed files; "" where they are not there."""
    spec = find_spec("lighteval")  # does not import it, which takes seconds
    folders = [Path(one) for one in (spec.submodule_search_locations or ())] if spec else []
    paths = [folder / file for file in files for folder in folders if (folder / file).is_file()]
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()[:16] if len(paths) == len(files) else ""
