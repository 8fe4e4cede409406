"""Turns errors of JSON Schema and pydantic into findings: what is wrong, what is expected, what to type."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from evalctl.check.codes import CODES
from evalctl.check.value_wording import LIMITS, expected, how, kind_of, limit_of, short, shown, within
from evalctl.model import fields, names
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.document import Document, Path
from evalctl.model.providers import PROVIDERS
from evalctl.suggest import did_you_mean, listed

_NAME_HELP = "use letters, digits, _ - + and single dots; begin with a letter, a digit or _"
_TEXT_HELP = "remove control characters; line breaks are allowed only in a system message and in a reason"

# For each pattern of the models: the code of the finding, and what to type instead.
_PATTERNS: Mapping[str, tuple[str, str]] = {
    names.NAME: ("forbidden-text", _NAME_HELP),
    fields.MODEL: ("forbidden-text", "write PUBLISHER/MODEL; for a checkpoint on disk: {path: /FOLDER, name: PUBLISHER/MODEL}"),
    fields.SERVED_MODEL: ("forbidden-text", "write PUBLISHER/MODEL, or the provider's own name of the model; for a checkpoint on disk: {path: /FOLDER, name: PUBLISHER/MODEL}"),
    fields.TASK_WORD: ("forbidden-text", "write a suite or a task key; a leading - excludes it"),
    fields.PATH: ("forbidden-text", "write an absolute path: it begins with / and is one line"),
    fields.PRINTABLE: ("forbidden-text", _TEXT_HELP),
    fields.LINE: ("forbidden-text", _TEXT_HELP),
    fields.NUMBER_TEXT: ("wrong-type", "write a number"),
    fields.GPU_LIST: ("wrong-type", 'write the numbers separated by commas, in quotes: "0,1"'),
    fields.WALLTIME: ("wrong-type", 'write hours, minutes and seconds in quotes: "24:00:00"'),
    fields.TEMPLATE_SWITCH: ("forbidden-text", "the name of a chat template switch has letters, digits and _: enable_thinking"),
    fields.VARIABLE: ("forbidden-text", "the name of an environment variable has capital letters, digits and _"),
    fields.REVISION: ("forbidden-text", "a revision is the 40 hexadecimal digits of a commit: type `evalctl lock MODEL`"),
    fields.COMMIT: ("forbidden-text", "the commit of a model on the Hub has 40 hexadecimal digits"),
    fields.GIT_REVISION: ("forbidden-text", "write the digits of a commit, a branch or a tag"),
    fields.SHA256: ("forbidden-text", "a digest has 64 hexadecimal digits: type `evalctl lock MODEL`"),
    fields.BASE_URL: ("forbidden-text", "write https://, host and path, e.g. https://llm.example.jp/v1: no / at the end, no ? or #, no user or key"),
    fields.INTEGER_TEXT: ("wrong-type", "write a whole number"),
}  # fmt: skip


def from_schema(document: Document, error: Any) -> list[Diagnostic]:
    """The findings for one error of jsonschema."""
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        return [_unknown_key(document, path, error.schema, key) for key in _extra_keys(error)]
    if error.validator == "required":
        known = error.schema.get("properties", ())
        missing = [key for key in error.validator_value if key not in error.instance]
        missing = [key for key in missing if not is_misspelt(key, error.instance, known)]
        return [_missing_key(document, path, error.schema, key) for key in missing]
    if "propertyNames" in error.absolute_schema_path:
        span = document.key_span((*path, error.instance))
        return [
            Diagnostic(_code(error), f"`{short(error.instance)}` is not a valid name here", span, _pattern_help(error))
        ]
    return [_wrong_value(document, path, error)]


def from_model(document: Document, detail: Any) -> Diagnostic:
    """The finding for an error that JSON Schema cannot express: a rule between keys, a number written as text."""
    context = detail.get("ctx", {})
    path = _path(document.data, detail["loc"])
    path = (*path, context["key"]) if "key" in context else path
    message = str(detail["msg"]).removeprefix("Value error, ")
    kind = detail["type"]
    if kind in CODES:
        return Diagnostic(kind, message, document.key_span(path), help=context.get("help", ""))
    message = f"{_name(document, path)}: {message.removeprefix('Input ').removeprefix('String ')}"
    code = "out-of-range" if is_limit(detail) else "wrong-type"
    given = detail.get("input")
    return Diagnostic(code, message, document.span(path), help=f"the value is {shown(given)}, {kind_of(given)}")


def _path(data: Any, location: Sequence[str | int]) -> Path:
    """pydantic's location without the names of models and union branches, which it lists among the keys."""
    path: list[str | int] = []
    for part in location:
        if (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int)):
            data = data[part]  # type: ignore[index]
            path.append(part)
    return tuple(path)


