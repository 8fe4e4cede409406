"""What `evalctl init` chose and wrote, as a file of the repository: `evalctl upgrade` merges with it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalctl import __version__
from evalctl.git import calls
from evalctl.model import plain_json
from evalctl.new_repository.files import CATALOGUES, Choices
from evalctl.shell import EnvironmentProblem, below, json_text, run, write_atomically

FILE = "manifests/shipped.json"
SCHEMA = "evalctl/shipped/1"


@dataclass(frozen=True, slots=True)
class ShippedNote:
    """What was chosen at init, and the git blob of each file as evalctl wrote it last."""

    choices: Choices
    blobs: Mapping[str, str]


def write_note(root: Path, choices: Choices, texts: Mapping[str, str]) -> None:
    """Writes the note, and the texts as objects of git: a later merge finds them, whatever happens to the files."""
    with tempfile.TemporaryDirectory(prefix="evalctl-shipped-") as folder:
        files = [Path(folder, str(number)) for number in range(len(texts))]
        for file, text in zip(files, texts.values(), strict=True):
            file.write_bytes(text.encode())
        reply = run(calls.command("hash-object", "-w", "--no-filters", "--", *map(str, files), cwd=root))
    if reply.status != 0:
        raise EnvironmentProblem(f"git hash-object failed: {calls.fatal(reply.stderr)}")
    blobs = dict(zip(texts, reply.stdout.split(), strict=True))
    write_atomically(below(root, FILE), _text(choices, blobs))


def _text(choices: Choices, blobs: Mapping[str, str]) -> str:
    chosen = {"catalogue": choices.catalogue, "services": list(choices.services), "example": choices.example}
    return json_text({"schema": SCHEMA, "evalctl": __version__, **chosen, "files": dict(sorted(blobs.items()))})


def read_note(content: bytes) -> ShippedNote:
    """The note; ValueError with the reason where it is invalid."""
    document = plain_json.document(content)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA!r}")
    catalogue, services, blobs = document.get("catalogue"), document.get("services"), document.get("files")
    if catalogue not in CATALOGUES:
        raise ValueError(f"its catalogue is none of {', '.join(CATALOGUES)}")
    if not isinstance(services, list) or not all(isinstance(name, str) for name in services):
        raise ValueError("its services are not a list of names")
    if not isinstance(blobs, dict) or not all(map(_is_entry, blobs, blobs.values())):
        raise ValueError("its files are not a mapping of paths to git blobs")
    return ShippedNote(Choices(catalogue, services, document.get("example") is True), blobs)


def _is_entry(path: object, blob: object) -> bool:
    """A path within the work tree, and an object's name."""
    if (
        not isinstance(path, str)
        or not isinstance(blob, str)
        or re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", blob) is None
    ):
        return False
    parts = path.split("/")
    return parts[0].lower() != ".git" and not {"", ".", ".."}.intersection(parts) and path.isprintable()
