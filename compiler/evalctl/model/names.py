"""The pattern of a name and the name of a request, without pydantic: what reads the ledger starts sooner."""

from __future__ import annotations

# Names become paths, job names and words of a command, so they are strict: no spaces, no "..", no leading dash or dot.
NAME = r"^[A-Za-z0-9_](?:[A-Za-z0-9_+-]|\.[A-Za-z0-9_+-])*$"

REQUESTS = "manifests/requests/"


def below(path: str, folder: str) -> str:
    """A manifest as people name it: its path below `folder` (which ends with a slash, or is "") without `.yaml`."""
    return path.removeprefix(folder).removesuffix(".yaml")


def request_name(path: str) -> str:
    """A request as people name it."""
    return below(path, REQUESTS)
