"""Writes the tables of docs/placement.md and its translation: what is chosen for models of 1B to 1T. From the top of the repository:

.venv/bin/python -m tests.docs.placement_table
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalctl.model.card import ModelCard
from evalctl.model.evaluation import Task
from evalctl.model.plan_file import PlannedKind
from evalctl.model.service import Service
from evalctl.pipeline.project import Project
from evalctl.plan.choice import ServerWork, cheapest, kinds, priced
from evalctl.plan.placement import Placement, needed_bytes, usable_bytes
from evalctl.plan.prediction import predicted

from .documents import REPOSITORY

PAGES = {"en": REPOSITORY / "docs/placement.md", "ja": REPOSITORY / "docs/placement.ja.md"}
BEGIN, END = "<!-- table: {} -->\n", "<!-- end -->"
LENGTH = 32768
GB = 10**9
SERVICES = {"tsubame": ("node_q", "node_f"), "abci": ("rt_HG", "rt_HF")}  # with the lab's kinds up to 13B and above
HEADS = {
    "en": ("model", "chosen", "copies x GPUs", "expected", "at most", "why", "the lab's rule", "expected", "at most"),
    "ja": ("モデル", "選ばれる種別", "複製 x GPU", "予想", "最大", "理由", "研究室の目安", "予想", "最大"),
}
WORDS = {
    "en": {
        "none": "none", "large": "larger than a node", "only": "no other kind holds it", "least": "least expected cost",
        "late": "{} ({:,.1f}) takes longer than the table allows", "risk": "{} expects {:,.1f}, but up to {:,.0f}",
        "cost": "{:.1f} h, {:,.1f} points, {:,.0f} {}", "no": "does not fit",
    },
    "ja": {
        "none": "なし", "large": "一ノードに入らない", "only": "ほかの種別には入らない", "least": "予想費用が最小",
        "late": "{} ({:,.1f}) は表の時間に収まらない", "risk": "{} は予想 {:,.1f} だが最大 {:,.0f}",
        "cost": "{:.1f} 時間, {:,.1f} ポイント, {:,.0f} {}", "no": "入らない",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """A model of public shape: parameters and weights in 10^9, and what its card says besides."""

    name: str
    parameters: float
    gigabytes: float
    layers: int
    heads: int
    kv_heads: int
    head_size: int = 128
    more: tuple[tuple[str, Any], ...] = ()

    @property
    def card(self) -> ModelCard:
        """Its facts, as `evalctl lock` would write them."""
        facts: dict[str, Any] = {
            "model": "table/model", "revision": "0" * 40, "architecture": "LlamaForCausalLM", "context_length": 131072,
            "layers": self.layers, "attention_heads": self.heads, "kv_heads": self.kv_heads, "head_size": self.head_size,
            "dtype": "bfloat16", "parameters": int(self.parameters * GB), "weight_bytes": int(self.gigabytes * GB),
            "think_tags": False, "chat_template_sha256": None, "source": "hub", "read_at": "2026-11-28", **dict(self.more),
        }  # fmt: skip
        return ModelCard(**facts)


BLOCKS = ("quantization", {"method": "fp8", "block": (128, 128)})
MODELS = (
    Model("Llama-3.2-1B", 1.24, 2.5, 16, 32, 8, 64),
    Model("Llama-3.1-8B", 8.03, 16.1, 32, 32, 8),
    Model("Qwen3-14B", 14.8, 29.5, 40, 40, 8),
    Model("Qwen3-30B-A3B", 30.5, 61.1, 48, 32, 4, more=(("widths", {"query": 4096, "key": 512, "expert": 768, "hidden": 2048, "experts": 128}),)),
    Model("Qwen3-32B", 32.8, 65.5, 64, 64, 8),
    Model("Llama-3.3-70B", 70.6, 141.1, 80, 64, 8),
    Model("gpt-oss-120b (MXFP4)", 117, 65.3, 36, 64, 8, 64),
    Model("Qwen3-235B-A22B-FP8", 235, 236.4, 94, 64, 4, more=(("widths", {"query": 8192, "key": 512, "expert": 1536, "hidden": 4096, "experts": 128}), BLOCKS)),
    Model("DeepSeek-V3 (671B, FP8)", 671, 688.6, 61, 128, 128, more=(
        ("widths", {"query": 24576, "latent": 32768, "value": 16384, "mlp": 18432, "shared_expert": 2048, "expert": 2048, "hidden": 7168, "experts": 256}),
        ("cache", ({"layers": 61, "kv_heads": 1, "width": 576},)), BLOCKS,
    )),
    Model("Kimi-K2 (1T, FP8)", 1026, 1029.2, 61, 64, 64, more=(
        ("widths", {"query": 12288, "latent": 16384, "value": 8192, "mlp": 18432, "shared_expert": 2048, "expert": 2048, "hidden": 7168, "experts": 384}),
        ("cache", ({"layers": 61, "kv_heads": 1, "width": 576},)), BLOCKS,
    )),
)  # fmt: skip


def table(name: str, language: str) -> str:
    """The table of one service for the standard run, with the lab's rule beside it."""
    catalogue = Project(REPOSITORY).shared[0]
    tasks = tuple(catalogue.tasks[key] for key in standard(catalogue.suites))
    row = Row(name, catalogue.services[name].service, tasks, WORDS[language])
    head = [" | ".join(HEADS[language]), "---|---|---|---:|---:|---|---|---:|---:"]
    return "".join(f"| {line} |\n" for line in [*head, *(" | ".join(row.cells(model)) for model in MODELS)])


