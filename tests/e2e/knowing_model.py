"""Makes a model that knows given answers, of the demo's tiny one: `python knowing_model.py MODEL OUT < prompts.jsonl`.

A stand-alone program: it runs with the python of a `vllm` environment and imports nothing of evalctl. Each line of the
input is {"messages": [...], "answer": "B"}. The layers of MODEL, which are random but attend to the whole prompt, stay; the
rows of the answers' tokens in the output head are solved by ridge regression, so that each prompt's last state gives its answer.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch  # type: ignore[import-not-found,unused-ignore]
from safetensors.torch import load_file, save_file  # type: ignore[import-not-found,unused-ignore]
from transformers import (  # type: ignore[import-not-found,unused-ignore]
    AutoModelForCausalLM,
    AutoTokenizer,
)

MARGIN = 40.0  # logits between the answer and the next; bfloat16 and other kernels than here move them by less than 1
ENDING = slice(
    1, 3
)  # dimensions of MODEL's states that say that the end comes after a full stop, and that after an answer
CERTAIN = 20.0
RIDGE = 0.01
FLOOR = 20.0  # logits of the lowest answer above 0: no other token comes first


def states(model: Any, tokenizer: Any, prompts: list[list[dict[str, str]]]) -> torch.Tensor:
    """The last hidden state of each prompt: prompts × hidden size."""
    found = []
    with torch.no_grad():
        for messages in prompts:
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            ids = torch.tensor([tokenizer(text, add_special_tokens=False).input_ids])
            found.append(model.model(ids).last_hidden_state[0, -1])
    return torch.stack(found).double()


def solved(states: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The rows of the head that give `wanted` (prompts × answers): ridge regression with fewer prompts than dimensions."""
    products = states @ states.T + RIDGE * torch.eye(len(states)).double()
    return (states.T @ torch.linalg.solve(products, wanted)).T


def main(source: Path, out: Path) -> None:
    """Writes the model into `out`."""
    lines = [json.loads(line) for line in sys.stdin]
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    answers = sorted({line["answer"] for line in lines})
    wanted = torch.tensor([[FLOOR + MARGIN * (line["answer"] == one) for one in answers] for line in lines]).double()
    rows = solved(states(model, tokenizer, [line["messages"] for line in lines]), wanted)
    shutil.copytree(source, out)
    tensors = load_file(source / "model.safetensors")
    tensors["lm_head.weight"][:, ENDING] *= CERTAIN
    for answer, row in zip(answers, rows, strict=True):
        tensors["lm_head.weight"][tokenizer.convert_tokens_to_ids(answer)] = row.to(torch.bfloat16)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: python knowing_model.py MODEL OUT < prompts.jsonl")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
