"""Commits to be made, as git's fast-import reads them. Every path that enters a commit passes `tree_path`."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalctl.shell import EnvironmentProblem

_LONGEST_NAME = 255  # bytes, of the usual file systems
# git refuses these on file systems where they are `.git`: HFS+ ignores some characters, NTFS trailing dots, spaces and
# streams, and both fold case (`core.protectHFS`, `core.protectNTFS`; fast-import checks neither, seen: git 2.39).
_GIT_FOLDER = re.compile(r"(\.git|git~[0-9]+)[ .]*(:.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit to be made: whole texts by path (None removes), and the message. All files are plain, none executable."""

    files: Mapping[str, str | None]
    message: str

    def __post_init__(self) -> None:
        """Refuses a path that no commit may have."""
        for path in self.files:
            tree_path(path)


def tree_path(path: str) -> str:
    """`path` itself when a commit may have a file there; an EnvironmentProblem otherwise."""
    why = next((why for part in path.split("/") if (why := _unfit(part))), "")
    if why:
        raise EnvironmentProblem(
            f"{path!r} cannot be a path in a commit: {why}", "rename the model, settings or task in it"
        )
    return path


def _unfit(name: str) -> str:
    """Why a file or folder cannot have this name; empty when it can."""
    visible = "".join(one for one in name if unicodedata.category(one) != "Cf")
    reasons = (
        (name == "", "it starts or ends with / or contains //"),
        (name in (".", ".."), f"`{name}` is not the name of a file or folder"),
        (_GIT_FOLDER.fullmatch(visible) is not None, "git keeps its own files under that name"),
        (any(unicodedata.category(one) == "Cc" for one in name), "it contains a control character"),
        ('"' in name or "\\" in name, "it contains a quote or a backslash"),
        (len(os.fsencode(name)) > _LONGEST_NAME, f"a name is longer than {_LONGEST_NAME} bytes"),
    )
    return next((why for wrong, why in reasons if wrong), "")


def stream(ref: str, parent: str | None, drafts: Sequence[Draft], author: str, committer: str) -> bytes:
    """Input for fast-import: the commits on `parent`, and a command that prints the id of the last one."""
    parts = [b"feature done\n", f"reset {ref}\n".encode(), b"from %s\n\n" % parent.encode() if parent else b"\n"]
    for draft in drafts:
        message = draft.message.replace("\0", "").encode()
        parts.append(
            f"commit {ref}\nmark :1\nauthor {author}\ncommitter {committer}\n".encode("utf-8", "surrogateescape")
        )
        parts.append(b"data %d\n%s\n" % (len(message), message))
        parts.extend(_change(path, text) for path, text in sorted(draft.files.items()))
        parts.append(b"\n")
    return b"".join([*parts, b"get-mark :1\n", b"done\n"])


def _change(path: str, text: str | None) -> bytes:
    name = b'"%s"' % os.fsencode(tree_path(path))  # quoted, so that fast-import reads all of it as the path
    if text is None:
        return b"D %s\n" % name
    content = text.encode()
    return b"M 100644 inline %s\ndata %d\n%s\n" % (name, len(content), content)