def standard(suites: Mapping[str, Sequence[str]]) -> list[str]:
    """The tasks of the lab's standard run."""
    names, found = ["swallow"], list[str]()
    while names:
        name = names.pop(0)
        names = [*suites[name], *names] if name in suites else names
        found += [] if name in suites else [name]
    return found


@dataclass(frozen=True)
class Row:
    """Rows of one service for these tasks."""

    name: str
    service: Service
    tasks: tuple[Task, ...]
    words: Mapping[str, str]

    def cells(self, model: Model) -> Iterator[str]:
        """Those of one model."""
        start = self.service.start_allowance_minutes * 60 + round(model.gigabytes)
        load = ServerWork(self.tasks, model.card, {"max_model_length": LENGTH}, start, self.service.default_priority)
        chosen = cheapest(self.service, load)
        assert chosen is not None
        yield model.name
        if not holds(chosen, model.card):
            yield from (self.words["none"], "", "", "", self.words["large"], "", "", "")
            return
        compared = kinds(self.service, load, chosen)
        ways = f"{chosen.data_parallel} x {chosen.tensor_parallel}"
        yield from (chosen.node_kind, ways, *self.amounts(compared[0]), self.why(compared))
        yield from self.labs(model, load)

    def labs(self, model: Model, load: ServerWork) -> Iterator[str]:
        """The rule of thumb: up to 13B the small kind, above the large one, and all GPUs for one copy."""
        kind = SERVICES[self.name][model.parameters > 13]
        node = self.service.node_kinds[kind]
        whole = Placement(kind, node, node.gpus, 1)
        yield kind
        if holds(whole, model.card):
            seconds, basis = predicted(self.tasks, whole, load.card, load.server, load.start)
            yield from self.amounts(priced(whole, self.service, load, seconds, basis))
        else:
            yield from (self.words["no"], "")

    def amounts(self, kind: PlannedKind) -> Iterator[str]:
        """Hours, points and money, expected and at worst."""
        assert self.service.cost is not None
        rate, currency = self.service.cost.currency_per_unit or 0, self.service.cost.currency
        seconds, limit = kind.seconds or 0, kind.limit_seconds or 0
        for took, cost in ((seconds, kind.expected or 0), (max(limit, seconds), kind.worst or 0)):
            yield self.words["cost"].format(took / 3600, cost, cost * rate, currency)

    def why(self, compared: Sequence[PlannedKind]) -> str:
        """The reason of the choice, from the other kinds."""
        mine, others = compared[0], [one for one in compared[1:] if one.expected is not None]
        cheaper = [one for one in others if (one.expected or 0) < (mine.expected or 0)]
        if not cheaper:
            return self.words["least" if others else "only"]
        first = cheaper[0]
        return self.words["late" if first.exceeds_limit else "risk"].format(
            first.node_kind, first.expected, first.worst
        )


def holds(place: Placement, card: ModelCard) -> bool:
    """Whether weights and one answer fit."""
    return needed_bytes(card, LENGTH, place.tensor_parallel) <= usable_bytes(place)


def updated(language: str) -> str:
    """The page with its tables made anew."""
    text = PAGES[language].read_text(encoding="utf-8")
    for name in SERVICES:
        begin = BEGIN.format(name)
        made = f"{begin}{table(name, language)}{END}"
        text = re.sub(f"{re.escape(begin)}.*?{END}", lambda _, made=made: made, text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for language, page in PAGES.items():
        page.write_text(updated(language), encoding="utf-8")
