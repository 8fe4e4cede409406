"""Plain data with the position of each part."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.model.diagnostic import Span

Path = tuple[str | int, ...]
Place = tuple[int, int, int]  # line, column, end column; all from 1


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data; `values` and `keys` map a path such as ("tasks", 0) to the place of the value, of the key."""

    file: str
    data: Any
    values: Mapping[Path, Place]
    keys: Mapping[Path, Place]

    def span(self, path: Path = ()) -> Span:
        """The place of the value at `path`, or of the nearest thing around it."""
        return Span(self.file, *_nearest(self.values, path))

    def key_span(self, path: Path) -> Span:
        """The place of the key at `path`; where there is none (list items), of the value."""
        place = self.keys.get(path)
        return Span(self.file, *place) if place else self.span(path)

    def without(self, path: Path) -> Document:
        """The document without the value at `path`; later items of a list move up."""
        data = copy.deepcopy(self.data)
        holder = data
        for part in path[:-1]:
            holder = holder[part]
        del holder[path[-1]]
        return Document(self.file, data, _closed(self.values, path), _closed(self.keys, path))


def _closed(places: Mapping[Path, Place], gone: Path) -> dict[Path, Place]:
    kept = {path: place for path, place in places.items() if path[: len(gone)] != gone}
    return {_moved_up(path, gone): place for path, place in kept.items()}


def _moved_up(path: Path, gone: Path) -> Path:
    at, last = len(gone) - 1, gone[-1]
    if len(path) <= at or path[:at] != gone[:-1] or not isinstance(last, int):
        return path
    here = path[at]
    return (*path[:at], here - 1, *path[at + 1 :]) if isinstance(here, int) and here > last else path


def _nearest(places: Mapping[Path, Place], path: Path) -> Place:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, (1, 1, 2))