def is_limit(detail: Any) -> bool:
    """Whether the error is a number outside its limits (JSON Schema cannot check a number that is written as text)."""
    return str(detail["type"]).endswith(("_than", "_equal", "finite_number"))


def _extra_keys(error: Any) -> list[str]:
    known = error.schema.get("properties", ())
    return [key for key in error.instance if key not in known]


def is_misspelt(key: str, given: Iterable[str], known: Collection[str]) -> bool:
    """Whether an unknown key among those `given` is a misspelling of this one: then one finding is enough."""
    return any(_meant_key(one, known) == key for one in given if one not in known)


def _meant_key(key: str, known: Collection[str]) -> str | None:
    manual = _MANUAL.get(key.lower())
    return manual if manual in known else did_you_mean(key, known)


def _unknown_key(document: Document, path: Path, schema: Mapping[str, Any], key: str) -> Diagnostic:
    known = sorted(schema.get("properties", ()))
    guess = _meant_key(key, known)
    where = f" in {_name(document, path)}" if path else ""
    return Diagnostic(
        "unknown-key", f"there is no key `{short(key)}`{where}", document.key_span((*path, key)),
        help=f"did you mean `{guess}`?" if guess else f"the keys are: {listed(known, 40)}",
    )  # fmt: skip


# Names that people know from the manual's scripts and from vLLM's options.
_MANUAL = {
    "model_name": "model", "model_id": "model", "task": "tasks", "max_tokens": "max_new_tokens", "max_model_len": "max_model_length",
    "node": "node_kind", "custom_setting": "custom_settings", "gpus": "cuda_visible_devices", "stop": "stop_tokens",
}  # fmt: skip


def _missing_key(document: Document, path: Path, schema: Mapping[str, Any], key: str) -> Diagnostic:
    span = document.key_span(path) if path else document.span(path)
    where = f" in {_name(document, path)}" if path else ""
    description = schema.get("properties", {}).get(key, {}).get("description", "")
    help = f"add `{key}: …`" + (f" ({description.rstrip('.')})" if description else "")
    return Diagnostic("missing-key", f"`{key}` is missing{where}", span, help=help)


def _wrong_value(document: Document, path: Path, error: Any) -> Diagnostic:
    name, span = _name(document, path), document.span(path)
    if error.validator == "pattern":
        word = "is not" if _code(error) == "wrong-type" else "cannot be"
        message = (
            f"{name} {word} {shown(error.instance)}"
            if word == "cannot be"
            else f"{name} has the wrong form: {shown(error.instance)}"
        )
        return Diagnostic(_code(error), message, span, help=_pattern_help(error))
    if error.validator in LIMITS:
        return Diagnostic("out-of-range", f"{name} {limit_of(error)}", span, help=within(error))
    return Diagnostic("wrong-type", f"{name} must be {expected(error)}", span, help=how(error))


def _code(error: Any) -> str:
    if error.validator == "pattern":
        return _PATTERNS.get(error.validator_value, ("forbidden-text", ""))[0]
    return "out-of-range" if error.validator in LIMITS else "wrong-type"


def _pattern_help(error: Any) -> str:
    if error.validator in LIMITS:
        return f"it {limit_of(error)}"
    help = _PATTERNS.get(error.validator_value, ("", f"it must match {error.validator_value}"))[1]
    return meant_name(str(error.instance)) or help


def meant_name(given: str) -> str:
    """What to type instead of things that people copy into a name: a URL, the provider, a Japanese comma."""
    if address := re.match(r"(?:https?://)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)", given):
        return f"write `{address[1]}`"
    provider, _, model = given.partition("/")
    if provider in PROVIDERS and re.fullmatch(fields.MODEL, model):
        return f"write `{model}`, and `provider: {provider}` on a line of its own"
    if wide := re.search("[、，：\u3000]", given):
        return f"`{wide[0]}` is full-width: separate the items of a list by `, `"
    return ""


def _name(document: Document, path: Path) -> str:
    words = [short(str(part)) for part in path if not isinstance(part, int)]
    if not words:
        return "the file" if not path else f"item {int(path[-1]) + 1}"
    item = f"item {path[-1] + 1} of " if isinstance(path[-1], int) else ""
    return f"{item}`{'.'.join(words)}`"
