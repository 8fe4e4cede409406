"""What a field of a manifest may have: patterns, bounded texts and numbers, and the base of every document."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from evalctl.model.names import NAME

MODEL = rf"{NAME[:-1]}(?:/{NAME[1:-1]})?$"
# Providers name models as they like: deepseek/deepseek-r1:free, qwen3:8b, accounts/fireworks/models/x, @cf/meta/llama. Fireworks has
# MODEL#DEPLOYMENT, of which both are paths or short names (its documents, 2026: accounts/A/models/M#accounts/B/deployments/D).
SERVED_MODEL = rf"^@?{NAME[1:-1]}(?:(?:/@?|::?|@){NAME[1:-1]})*(?:#{NAME[1:-1]}(?:/{NAME[1:-1]})*)?$"
RESULT_DIR = rf"{NAME[:-1]}(?:/{NAME[1:-1]})*$"
PATH = r"^/[^\x00-\x1f\x7f]*$"
TASK_WORD = r"^-?[A-Za-z0-9_][A-Za-z0-9_.-]*$"
NUMBER_TEXT = r"^-?[0-9]{1,12}(?:\.[0-9]{1,12})?$"
LINE = r"^[^\x00-\x1f\x7f]*$"
GPU_LIST = r"^(?:[0-9]+|GPU-[0-9a-f-]+)(?:,(?:[0-9]+|GPU-[0-9a-f-]+))*$"
WALLTIME = r"^[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]$"
# A variable of a Jinja template; names with a leading _ are vLLM's own (seen: 0.32, renderers/cohere.py).
TEMPLATE_SWITCH = r"^[A-Za-z][A-Za-z0-9_]*$"
# Parameters of transformers' apply_chat_template (5.x): vLLM passes a switch of such a name to the function, so that it
# would replace the template, cut the prompt or change what the function returns.
RESERVED_SWITCHES = frozenset({
    "add_generation_prompt", "chat_template", "continue_final_message", "conversation", "documents", "max_length",
    "messages", "padding", "return_assistant_tokens_mask", "return_dict", "return_tensors", "tokenize",
    "tokenizer_kwargs", "tools", "truncation",
})  # fmt: skip
VARIABLE = r"^[A-Z_][A-Z0-9_]*$"
REVISION = r"^[0-9a-f]{40,64}$"
COMMIT = r"^[0-9a-f]{40}$"
# What names a commit in git: digits, a branch, a tag, HEAD~10. Never an option, never a range.
GIT_REVISION = r"^[A-Za-z0-9_](?:[A-Za-z0-9_/+~^-]|\.[A-Za-z0-9_/+~^-])*$"
SHA256 = r"^[0-9a-f]{64}$"
INTEGER_TEXT = r"^-?[0-9]+$"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
# A name, or four numbers; `127.1`, `0x7f000001` and `2130706433` are one address to some programs and names to others.
_HOST = rf"(?:(?:{_OCTET}\.){{3}}{_OCTET}|(?:{_LABEL}\.){{0,20}}[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?)"
_PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
# No user, no password, no query, no `..` in the path: a key is in .env alone.
BASE_URL = rf"^https?://{_HOST}(?::{_PORT})?(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$"
PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"  # text for the model: no control characters but tab and newlines

LONGEST_NAME = 96

Name = Annotated[str, StringConstraints(pattern=NAME, max_length=LONGEST_NAME)]
ModelName = Annotated[str, StringConstraints(pattern=MODEL, max_length=200)]
ServedModelName = Annotated[str, StringConstraints(pattern=SERVED_MODEL, max_length=200)]
AbsolutePath = Annotated[str, StringConstraints(pattern=PATH, max_length=1000)]
TaskWord = Annotated[str, StringConstraints(pattern=TASK_WORD, max_length=LONGEST_NAME)]
Text = Annotated[str, StringConstraints(pattern=PRINTABLE, max_length=200_000)]
# One word of a command: Linux takes at most 128 KiB for one, and a character has up to four bytes.
CommandText = Annotated[str, StringConstraints(pattern=PRINTABLE, max_length=32_000)]
Line = Annotated[str, StringConstraints(pattern=LINE, max_length=1000)]
StopText = Annotated[str, StringConstraints(pattern=PRINTABLE, min_length=1, max_length=1000)]
TemplateSwitch = Annotated[str, StringConstraints(pattern=TEMPLATE_SWITCH, max_length=LONGEST_NAME)]
GpuList = Annotated[str, StringConstraints(pattern=GPU_LIST)]
Walltime = Annotated[str, StringConstraints(pattern=WALLTIME)]


@dataclass(frozen=True)
class LabNumber:
    """A number within bounds that may also be written as text: the lab has `max_n: "4"`."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        make: Any = core_schema.int_schema if source is int else core_schema.float_schema
        bounds = {name: bound for name, bound in asdict(self).items() if bound is not None}
        return core_schema.no_info_before_validator_function(_number, make(strict=True, **bounds))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"type": "string", "pattern": NUMBER_TEXT}]}


def _number(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(NUMBER_TEXT, value):
        return float(value) if "." in value else int(value)
    return value


class Strict(BaseModel):
    """Unknown keys are errors, values are frozen."""

    # Validators are built when first used: most models are parts of others, whose validators hold theirs.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)
