"""Calls uv with pip's configuration, so that a machine that can use pip needs no further configuration."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from evalctl.shell import Command, EnvironmentProblem, run

# pip's setting -> uv's variable and the separator of its lists (seen: pip 24-26, uv 0.9-0.13)
_FROM_PIP = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "no-index": ("UV_NO_INDEX", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
}


def uv_path() -> str:
    """uv's program file: the one installed beside this Python, else the one on PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise EnvironmentProblem("uv is not installed", help=f"{sys.executable} -m pip install uv")
    return found


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What uv's environment needs besides `environ`: pip's configuration as uv's variables, and the cache of `.env`.

    A variable of uv's own that is already set is left alone.
    """
    pip = {**_configured(), **_from_environment(environ)}
    found = {_FROM_PIP[key][0]: _FROM_PIP[key][1].join(value.split()) for key, value in pip.items() if key in _FROM_PIP}
    if environ.get("UV_CACHE"):
        found["UV_CACHE_DIR"] = str(Path(environ["UV_CACHE"]).expanduser())
    # Every file is held to its hash, so it does not matter which of several indexes it came from.
    found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {key: value for key, value in found.items() if key not in environ}


def _configured() -> dict[str, str]:
    """The `[global]` and `[install]` sections of pip's configuration files; empty where there is no pip."""
    if importlib.util.find_spec("pip") is None:
        return {}
    reply = run(Command((sys.executable, "-m", "pip", "config", "list"), timeout_s=60))
    lines = [line.partition("=") for line in reply.stdout.splitlines()] if reply.status == 0 else []
    pairs = [(key.partition("."), value.strip("'\"").replace("\\n", " ")) for key, _, value in lines]
    return {name: value for (section, _, name), value in pairs if section in {"global", "install"}}


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    names = {key: "PIP_" + key.replace("-", "_").upper() for key in _FROM_PIP}
    return {key: environ[name] for key, name in names.items() if environ.get(name)}
