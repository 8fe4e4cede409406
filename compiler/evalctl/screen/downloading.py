"""Shows a download: its start, its progress, its end."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from evalctl.model.weights import WeightsToDownload
from evalctl.sync.context import Context
from evalctl.sync.lock import Held
from evalctl.sync.weights import fetch, lacking
from evalctl.terminal import move


def download(context: Context, weights: WeightsToDownload) -> None:
    """Downloads the weights into the cache, with a counter on a terminal; Ctrl-C keeps what was downloaded."""
    what = f"{weights.model} ({weights.size / 1e9:.1f} GB)"
    context.progress(f"downloading {what}; Ctrl-C stops the download, and the next evalctl sync continues it")
    try:
        fetch(context, weights, _count if sys.stderr.isatty() else _quiet)
    except Held as held:
        context.progress(f"not downloaded here: {held.message}")
        return
    reason, detail = lacking(context, weights)
    context.progress(f"not downloaded: {detail}" if reason else f"downloaded {what}")


def _count(numbers: Sequence[int]) -> None:
    files, of_files, size, of_size = numbers
    share = f"{size / 1e9:.2f} of {of_size / 1e9:.2f} GB, {files} of {of_files} files"
    move("\r\x1b[K", sys.stderr)
    print(f"  {share}", end="\n" if files == of_files else "", file=sys.stderr, flush=True)


def _quiet(_: Sequence[int]) -> None:
    """Prints nothing: a log needs no counter."""
