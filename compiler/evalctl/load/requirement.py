"""The evalctl version that a repository needs: a line of its requirements.txt, which pip installs too."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from evalctl import DISTRIBUTION, __version__
from evalctl.shell import EnvironmentProblem

FILE = "requirements.txt"
_LARGEST = 100_000  # bytes that are read of it
# As pip compares names: case and the kind of separator do not matter; extras, hashes, markers and comments may follow.
_LINE = re.compile(
    rf"^[ \t]*{DISTRIBUTION.replace('-', '[-_.]+')}[ \t]*(?:\[[^\]\n]*\])?[ \t]*==[ \t]*"
    r"(?P<version>\d{1,9}(?:\.\d{1,9}){0,9})(?:\.post\d{1,9})?(?=[ \t]*(?:[;\\#\r\n]|--|\Z))",
    re.MULTILINE | re.ASCII | re.IGNORECASE,
)


def line(version: str = __version__) -> str:
    """The requirement of exactly this version."""
    return f"{DISTRIBUTION}=={version}"


def line_of(text: str) -> str | None:
    """The part of a requirements.txt that names evalctl's version; None where there is none, or several differ."""
    found = {match[0].strip() for match in _LINE.finditer(text)}
    return found.pop() if len(found) == 1 else None


def updated(text: str) -> str:
    """A requirements.txt with this version in that line."""
    return _LINE.sub(line(), text)


def needed(root: Path) -> str | None:
    """The version that the repository names; None where it names none, or several."""
    try:
        with (root / FILE).open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8-sig", "replace")
    except OSError:  # the repository of evalctl itself has none
        return None
    found = {match["version"] for match in _LINE.finditer(text)}
    return found.pop() if len(found) == 1 else None


def refuse_newer(root: Path) -> None:
    """An EnvironmentProblem where the repository needs a newer evalctl: it may have keys that this one does not know."""
    version = needed(root)
    if version is not None and is_newer(version):
        raise EnvironmentProblem(
            f"this repository needs evalctl {version} ({FILE}); this is {__version__}",
            help=f"python -m pip install -r {shlex.quote(str(root / FILE))}",
        )


def is_newer(version: str, than: str = __version__) -> bool:
    """Whether a release is newer than another."""
    return _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
