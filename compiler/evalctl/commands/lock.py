"""`evalctl lock`: reads a model's facts and writes its model card."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from evalctl import cards
from evalctl.clone.dotenv import env_values
from evalctl.clone.requests import root_of
from evalctl.exits import SUCCESS
from evalctl.load.places import files_of
from evalctl.model.fields import MODEL
from evalctl.shell import EnvironmentProblem, below, write_atomically

_REVISION = r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}"


def run(arguments: argparse.Namespace) -> int:
    """Writes manifests/models/MODEL.lock.yaml, and prints whether it changed."""
    root = root_of(arguments)
    if not re.fullmatch(MODEL, arguments.model):
        raise EnvironmentProblem(
            f"`{arguments.model}` cannot be a model's name",
            help="write PUBLISHER/MODEL; for a checkpoint on disk: --path FOLDER PUBLISHER/MODEL",
        )
    if arguments.revision and (arguments.path or not re.fullmatch(_REVISION, arguments.revision)):
        raise EnvironmentProblem(
            "a folder has no revision" if arguments.path else f"`{arguments.revision}` cannot be a revision",
            help="write --revision with a commit, tag or branch of a model on the Hub",
        )
    if arguments.path:
        # A link is not resolved: requests use the path as typed, and each job checks the checkpoint that it leads to.
        card = cards.read_folder(Path(arguments.path), arguments.model, whole=arguments.whole)
    else:
        token = os.environ.get("HF_TOKEN") or env_values(root).get("HF_TOKEN")
        card = cards.read_hub(arguments.model, token, revision=arguments.revision)
    path = below(root, files_of(arguments.model)[1])
    text = cards.write(card)
    before = path.read_text(encoding="utf-8") if path.exists() else None
    write_atomically(path, text)
    shown = path.relative_to(root).as_posix()
    tags = "think tags" if card.think_tags else "no think tags"
    print(
        f"{'refreshed' if before else 'wrote'} {shown}: {_count(card.parameters)} parameters, {card.attention_heads} heads, context {card.context_length}, {tags}"
    )
    return SUCCESS


def _count(number: int) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)
