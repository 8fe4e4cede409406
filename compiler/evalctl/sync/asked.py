"""Which results of an attempt are published: those that a request of this commit asks for, at the digest of now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from evalctl.results.reading import parse
from evalctl.results.store import fingerprint
from evalctl.sync.collect import Collected
from evalctl.sync.sync_pass import SyncPass


def asked_for(current: SyncPass, found: Collected) -> Collected:
    """The attempt without results that no request of this commit asks for: of edited settings or tasks, of requests
    that were withdrawn, and of records that another person wrote into the ledger.
    """
    wanted = current.places()
    digests = {path: parse(path, text).digest for path, text in found.files.items()}
    files = {path: text for path, text in found.files.items() if _is_asked_for(wanted, path, digests[path])}
    if left_out := sorted(found.files.keys() - files.keys()):
        current.warnings.append(
            f"{found.attempt.name}: no request asks for {', '.join(left_out)}: not published. Its answers stay in "
            f"{current.context.home_folder.answers}: a request that asks for it starts with them"
        )
    kept = tuple(digests[path] for path in files)
    return replace(found, files=files, digests=kept, places=frozenset(wanted))


def _is_asked_for(wanted: Mapping[str, str], path: str, digest: str) -> bool:
    """Whether an eval has this digest now: the one of this path, or (where the path has no eval) any other, which then copies it."""
    return wanted.get(path, digest) == digest and digest in wanted.values()


def fingerprints(files: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Digest and fingerprint of each of these results; the ledger keeps them, so that a later edit is detected."""
    results = [parse(path, text) for path, text in files.items()]
    return tuple(sorted((one.digest, fingerprint(one)) for one in results))


def unasked(current: SyncPass, found: Collected) -> str:
    """Why an attempt with results stays open: its request is not in this commit or has errors, and no other request asks for them."""
    wanted, request = current.places(), found.attempt.request
    digests = [parse(path, text).digest for path, text in found.files.items()]
    if not digests or request in current.requests or set(digests).intersection(wanted.values()):
        return ""
    return (
        f"{request} is not in this commit or has errors: its results wait in {found.folder} until it is back; "
        f"`evalctl cancel {found.attempt.job}` gives them up"
    )
