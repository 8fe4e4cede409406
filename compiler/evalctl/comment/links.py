"""Links from a place in a file to its line among the changes of a pull request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from evalctl.model.diagnostic import Span

_SERVER = r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?"
_NAME = r"[A-Za-z0-9_.-]+"


@dataclass(frozen=True, slots=True)
class Links:
    """`changes` is the page of the changes; "" where the platform is not known, and then there are no links."""

    changes: str = ""
    digest: str = "sha256"
    line: str = "R{line}"

    def to(self, span: Span) -> str | None:
        """The address of a place. It names no commit, so that a comment stays the same while its findings do."""
        if not self.changes:
            return None
        anchor = hashlib.new(self.digest, span.file.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        return f"{self.changes}{anchor}{self.line.format(line=span.line)}"


def links_of(environment: Mapping[str, str]) -> Links:
    """From the variables that GitHub's and GitLab's runners set; their forms are checked, since a person may set them, too."""
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    request = re.fullmatch(r"refs/pull/([0-9]{1,10})/merge", environment.get("GITHUB_REF", ""))
    if request and re.fullmatch(_SERVER, server) and re.fullmatch(f"{_NAME}/{_NAME}", repository):
        return Links(f"{server}/{quote(repository)}/pull/{request[1]}/files#diff-")
    project, number = environment.get("CI_MERGE_REQUEST_PROJECT_URL", ""), environment.get("CI_MERGE_REQUEST_IID", "")
    if re.fullmatch(rf"{_SERVER}(?:/{_NAME})+", project) and re.fullmatch("[0-9]{1,10}", number):
        return Links(f"{project}/-/merge_requests/{number}/diffs#", "sha1", "_0_{line}")
    return Links()
