"""Uploads results and details as a dataset on the Hub, in the form that lighteval's own upload gives it.

`python -m evalctl_job.upload texts FILE …` prints every text in parquet files, for the scan for secrets.
`python -m evalctl_job.upload push PLAN` makes one commit of the files that PLAN (JSON) names; its last line is `done` and the
commit's address, or `failed`, the reason and a sentence, separated by tabs. What is there already is not sent again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# Plain HTTP, as for downloads: proxies and mirrors support it.
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import pyarrow.parquet
import requests
from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from evalctl_job.hub import HubRefusal, host_in, say, words
from evalctl_job.typed import read
from evalctl_job.upload_plan import UploadPlan

# {stamp}/details_{task}|{shots}_{stamp}.parquet, results_{stamp}.json: lighteval 0.13 and its fork.
DETAILS = re.compile(r"(?P<stamp>\d[^/]*)/details_(?P<task>.+)_(?P=stamp)\.parquet")
RESULTS = re.compile(r"results_(?P<stamp>\d[^/]*)\.json")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when it is done, 1 when not."""
    asked = _parser().parse_args(argv)
    if asked.verb == "texts":
        for text in (text for path in asked.files for text in texts(path)):
            print(text)
        return 0
    plan = read(UploadPlan, json.loads(asked.plan.read_text(encoding="utf-8")))
    try:
        say("done", push(plan))
    except Exception as error:  # any error becomes a line that evalctl can show
        refused = error if isinstance(error, HubRefusal) else reason_of(error, plan.repo)
        say("failed", refused.reason, refused.detail)
        return 1
    return 0


def texts(path: Path) -> Iterator[str]:
    """Every text in a parquet file, however deep, and what its writer noted about it."""
    file = pyarrow.parquet.ParquetFile(path)
    noted = file.metadata.metadata or {}
    yield from _texts_in({name: text for name, text in noted.items() if name != b"ARROW:schema"})  # the same in base64
    for batch in file.iter_batches(batch_size=64):
        yield from _texts_in(batch.to_pylist())


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):  # a text is one as well
        yield value.decode("utf-8", "replace")
    elif isinstance(value, Mapping):
        yield from (text for key, part in value.items() for text in (*_texts_in(key), *_texts_in(part)))
    elif isinstance(value, Iterable):
        yield from (text for part in value for text in _texts_in(part))


def push(plan: UploadPlan) -> str:
    """One commit with all files and a card that names each task; returns its address."""
    api = HfApi()
    api.create_repo(plan.repo, private=plan.private, repo_type="dataset", exist_ok=True)
    info = api.dataset_info(plan.repo)
    if plan.private and not info.private:
        raise HubRefusal("hub-refused", f"{plan.repo} is there and public: make it private, or write `private: false`")
    there = [file.rfilename for file in info.siblings or ()]
    page = card(plan.model, sorted({*there, *plan.texts, *plan.files}))
    content = {
        **{path: text.encode() for path, text in plan.texts.items()},
        "README.md": page.encode(),
        **plan.files,
    }
    operations = [CommitOperationAdd(path, source) for path, source in content.items()]
    made = api.create_commit(plan.repo, operations, commit_message=plan.message, repo_type="dataset")
    return str(made.commit_url)


def card(model: str, paths: Sequence[str]) -> str:
    """README.md: a configuration per task whose splits are the runs, the newest as `latest` again, and one of results."""
    runs: dict[str, dict[str, str]] = {}
    for path in paths:
        if match := DETAILS.fullmatch(path):
            runs.setdefault(re.sub(r"\W", "_", match["task"]), {})[match["stamp"]] = path
        elif match := RESULTS.fullmatch(path):
            runs.setdefault("results", {})[match["stamp"]] = path
    head = {
        "pretty_name": f"Evaluation run of {model}",
        "configs": [_config(name, runs[name]) for name in sorted(runs)],
    }
    # JSON is YAML, too, and needs no library here.
    return f"---\n{json.dumps(head, ensure_ascii=False, indent=1)}\n---\n\n# Evaluation run of {model}\n\nMade by evalctl.\n"


def _config(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    ordered = sorted(files)
    splits = [(re.sub(r"\W", "_", stamp), files[stamp]) for stamp in ordered]
    named = [*splits, ("latest", files[ordered[-1]])]
    return {"config_name": name, "data_files": [{"split": split, "path": [path]} for split, path in named]}


def reason_of(error: Exception, repo: str) -> HubRefusal:
    """The reason of an error, and a sentence that names repository and host."""
    host = host_in(constants.ENDPOINT)
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if status in (401, 403) or (status == 404 and not get_token()):
        return HubRefusal("authentication", f"{host} does not let HF_TOKEN write to {repo} (HTTP {status})")
    if isinstance(error, OfflineModeIsEnabled) or constants.HF_HUB_OFFLINE:
        return HubRefusal("hub-offline", "HF_HUB_OFFLINE is set: nothing can be uploaded")
    if status >= 500 or status == 429 or (isinstance(error, requests.RequestException) and not status):
        return HubRefusal("hub-unreachable", f"{host} does not answer as it should: {words(error)}")
    return HubRefusal("hub-refused", f"{repo} on {host}: {words(error)}")


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m evalctl_job.upload", description="share results and details")
    verbs = made.add_subparsers(dest="verb", required=True)
    verbs.add_parser("texts").add_argument("files", nargs="+", type=Path, metavar="FILE")
    verbs.add_parser("push").add_argument("plan", type=Path, metavar="PLAN")
    return made


if __name__ == "__main__":
    sys.exit(main())
