"""GitLab: posts the comment from the pipeline of the merge request itself, with a project's access token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalctl.comment.api import Api, address_of, matching
from evalctl.comment.posting import Posted
from evalctl.shell import TryLater

TOKEN = "EVALCTL_COMMENT_TOKEN"


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """The notes of a merge request; `author` is the name of the account whose token is used."""

    api: Api
    number: int
    author: str

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"merge request {self.number}"

    def comments(self) -> list[Posted]:
        """All notes but those that GitLab wrote itself."""
        found = [one for one in self.api.pages(f"{self._notes}?sort=asc&order_by=created_at") if isinstance(one, dict)]
        return [
            Posted(one["id"], one["body"], (one.get("author") or {}).get("username") == self.author)
            for one in found
            if isinstance(one.get("id"), int) and isinstance(one.get("body"), str) and not one.get("system")
        ]

    def create(self, text: str) -> None:
        """Sends a new one, once."""
        self.api.send("POST", self._notes, {"body": text})

    def update(self, number: int, text: str) -> None:
        """Replaces the text of one."""
        self.api.send("PUT", f"{self._notes}/{number}", {"body": text})

    def delete(self, number: int) -> None:
        """Deletes one."""
        self.api.send("DELETE", f"{self._notes}/{number}", {})

    @property
    def _notes(self) -> str:
        return f"/merge_requests/{self.number}/notes"


def merge_request_of(environment: Mapping[str, str]) -> MergeRequest | None:
    """From the variables that GitLab's runner sets; None without a token, which pipelines of forks do not get."""
    if not environment.get(TOKEN):
        return None
    help = "a project access token with the scope `api`, as a masked variable of CI/CD"
    token = matching(environment, TOKEN, r"[\x21-\x7e]+", help)
    project = matching(environment, "CI_PROJECT_ID", "[0-9]{1,12}")
    number = matching(environment, "CI_MERGE_REQUEST_IID", "[0-9]{1,10}")
    top = address_of(environment, "CI_API_V4_URL")
    secret = {"PRIVATE-TOKEN": token}
    person = Api("GitLab", top, _HEADERS, secret).get("/user")
    author = person.get("username") if isinstance(person, dict) else None
    if not isinstance(author, str) or not author:
        raise TryLater("GitLab's reply names no account for the token", help="run it again")
    return MergeRequest(Api("GitLab", f"{top}/projects/{project}", _HEADERS, secret), int(number), author)


_HEADERS = {"Content-Type": "application/json"}
