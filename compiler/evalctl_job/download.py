"""Downloads a model's files into the Hub's cache before a job needs them, and continues an interrupted download.

Run as `python -m evalctl_job.download`. It prints a line per second, its words separated by tabs: `progress`, files there,
files, bytes there, bytes; and at the end `done`, or `failed`, the reason and a sentence. The outcome is written to the
note, too: the size of every file, by which `evalctl sync` sees later whether all are still there.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from fnmatch import fnmatch
from pathlib import Path

# Plain HTTP continues at the byte where it was interrupted; hf-xet starts again (huggingface_hub 0.36.2).
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import requests
from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from evalctl_job.download_note import DownloadNote
from evalctl_job.files import write_json
from evalctl_job.hub import HubRefusal, host_in, say, words

WORKERS = 4
BEAT_SECONDS = 1.0
# Files for other programs, and weights in an older format where newer ones exist.
FOR_OTHERS = (
    "original/*",
    "coreml/*",
    "openvino/*",
    "onnx/*",
    "*.gguf",
    "*.onnx",
    "*.msgpack",
    "*.h5",
    "*.ot",
    "*.tflite",
)
OLDER_FORM = ("*.bin", "*.pt", "*.pth")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when every file is in the cache, 1 when not."""
    asked = _parser().parse_args(argv)
    try:
        files = wanted(listed(asked.model, asked.revision))
        refuse_without_room(asked, files)
        fetch(asked, files)
    except BrokenPipeError:  # nobody reads any more
        raise
    except Exception as error:  # any error becomes a line that evalctl can show
        refused = error if isinstance(error, HubRefusal) else reason_of(error, asked)
        write_json(asked.note, DownloadNote(failed=refused.reason, detail=refused.detail).as_json())
        say("failed", refused.reason, refused.detail)
        return 1
    sizes = {name: (snapshot(asked) / name).stat().st_size for name in files}
    write_json(asked.note, DownloadNote(cache=constants.HF_HUB_CACHE, files=sizes).as_json())
    say("done")
    return 0


def listed(model: str, revision: str) -> dict[str, int]:
    """The repository's files at a revision, with their sizes."""
    info = HfApi().model_info(model, revision=revision, files_metadata=True)
    return {file.rfilename: file.size or 0 for file in info.siblings or ()}


def wanted(files: Mapping[str, int]) -> dict[str, int]:
    """The files that vLLM reads; the order is that of their sizes, so that a wrong token shows before the large ones."""
    modern = any(name.endswith(".safetensors") and "/" not in name for name in files)
    left_out = (*FOR_OTHERS, *(OLDER_FORM if modern else ()))
    kept = (name for name in files if not any(fnmatch(name, pattern) for pattern in left_out))
    return {name: files[name] for name in sorted(kept, key=lambda name: (files[name], name))}


def refuse_without_room(asked: argparse.Namespace, files: Mapping[str, int]) -> None:
    """Raises before hours of download if the disk has too little space; a quota is not visible here."""
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    there = snapshot(asked)
    needed = sum(size for name, size in files.items() if not (there / name).exists()) - begun(asked)
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise HubRefusal("disk-full", f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free in {cache}")


def fetch(asked: argparse.Namespace, files: Mapping[str, int]) -> None:
    """Download every file, several at once; the first failure ends the download."""
    pool = ThreadPoolExecutor(WORKERS)
    tasks = {pool.submit(hf_hub_download, asked.model, name, revision=asked.revision): name for name in files}
    try:
        for left in _as_they_come(tasks):
            there = [name for task, name in tasks.items() if task not in left]
            bytes_there = sum(files[name] for name in there) + begun(asked)
            say("progress", len(there), len(files), min(bytes_there, sum(files.values())), sum(files.values()))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _as_they_come(tasks: Mapping[Future[str], str]) -> Iterator[set[Future[str]]]:
    """The tasks that are not done, at intervals until there are none; raises what one of them raised."""
    left = set(tasks)
    while left:
        ended, left = wait(left, timeout=BEAT_SECONDS, return_when=FIRST_EXCEPTION)
        for task in ended:
            task.result()
        yield left


def snapshot(asked: argparse.Namespace) -> Path:
    """The folder of the revision's files (the layout of huggingface_hub's cache)."""
    return Path(_folder(asked), "snapshots", asked.revision)


def begun(asked: argparse.Namespace) -> int:
    """Bytes of incomplete files."""
    return sum(_size(path) for path in _folder(asked).glob("blobs/*.incomplete"))


def _folder(asked: argparse.Namespace) -> Path:
    return Path(constants.HF_HUB_CACHE) / f"models--{asked.model.replace('/', '--')}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # the download completed it meanwhile
        return 0


def reason_of(error: Exception, asked: argparse.Namespace) -> HubRefusal:
    """The reason of an error, and a sentence that names model and host."""
    host, what = host_in(constants.ENDPOINT), f"{asked.model} at {asked.revision[:12]}"
    cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) else None
    if isinstance(error, GatedRepoError):
        return HubRefusal(
            "gated-model", f"the account of HF_TOKEN may not read {asked.model}: ask for it at {host}/{asked.model}"
        )
    if isinstance(error, RevisionNotFoundError):
        return HubRefusal("model-not-found", f"{host} has no {what}: evalctl lock {asked.model}")
    if isinstance(error, RepositoryNotFoundError):
        return HubRefusal("model-not-found", f"{host} shows no {asked.model}: a wrong name, or HF_TOKEN may not see it")
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        return HubRefusal("authentication", f"{host} refuses HF_TOKEN (HTTP {error.response.status_code})")
    if isinstance(error, OfflineModeIsEnabled) or constants.HF_HUB_OFFLINE:
        return HubRefusal("hub-offline", "HF_HUB_OFFLINE is set: nothing can be downloaded")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return HubRefusal("disk-full", f"no space left in {constants.HF_HUB_CACHE} for {what}")
    if isinstance(error, OSError) and isinstance(error.filename, str):  # of this machine, not of the Hub
        return HubRefusal("download-failed", f"{error.filename}: {error.strerror}")
    if isinstance(cause or error, (requests.RequestException, LocalEntryNotFoundError)):
        return HubRefusal("hub-unreachable", f"{host} does not answer as it should: {words(cause or error)}")
    return HubRefusal("download-failed", f"{what} from {host}: {words(error)}")


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m evalctl_job.download", description="download a model's files")
    made.add_argument("--model", required=True)
    made.add_argument("--revision", required=True)
    made.add_argument("--note", type=Path, required=True, metavar="FILE")
    return made


if __name__ == "__main__":
    # Not sys.exit: after a failure, or when nobody reads any more, threads are in the middle of large files.
    try:
        status = main()
    except BrokenPipeError:
        status = 1
    sys.stderr.flush()
    os._exit(status)
