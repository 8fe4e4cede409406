"""`evalctl results accept`: a person accepts a record that no attempt of the ledger accounts for."""

from __future__ import annotations

import argparse
from pathlib import Path

from evalctl.exits import SUCCESS
from evalctl.git.repository import open_repository
from evalctl.results.proof import ACCEPTED_FILE, rows
from evalctl.results.store import index_folder
from evalctl.shell import EnvironmentProblem, below, json_text, write_atomically


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Adds the records and the reason to results/accepted.json, which must be committed and reviewed."""
    index, by = index_folder(root), open_repository(root).identity()[0].partition(" <")[0]
    target = below(root, ACCEPTED_FILE)
    try:
        accepted = {row["path"]: row for row in rows(target.read_text(encoding="utf-8") if target.exists() else "")}
    except ValueError as error:
        raise EnvironmentProblem(f"{ACCEPTED_FILE}: {error}", f"git checkout -- {ACCEPTED_FILE}") from error
    for path in arguments.paths:
        if path not in index.by_path:
            raise EnvironmentProblem(
                f"there is no result `{path}`", "give its path in the repository: results/…/result.json"
            )
        one = index.by_path[path]
        accepted[path] = {"path": path, "fingerprint": one.fingerprint, "by": by, "why": arguments.why}
    document = [accepted[path] for path in sorted(accepted)]
    write_atomically(target, json_text(document))
    print(f"wrote {ACCEPTED_FILE}; next: git add {ACCEPTED_FILE} && git commit")
    return SUCCESS
