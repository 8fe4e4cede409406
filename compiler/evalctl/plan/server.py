"""The server of a job: the `vllm serve` call, or a provider's endpoint. The job adds the address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evalctl.frameworks.pins import catalogue as environments
from evalctl.model.evaluation import Eval, Server, ServerFile
from evalctl.model.parsers import FRAMEWORK_PARSERS
from evalctl.model.providers import Provider
from evalctl.plan.placement import Placement
from evalctl.resolve.identity import OPERATED

DTYPE = "bfloat16"  # as the lab has always measured


def server(evaluation: Eval, place: Placement, provider: Provider, *, offline: bool = False) -> Server:
    """The server of `evaluation` on `place`; with `offline` it sends no request to the Hub."""
    if not provider.serves_itself:
        return Server(
            provider=provider.name, argv=(), variables=(), environment="", served_name=evaluation.subject.model,
            base_url=provider.base_url, key_variable=provider.key_variable, gpus=0,
        )  # fmt: skip
    settings = server_settings(evaluation)
    return Server(
        provider=provider.name,
        argv=tuple(_argv(evaluation, settings, place)),
        variables=tuple(_variables(settings, place, offline)),
        environment=environments()[place.node.server_environment].directory_name,
        served_name=evaluation.subject.model,
        base_url="",
        key_variable="",
        gpus=place.node.gpus,
        tensor_parallel=place.tensor_parallel,
        data_parallel=place.data_parallel,
        files=tuple(_files(settings)),
    )


def server_settings(evaluation: Eval) -> dict[str, Any]:
    """All settings that the server is started with."""
    return {**dict(evaluation.server), **operation(evaluation)}


def operation(evaluation: Eval) -> dict[str, Any]:
    """How the server works, without an effect on scores: not in `evaluation.server`, which is part of the identity."""
    return {
        setting.name: setting.sourced.value
        for setting in evaluation.settings
        if setting.name in OPERATED and setting.applied and setting.sourced.value is not None
    }


def _argv(evaluation: Eval, settings: dict[str, Any], place: Placement) -> list[str]:
    subject = evaluation.subject
    argv = ["vllm", "serve", subject.path or subject.model, "--served-model-name", subject.model]
    if subject.path is None:
        argv += ["--revision", subject.revision, "--tokenizer-revision", subject.revision]
        if settings.get("trust_remote_code"):
            # transformers takes code of another repository at its newest commit otherwise.
            argv += ["--code-revision", subject.revision]
    if place.node.gpus:
        argv += ["--tensor-parallel-size", str(place.tensor_parallel)]
    if place.data_parallel > 1:
        argv += ["--data-parallel-size", str(place.data_parallel)]
    if "max_model_length" in settings:  # `null` leaves the model's own
        argv += ["--max-model-len", str(settings["max_model_length"])]
    argv += ["--gpu-memory-utilization", f"{place.node.gpu_memory_utilization:g}", "--dtype", DTYPE]
    argv += ["--generation-config", settings["generation_config"]]
    parser = settings.get("reasoning_parser")
    if parser and parser != "ignore" and parser not in FRAMEWORK_PARSERS:
        argv += ["--reasoning-parser", parser]
    if "chat_template_kwargs" in settings:
        argv += ["--default-chat-template-kwargs", settings["chat_template_kwargs"]]
    argv += _engine(settings)
    if settings.get("trust_remote_code"):
        argv.append("--trust-remote-code")
    if place.node.enforce_eager:
        argv.append("--enforce-eager")
    return argv


def _engine(settings: dict[str, Any]) -> Iterator[str]:
    for name, option in (
        ("kv_cache_dtype", "--kv-cache-dtype"), ("quantization", "--quantization"),
        ("speculative_config", "--speculative-config"), ("max_num_seqs", "--max-num-seqs"),
    ):  # fmt: skip
        if name in settings:
            yield from (option, str(settings[name]))


def _files(settings: dict[str, Any]) -> Iterator[ServerFile]:
    if "chat_template" in settings:
        yield ServerFile("--chat-template", "chat_template.jinja", settings["chat_template"])
    if "reasoning_parser_plugin" in settings:  # the name of the file becomes the name of a module
        plugin = settings["reasoning_parser_plugin"]
        yield ServerFile("--reasoning-parser-plugin", "evalctl_reasoning_parser_plugin.py", plugin)


def _variables(settings: dict[str, Any], place: Placement, offline: bool) -> list[tuple[str, str]]:
    variables = dict(place.node.variables)
    if "vllm_use_v1" in settings:
        variables["VLLM_USE_V1"] = str(settings["vllm_use_v1"])
    if offline:
        variables["HF_HUB_OFFLINE"] = "1"
    return sorted(variables.items())
