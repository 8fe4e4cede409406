"""A model's number of parameters, their size in bytes, and the type in which they are stored."""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalctl.cards.configuration import LARGEST
from evalctl.cards.source import ModelFiles, json_file
from evalctl.shell import EnvironmentProblem

_TYPES = {
    "BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "I8": "int8", "U8": "uint8", "I32": "int32", "I64": "int64",
}  # fmt: skip
_BYTES = {"float32": 4, "float64": 8, "float8_e4m3fn": 1, "float8_e5m2": 1, "int8": 1, "uint8": 1}
_MOST_SIDES = 16  # dimensions of a tensor; torch has kernels for 25 at most, models use 5
_FIRST_READ = 64 * 1024
_LONGEST_HEADER = 100_000_000  # the limit of the safetensors library


@dataclass(frozen=True, slots=True)
class Weights:
    """Facts of the files that vLLM would load."""

    parameters: int
    bytes: int
    dtype: str


def weights(source: ModelFiles, dtype: str | None) -> Weights:
    """The weights' facts; `dtype` is what config.json declares, or None."""
    names = weight_files(source)
    size = sum(source.sizes[name] for name in names)
    if not names[0].endswith(".safetensors"):  # pickle: only the size can be read safely
        stored = dtype or "float32"
        return Weights(size // _BYTES.get(stored, 2), size, stored)
    counts = _counts(source, names[:1] if source.parameters else names)
    return Weights(source.parameters or counts.total(), size, dtype or counts.most_common(1)[0][0])


def weight_files(source: ModelFiles) -> list[str]:
    """The files that hold the weights, sorted; a missing one is an EnvironmentProblem."""
    names = (
        # vLLM prefers Mistral's own form (seen: 0.32.0, load_format auto).
        _plain(source, "consolidated", ".safetensors")
        or _indexed(source, "model.safetensors.index.json")
        or _plain(source, "model", ".safetensors")
        or _indexed(source, "pytorch_model.bin.index.json")
        or _plain(source, "pytorch_model", ".bin")
        # Other names, such as those of adapters, come last.
        or _plain(source, "", ".safetensors")
    )
    missing = [name for name in names if not source.sizes.get(name)]
    if missing:
        raise EnvironmentProblem(
            f"{source.label} lacks {missing[0]}, which its index names", "download the model again"
        )
    if not names:
        raise EnvironmentProblem(f"{source.label} has no weights", "expected: *.safetensors or pytorch_model*.bin")
    return names


def _indexed(source: ModelFiles, index: str) -> list[str]:
    return sorted({str(name) for name in (json_file(source, index).get("weight_map") or {}).values()})


def _plain(source: ModelFiles, prefix: str, suffix: str) -> list[str]:
    return sorted(name for name in source.sizes if name.startswith(prefix) and name.endswith(suffix))


def _counts(source: ModelFiles, names: Sequence[str]) -> Counter[str]:
    """Number of parameters by storage type."""
    counts: Counter[str] = Counter()
    for name in names:
        for tensor in _header(source, name).values():
            counts[_TYPES.get(tensor["dtype"], str(tensor["dtype"]).lower())] += _elements(
                source, name, tensor["shape"]
            )
    if not counts:
        raise EnvironmentProblem(f"{names[0]} of {source.label} contains no tensor", "download the model again")
    return counts


def _elements(source: ModelFiles, name: str, shape: Any) -> int:
    if not isinstance(shape, list) or len(shape) > _MOST_SIDES or not all(_is_side(side) for side in shape):
        raise _damaged(source, name)
    return math.prod(shape)


def _is_side(side: Any) -> bool:
    return type(side) is int and 0 <= side <= LARGEST


def _header(source: ModelFiles, name: str) -> Mapping[str, Any]:
    """A safetensors file begins with its header's length (8 bytes) and its header (JSON)."""
    data = source.head(name, _FIRST_READ)
    length = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else _LONGEST_HEADER + 1
    if length > _LONGEST_HEADER:
        raise _damaged(source, name)
    if 8 + length > len(data):
        data = source.head(name, 8 + length)
    try:
        header = json.loads(data[8 : 8 + length])
        return {key: value for key, value in header.items() if key != "__metadata__"}
    except (ValueError, AttributeError) as error:
        raise _damaged(source, name) from error


def _damaged(source: ModelFiles, name: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{name} of {source.label} is not a valid safetensors file", "download the model again")
