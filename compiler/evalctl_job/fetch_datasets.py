"""Loads the data sets of tasks just as their framework does, so that they are in the cache that jobs use.

Run as `python -m evalctl_job.fetch_datasets --framework F SCRIPT…` in the framework's environment: its own task table says
which data sets, parts and revisions a task has. With HF_HUB_OFFLINE and HF_DATASETS_OFFLINE set, it reports which of them a job without
a network can load. It prints lines whose words are separated by tabs: `task`, script, reason and sentence for a script that the framework
lacks; `begin`, number, of how many, data set, part, revision and scripts; `end`, number, reason and sentence ("" and "" where it is
loaded); and at the end `done`.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# As in evalctl_job.download: plain HTTP continues at the byte where it was interrupted.
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

from evalctl_job.hub import HubRefusal, host_in, say, words

_UNREACHABLE = "dataset-unreachable"
_OF_ALL = ("hub-unreachable", "disk-full")


@dataclass(frozen=True)
class DataSet:
    """One data set as `datasets.load_dataset` is called for it."""

    repo: str
    part: str | None
    revision: str | None
    trusted: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when every data set is loaded, 1 when not."""
    asked = _parser().parse_args(argv)
    table = TABLES[asked.framework]()
    unknown = [script for script in asked.scripts if not members(table, script)]
    for script in unknown:
        say("task", script, "unknown-task", f"the {asked.framework} of this environment has no task of this name")
    wanted = sources(table, [script for script in asked.scripts if script not in unknown])
    loaded = _load_all(wanted)
    say("done")
    return 1 if unknown or not loaded else 0


def upstream() -> dict[str, DataSet]:
    """Every task of lighteval 0.13 with its data set."""
    from lighteval.tasks.registry import Registry

    found = Registry.load_all_task_configs().items()
    return {name: DataSet(one.hf_repo, one.hf_subset, one.hf_revision, False) for name, one in found}


def fork() -> dict[str, DataSet]:
    """Every task of the fork's suite `swallow`, the only one that evalctl calls."""
    from lighteval.tasks.registry import Registry

    configs = {name: lazy.args[1] for name, lazy in Registry().task_registry.items()}
    return {
        name.partition("|")[2]: DataSet(one.hf_repo, one.hf_subset, one.hf_revision, bool(one.trust_dataset))
        for name, one in configs.items()
        if name.startswith("swallow|")
    }


TABLES: Mapping[str, Callable[[], dict[str, DataSet]]] = {"lighteval": upstream, "lighteval-swallow": fork}


def members(table: Mapping[str, DataSet], script: str) -> list[str]:
    """The tasks of a name: itself, or all tasks `NAME:…` where it is the name of a group (as both releases expand it)."""
    group = [name for name in table if name.split(":")[0] == script]
    return group if len(group) > 1 else [script] if script in table else []


def sources(table: Mapping[str, DataSet], scripts: Iterable[str]) -> dict[DataSet, list[str]]:
    """Each data set once, with the scripts that read it; one in a folder of the environment needs no download."""
    found: dict[DataSet, list[str]] = {}
    for script in scripts:
        for one in dict.fromkeys(table[name] for name in members(table, script)):
            if not Path(one.repo).is_absolute():
                found.setdefault(one, []).append(script)
    return found


def load(one: DataSet) -> None:
    """As the framework does; the fork (datasets 3.6) runs the scripts of data sets that it trusts."""
    import datasets

    trusted = {"trust_remote_code": True} if one.trusted else {}
    datasets.load_dataset(one.repo, one.part, revision=one.revision, **trusted)


def _load_all(wanted: Mapping[DataSet, Sequence[str]]) -> bool:
    """Whether all are loaded. A failure that concerns all of them ends the loop: each try of a Hub that does not answer takes half a minute."""
    stopped, whole = "", True
    for number, (one, scripts) in enumerate(wanted.items(), 1):
        say("begin", number, len(wanted), one.repo, one.part or "", one.revision or "", ",".join(scripts))
        refused = HubRefusal(stopped, "not tried after the failure above") if stopped else _refusal(one)
        say("end", number, refused.reason if refused else "", " ".join(refused.detail.split()) if refused else "")
        whole = whole and refused is None
        stopped = refused.reason if refused and refused.reason in _OF_ALL else stopped
    return whole


def _refusal(one: DataSet) -> HubRefusal | None:
    try:
        load(one)
    except Exception as error:
        return reason_of(error, one.repo)
    return None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes: `datasets` wraps the errors of the Hub, and tries again in handlers."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__ if error.__context__ is not error.__cause__ else None)


def reason_of(error: Exception, repo: str) -> HubRefusal:
    """The reason of an error, and a sentence with what a person does."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError

    all_of_it, host = list(chain(error)), host_in(constants.ENDPOINT)
    text = " ".join(str(one) for one in all_of_it)
    page = f"{host}/datasets/{repo}"
    if (
        any(isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT) for one in all_of_it)
        or "Not enough disk space" in text
    ):
        return HubRefusal("disk-full", f"no space left in {constants.HF_HOME}")
    if _is(all_of_it, GatedRepoError) or "gated dataset" in text:
        return HubRefusal(
            "gated-model", f"accept its conditions at {page} with the account of HF_TOKEN; {_token_words()}"
        )
    if constants.HF_HUB_OFFLINE or _is(all_of_it, OfflineModeIsEnabled):
        return HubRefusal("hub-offline", "HF_HUB_OFFLINE is set, and the cache lacks it")
    if _is(all_of_it, RepositoryNotFoundError) or type(error).__name__ == "DatasetNotFoundError":
        return HubRefusal(
            _UNREACHABLE, f"{host} shows no such data set: a wrong name, or HF_TOKEN may not see it; {_token_words()}"
        )
    return _of_the_way(all_of_it, host, words(error))


def _of_the_way(errors: Sequence[BaseException], host: str, text: str) -> HubRefusal:
    """Reason and sentence of a failure of the Hub, the network or this machine."""
    import requests
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    statuses = [
        one.response.status_code for one in errors if isinstance(one, HfHubHTTPError) and one.response is not None
    ]
    if any(status in (401, 403) for status in statuses):
        return HubRefusal("authentication", f"{host} refuses HF_TOKEN (HTTP {statuses[0]})")
    if statuses or _is(errors, ConnectionError, requests.RequestException, LocalEntryNotFoundError):
        system = next((words(one) for one in errors if "[Errno" in str(one)), text)
        why = f"HTTP {statuses[0]}" if statuses else system
        return HubRefusal("hub-unreachable", f"{host} does not answer as it should: {why}")
    file = next((one for one in errors if isinstance(one, OSError) and isinstance(one.filename, str)), None)
    if file is not None:
        return HubRefusal("download-failed", f"{file.filename}: {file.strerror}")
    return HubRefusal("download-failed", text)


def _is(errors: Iterable[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(one, kinds) for one in errors)


def _token_words() -> str:
    from huggingface_hub import get_token

    return "HF_TOKEN is set" if get_token() else "HF_TOKEN is not set in .env"


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m evalctl_job.fetch_datasets", description="load the data sets of tasks"
    )
    made.add_argument("--framework", choices=sorted(TABLES), required=True)
    made.add_argument("scripts", nargs="+", metavar="SCRIPT", help="a task as the framework calls it")
    return made


if __name__ == "__main__":
    sys.exit(main())
