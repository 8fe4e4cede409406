"""What `evalctl init` chose and wrote, as a file of the repository: `evalctl upgrade` merges with it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Mapping
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
    """What was chosen at init, the version that wrote it, and the git blob of each file as evalctl wrote it last. `texts` has the
    blobs that no commit has: those of files that were merged, or that the person has deleted."""

    choices: Choices
    version: str
    blobs: Mapping[str, str]
    texts: Mapping[str, str]


def read_at(root: Path) -> ShippedNote | None:
    """The note of a repository; None where there is none, an EnvironmentProblem where it cannot be read."""
    try:
        return read_note(below(root, FILE).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise EnvironmentProblem(
            f"{FILE} cannot be read: {error}", help=f"git log -- {FILE} shows who changed it"
        ) from error


def write_note(
    root: Path,
    choices: Choices,
    texts: Mapping[str, str],
    loose: Collection[str] = (),
    older: ShippedNote | None = None,
) -> None:
    """Writes the note for these files as evalctl wrote them; the texts of `loose` ones are in no commit, so the note has them.
    Entries of an `older` note for other files stay."""
    blobs = dict(zip(texts, _objects(root, list(texts.values())), strict=True))
    kept = {blobs[path]: texts[path] for path in sorted(loose) if path in blobs}
    before = older.blobs if older else {}
    still = {blob: text for blob, text in (older.texts if older else {}).items() if blob in before.values()}
    _write(root, choices, {**before, **blobs}, {**still, **kept})


def _objects(root: Path, texts: list[str]) -> list[str]:
    """The names that git gives to these texts."""
    with tempfile.TemporaryDirectory(prefix="evalctl-shipped-") as folder:
        files = [Path(folder, str(number)) for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_bytes(text.encode())
        reply = run(calls.command("hash-object", "--no-filters", "--", *map(str, files), cwd=root)) if files else None
    if reply is not None and reply.status != 0:
        raise EnvironmentProblem(f"git hash-object failed: {calls.fatal(reply.stderr)}")
    return reply.stdout.split() if reply else []


def _write(root: Path, choices: Choices, blobs: Mapping[str, str], texts: Mapping[str, str]) -> None:
    chosen = {"catalogue": choices.catalogue, "services": list(choices.services), "example": choices.example}
    document = {"schema": SCHEMA, "evalctl": __version__, **chosen, "files": dict(sorted(blobs.items()))}
    write_atomically(below(root, FILE), json_text({**document, "texts": dict(sorted(texts.items()))}))


def read_note(content: bytes) -> ShippedNote:
    """The note; ValueError with the reason where it is invalid."""
    document = plain_json.document(content)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA!r}")
    catalogue, services, version = document.get("catalogue"), document.get("services"), document.get("evalctl")
    if not isinstance(catalogue, str) or catalogue not in CATALOGUES:
        raise ValueError(f"its catalogue is none of {', '.join(CATALOGUES)}")
    if not isinstance(services, list) or not all(isinstance(name, str) for name in services):
        raise ValueError("its services are not a list of names")
    if not isinstance(version, str) or re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,9}", version) is None:
        raise ValueError("it names no version of evalctl")
    blobs, texts = document.get("files"), document.get("texts", {})
    if not isinstance(blobs, dict) or not all(map(_is_entry, blobs, blobs.values())):
        raise ValueError("its files are not a mapping of paths to git blobs")
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("its texts are not a mapping of git blobs to texts")
    return ShippedNote(Choices(catalogue, services, document.get("example") is True), version, blobs, texts)


def _is_entry(path: object, blob: object) -> bool:
    """A path that evalctl may ship, and an object's name."""
    if not isinstance(path, str) or not isinstance(blob, str):
        return False
    if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", blob) is None:
        return False
    parts = path.split("/")
    return parts[0].lower() != ".git" and not {"", ".", ".."}.intersection(parts) and path.isprintable()
