"""Checks what a request names of its service: node kind, priority and GPUs, which must fit the provider."""

from __future__ import annotations

from collections.abc import Callable

from evalctl.check.unknown_names import unknown, unusable
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.service import NodeKind, Service
from evalctl.suggest import listed


def service_references(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    """A finding for a service, node kind, priority or list of GPUs that does not exist or does not fit."""
    request, span = checked.request, checked.document.span
    entry = catalogue.services.get(request.service)
    if entry is None and request.service in catalogue.service_names:
        path = f"manifests/services/{request.service}.yaml"
        return [unusable("unknown-service", "service", request.service, [path], span(("service",)))]
    if entry is None:
        otherwise = (
            f"there are: {listed(catalogue.services)}; a new site is a file manifests/services/{request.service}.yaml"
        )
        return [
            unknown("unknown-service", "service", request.service, catalogue.services, span(("service",)), otherwise)
        ]
    found = _priority(checked, entry.service)
    node = entry.service.node_kinds.get(request.node_kind) if request.node_kind else None
    if request.node_kind and node is None:
        kinds = entry.service.node_kinds
        what = f"node kind of {request.service}"
        found.append(unknown("unknown-node-kind", what, request.node_kind, kinds, span(("node_kind",))))
    if node is not None:
        found += _node_fits_provider(checked, entry.service, node, catalogue)
    return found + _gpu_list(checked, entry.service, node)


def _priority(checked: CheckedRequest, service: Service) -> list[Diagnostic]:
    request = checked.request
    if request.priority is None or str(request.priority) in service.priorities:
        return []
    allowed = ", ".join(sorted(service.priorities, key=int)) or "none: leave it out"
    message = f"`{request.priority}` is not a priority of {request.service}"
    return [Diagnostic("unknown-priority", message, checked.document.span(("priority",)), f"priorities: {allowed}")]


def _node_fits_provider(
    checked: CheckedRequest, service: Service, node: NodeKind, catalogue: Catalogue
) -> list[Diagnostic]:
    request, span = checked.request, checked.document.span(("node_kind",))
    if request.provider == "vllm" and not node.can_serve:
        why = "its service file says `serves: false`" if node.gpus else "it has no GPU"
        message = f"vLLM cannot serve on `{request.node_kind}`: {why}"
        return [
            Diagnostic(
                "vllm-on-cpu",
                message,
                span,
                _instead(service, "a node kind with a whole GPU", lambda kind: kind.can_serve),
            )
        ]
    if request.provider in catalogue.providers and request.provider != "vllm" and node.gpus > 0:
        message = f"provider `{request.provider}` needs no GPU, but `{request.node_kind}` has {node.gpus}"
        help = _instead(service, "a CPU node kind", lambda kind: kind.gpus == 0)
        return [Diagnostic("api-on-gpu", message, span, help)]
    return []


def _instead(service: Service, what: str, fits: Callable[[NodeKind], bool]) -> str:
    kinds = [kind for kind, node in service.node_kinds.items() if node.offered and fits(node)]
    return f"choose {what} ({listed(kinds) or 'this service has none'}), or remove `node_kind`"


def _gpu_list(checked: CheckedRequest, service: Service, node: NodeKind | None) -> list[Diagnostic]:
    request = checked.request
    given = request.cuda_visible_devices
    if service.scheduler != "local":
        if given is None:
            return []
        message = f"the scheduler of {request.service} chooses the GPUs"
        span = checked.document.span(("cuda_visible_devices",))
        return [Diagnostic("gpu-list-mismatch", message, span, "remove `cuda_visible_devices`")]
    if node is None:
        return []
    gpus = [] if given is None else str(given).split(",")
    if len(gpus) == node.gpus and len(set(gpus)) == len(gpus):
        return []
    span = checked.document.span(("cuda_visible_devices",) if given is not None else ("node_kind",))
    message = f"`{request.node_kind}` needs {node.gpus} different GPUs, but cuda_visible_devices names {len(set(gpus))}"
    example = ",".join(str(number) for number in range(node.gpus))
    help = f'write e.g. cuda_visible_devices: "{example}"' if node.gpus else "remove `cuda_visible_devices`"
    return [Diagnostic("gpu-list-mismatch", message, span, help)]
