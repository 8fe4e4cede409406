"""Finds environment variables with keys or credentials, and removes their values from texts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH")
HIDDEN = "(secret)"
_LONGEST = 400
_UNPRINTABLE = re.compile(r"[^ -~]")
_COUNTS_TOKENS = re.compile(r"TOKENIZERS_PARALLELISM|VLLM_.*_TOKENS(_.*)?|.*_MAX_TOKENS")
_SECRET = re.compile(
    r".*KEY|.*_KEY_.*|.*_KEYS|.*APIKEY.*|.*TOKEN.*|.*SECRET.*|.*PASSW.*|.*PASSPHRASE.*|.*_PASS|.*_PWD|.*CREDENTIAL.*"
    r"|.*COOKIE.*|.*JWT.*|.*_PAT|.*_AUTH|.*_DSN|.*DATABASE_URL|.*WEBHOOK.*|.*_AUTH_SOCK|.*ASKPASS.*|.*NETRC.*|.*_CERT"
    r"|(AWS|AZURE|GCP|GOOGLE|CLOUDSDK|GH|GITHUB|GITLAB|CI|SSH|GPG|VAULT|DOCKER|SINGULARITY_DOCKER|APPTAINER_DOCKER|MYSQL)_.*"
    r"|KRB5.*|DBUS_SESSION_BUS_ADDRESS|XAUTHORITY|KUBECONFIG|PGPASSFILE"
)
_ADDRESS = re.compile(r".*_API_BASE|.*_BASE_URL|.*_API_URL|LITELLM_.*|USE_LITELLM_PROXY|OPENAI_API_TYPE")


def without_secrets(variables: Mapping[str, str], known: Collection[str], keep: Collection[str] = ()) -> dict[str, str]:
    """The variables without `known` secrets and those with a secret's name, except those to `keep`."""
    return {
        name: value for name, value in variables.items() if name in keep or not (name in known or looks_secret(name))
    }


def looks_secret(name: str) -> bool:
    """Whether a variable of this name may hold a key, a token or credentials."""
    upper = name.upper()
    return not _COUNTS_TOKENS.fullmatch(upper) and _SECRET.fullmatch(upper) is not None


def without_addresses(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that make litellm or openai send requests to another address than the eval's.

    They read more than a hundred such variables (seen: litellm 1.101, openai 2).
    """
    return {name: value for name, value in variables.items() if not _ADDRESS.fullmatch(name)}


def shown(text: str, values: Collection[str]) -> str:
    """Printable ASCII of bounded length on one line, without the values of secrets."""
    for value in sorted(filter(None, values), key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return _UNPRINTABLE.sub(" ", text)[:_LONGEST]
