"""The providers of models: folder of results, litellm's name, and the variable with the key.

Base addresses and variables as litellm 1.101 has them. An eval's digest does not repeat the address of these five: one
that moves to another address needs another name, or its results must be measured again (see docs/decisions.md). gemini and anthropic are spoken to through their
OpenAI-compatible endpoints, because the relay uses that protocol on both sides. Any other endpoint that uses it is a
file manifests/providers/NAME.yaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

# The name of the longest answer in a request. max_tokens is what every endpoint knows; one that takes only the other
# refuses it with an error, while an unknown key may be ignored silently.
LengthKey = Literal["max_tokens", "max_completion_tokens", "both"]

_ANY = "hosted_vllm/"  # litellm's name for whatever uses OpenAI's protocol: it drops and renames the least


@dataclass(frozen=True, slots=True)
class Provider:
    """`result_dir` as the manual's 3.3 has it ("" for openai, whose model names begin with openai/)."""

    name: str
    result_dir: str
    litellm_prefix: str
    base_url: str
    key_variable: str
    length_key: LengthKey = "max_tokens"

    @property
    def serves_itself(self) -> bool:
        """Whether the job starts the server (vllm), rather than a provider."""
        return self.name == "vllm"

    def wire_name(self, model: str) -> str:
        """The model as the provider itself calls it."""
        return model.removeprefix(f"{self.name}/") if self.name == "openai" else model


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("vllm", "hosted_vllm", "hosted_vllm/", "", "", "max_completion_tokens"),
        Provider("openai", "", "", "https://api.openai.com/v1", "OPENAI_API_KEY", "max_completion_tokens"),
        Provider("deepinfra", "deepinfra", "deepinfra/", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
        Provider("gemini", "gemini", _ANY, "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
        Provider("anthropic", "anthropic", _ANY, "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    )
}
_PLAIN = re.compile(r"[A-Za-z0-9_+.-]+(?:/[A-Za-z0-9_+.-]+)?")  # of names that fields.SERVED_MODEL allows
LOOPBACK = ("127.0.0.1", "localhost")
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
# Folders under results/ that hold something else than a provider's models.
RESERVED = frozenset({*PROVIDERS, *(provider.result_dir for provider in PROVIDERS.values()), "debug", "questions"})


def declared(name: str, base_url: str, *, key: bool, length_key: LengthKey = "max_tokens") -> Provider:
    """The provider of a file. Its key's variable follows from its name: no file can have another's key sent anywhere."""
    base_url = normal(base_url)
    variable = f"{name.upper().replace('-', '_')}_API_KEY" if key else ""
    return Provider(name, name, _ANY, base_url, variable, length_key)


def normal(base_url: str) -> str:
    """One spelling of an address: small letters in the host, no port that the scheme implies."""
    scheme, _, rest = base_url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ''))}{slash}{path}"


def is_plain(base_url: str) -> bool:
    """Whether the connection is not encrypted: http to another machine."""
    scheme, _, rest = base_url.partition("://")
    return scheme == "http" and rest.partition("/")[0].partition(":")[0].lower() not in LOOPBACK


def file_name(model: str) -> str:
    """A model's name as a path: itself where PUBLISHER/MODEL fits, else one folder with `=` and two digits for each
    character that does not. No two names share one, since such a name has no `=`."""
    if _PLAIN.fullmatch(model):
        return model
    return re.sub(r"[^A-Za-z0-9_+.-]", lambda found: f"={ord(found[0]):02x}", model)


def model_name(path: str) -> str:
    """The name, or the path of names, that `file_name` has written so."""
    return re.sub(r"=([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), path)


def model_folder(provider: str, model: str) -> str:
    """Where below results/ a provider's model has its results."""
    folder = result_dir(provider)
    if folder or not model.startswith(f"{provider}/"):
        return f"{folder}/{file_name(model)}" if folder else file_name(model)
    return f"{provider}/{file_name(model.removeprefix(f'{provider}/'))}"


def settings_folder(provider: str, model: str, custom_settings: str | None) -> str:
    """The folder of results of a model with its settings (`results/…/MODEL[/SETTINGS]`)."""
    return "/".join(filter(None, ("results", model_folder(provider, model), custom_settings)))


def result_path(provider: str, model: str, custom_settings: str, result_dir: str, max_samples: int | None) -> str:
    """The manual's path (3.3) of result.json; empty parts are left out, debugging runs have a place of their own."""
    debug = f"debug/max_samples-{max_samples}" if max_samples else ""
    parts = ("results", debug, model_folder(provider, model), custom_settings, result_dir, "result.json")
    return "/".join(part for part in parts if part)


def litellm_prefix(name: str) -> str:
    """How litellm's names of a provider's models begin."""
    return PROVIDERS[name].litellm_prefix if name in PROVIDERS else _ANY


def result_dir(name: str) -> str:
    """The folder under results/ that holds a provider's models; "" for none of its own."""
    return PROVIDERS[name].result_dir if name in PROVIDERS else name
