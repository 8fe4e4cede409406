"""Makes a tiny random Llama with its tokenizer: `python tiny_model.py OUT_DIR`, same bytes every time, in a second.

A stand-alone program: it runs with the python of a `vllm` environment and imports nothing of evalctl. The model knows
nothing, but it answers: letters A-D and digits are likely, special tokens never come first, and most answers end.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # before the import that reads it

import numpy as np  # type: ignore[import-not-found,unused-ignore]
from tokenizers import (  # type: ignore[import-not-found,unused-ignore]
    AddedToken,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    trainers,
)

SEED = 20260401
HIDDEN, LAYERS, HEADS, HEAD_SIZE, INNER, VOCABULARY, POSITIONS = 128, 2, 2, 64, 256, 512, 4096
# vLLM's CPU attention refuses head sizes 16 and 32 (seen: 0.32.0).
BEGIN, END, SYSTEM, USER, ASSISTANT = "<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL = (BEGIN, END, SYSTEM, USER, ASSISTANT, "<think>", "</think>")
LETTERS, DIGITS, STOP = "ABCD", "0123456789", "."
STEERED = 3  # dimensions of the hidden state whose meaning is given, see `weights`
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
TEXT = (
    "The capital of Japan is Tokyo, and the answer to the first question is A. What is 7 + 5 - 4? It is 8.",
    "Answer with the number only. Choose one of the letters A, B, C or D. 12 apples, 34 pears, 56 plums, 78 and 90.",
    "def add(left, right):\n    return left + right\n\nprint(add(1, 2))",
    "日本の首都は東京です。次の問題に、A、B、C、D のどれか一文字で答えてください。答え: B",
    "水の化学式はどれですか。江戸幕府を開いた人物はだれですか。太陽系で最も大きい惑星は木星です。",
    "ひらがなとカタカナと漢字を書きます。数字は 1 2 3 4 5 6 7 8 9 0 です。モデルは小さくて、何も知りません。",
)


def trained_tokenizer() -> Tokenizer:
    """A byte-level BPE: any UTF-8 text can be written with it, and comes back as it was."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(text, special=True, normalized=False) for text in SPECIAL]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=alphabet, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def weights(tokenizer: Tokenizer) -> dict[str, np.ndarray]:
    """Random weights with three steered dimensions: no layer writes to them, they keep what the embedding put there.

    0 is the same for every token: the head reads each token's plain likelihood from it. 1 is set by the full stop: then
    the end is certain. 2 is set by letters and digits: then a full stop is likely.
    """
    draw = np.random.Generator(np.random.PCG64(SEED)).standard_normal

    def random(rows: int, columns: int, scale: float) -> np.ndarray:
        return (draw((rows, columns)) * scale).astype(np.float32)

    embedding, head = random(VOCABULARY, HIDDEN, 1.0), random(VOCABULARY, HIDDEN, 0.25)
    stop, end = tokenizer.token_to_id(STOP), tokenizer.token_to_id(END)
    head[stop] *= 0.5
    head[:, :STEERED], embedding[:, :STEERED] = 0.0, 0.0
    embedding[:, 0], head[:, 0] = 8.0, likelihoods(tokenizer)
    embedding[stop, 1], head[end, 1] = 16.0, 16.0
    for text in LETTERS + DIGITS:
        embedding[tokenizer.token_to_id(text), 2] = 4.0
    head[stop, 2] = 2.8
    named = {"model.embed_tokens.weight": embedding, "lm_head.weight": head, "model.norm.weight": ones()}
    for layer in range(LAYERS):
        for name, value in layer_weights(random).items():
            named[f"model.layers.{layer}.{name}.weight"] = value
    return named


def layer_weights(random) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    """One layer: attention sharp enough that the answer depends on the question."""
    size = HEADS * HEAD_SIZE
    found = {
        "input_layernorm": ones(),
        "post_attention_layernorm": ones(),
        "self_attn.q_proj": random(size, HIDDEN, 0.15),
        "self_attn.k_proj": random(size, HIDDEN, 0.15),
        "self_attn.v_proj": random(size, HIDDEN, 0.12),
        "self_attn.o_proj": random(HIDDEN, size, 0.12),
        "mlp.gate_proj": random(INNER, HIDDEN, 0.08),
        "mlp.up_proj": random(INNER, HIDDEN, 0.08),
        "mlp.down_proj": random(HIDDEN, INNER, 0.05),
    }
    for name in ("self_attn.o_proj", "mlp.down_proj"):
        found[name][:STEERED] = 0.0
    return found


def ones() -> np.ndarray:
    """The scale of a norm."""
    return np.ones(HIDDEN, dtype=np.float32)


def likelihoods(tokenizer: Tokenizer) -> np.ndarray:
    """What the head reads from dimension 0, for each token."""
    found = np.zeros(VOCABULARY, dtype=np.float32)
    for token in range(VOCABULARY):
        text = tokenizer.decode([token], skip_special_tokens=False)
        if text in SPECIAL:
            found[token] = -12.0
        elif not text.strip().isprintable() or not text.strip() or "\ufffd" in text:
            found[token] = -4.0  # blanks, control characters, and bytes that are no character alone
        elif text in set(LETTERS):
            found[token] = 2.2
        elif text in set(DIGITS) | {STOP}:
            found[token] = 2.0
    return found


def safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    """The tensors as bfloat16 (the upper half of each float32) in a safetensors file: length, JSON header, data.

    Written here because the library's own interface differs between releases (seen: 0.5, 0.8) and numpy lacks bfloat16.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in sorted(tensors.items()):
        upper = (np.ascontiguousarray(values).view(np.uint32) >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + len(upper)],
        }
        data += upper
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    return len(words).to_bytes(8, "little") + words + data


def configurations(tokenizer: Tokenizer) -> dict[str, dict[str, object]]:
    """The JSON files beside the weights."""
    begin, end = tokenizer.token_to_id(BEGIN), tokenizer.token_to_id(END)
    ids = {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": end}
    model = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
        "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "head_dim": HEAD_SIZE,
        "vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "hidden_act": "silu", "tie_word_embeddings": False, **ids,
    }  # fmt: skip
    words = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BEGIN, "eos_token": END, "pad_token": END,
        "model_max_length": POSITIONS, "clean_up_tokenization_spaces": False, "chat_template": TEMPLATE,
    }  # fmt: skip
    return {"config.json": model, "generation_config.json": dict(ids), "tokenizer_config.json": words}


def main(folder: Path) -> None:
    """Writes the whole model into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = trained_tokenizer()
    if tokenizer.get_vocab_size() != VOCABULARY:
        raise SystemExit(f"the sample text gives {tokenizer.get_vocab_size()} tokens, not {VOCABULARY}: add text")
    tokenizer.save(str(folder / "tokenizer.json"))
    for name, content in configurations(tokenizer).items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors(weights(tokenizer)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python tiny_model.py OUT_DIR")
    main(Path(sys.argv[1]))
