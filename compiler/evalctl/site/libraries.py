"""The charts' library that a site ships: unchanged files of Observable Plot and of d3, on which it depends, with their licences.

A page loads them when a chart is opened. charts/LICENSES.txt has the sources, and docs/decisions.md the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from markupsafe import Markup

FOLDER = "charts"
# In the order in which they are loaded.
SCRIPTS: Mapping[str, str] = {
    "d3-7.9.2.min.js": "912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1",
    "plot-0.6.17.min.js": "4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb",
}
LICENCES = "LICENSES.txt"
# Plot 0.6.17 puts one style element into each chart: the pages' policy allows this text alone (of the class `plot`).
STYLE = "sha256-+TfQir1nvDucAdvE6XUQBt4ayUjpAWkbw2kCdSfekHM="


def contents() -> dict[str, bytes]:
    """Each file by its path in the site."""
    folder = files("evalctl.site").joinpath(FOLDER)
    return {f"{FOLDER}/{name}": folder.joinpath(name).read_bytes() for name in (*SCRIPTS, LICENCES)}


def addresses(top: Markup) -> Markup:
    """Of the scripts, from a page whose site begins at `top`."""
    return Markup(" ").join(top + f"{FOLDER}/{name}" for name in SCRIPTS)
