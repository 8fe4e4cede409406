"""Variables of qsub_all.sh without a key in a request: what replaces each here, and what to type."""

from __future__ import annotations

from evalctl.importing.head import Head
from evalctl.model.diagnostic import WARNING, Diagnostic


def unplaced(head: Head) -> list[Diagnostic]:
    """A warning for each variable that is set and not in the request. Values are not shown: one may be an API key."""
    return [
        Diagnostic("unreadable-source", f"{name} is not in the request: {why}", word.span, help, severity=WARNING)
        for name, word in head.unplaced.items()
        for why, help in [_instead(name, head)]
    ]


def _instead(name: str, head: Head) -> tuple[str, str]:
    """(why the variable is not in the request, what to do instead)."""
    service, model, settings = (
        head.values[key].text if key in head.values else otherwise
        for key, otherwise in (("SERVICE", "NAME"), ("MODEL_NAME", "PUBLISHER/MODEL"), ("CUSTOM_SETTINGS", "NAME"))
    )
    if name == "AR_ID" and service == "tsubame":
        help = 'add "-ar", "{AR_ID}" to submit_args of manifests/services/tsubame.yaml, and AR_ID=… to .env, for as long as the reservation'
        return "reserved nodes are set for all jobs of a service", help
    if name == "AR_ID":
        return (
            f"only TSUBAME has reserved nodes with -ar, but the service is {service}",
            "remove the value from the script",
        )
    if name == "TRUST_REMOTE_CODE":
        help = (
            f"read that code, then write `trust_remote_code: true` under `{settings}` in manifests/models/{model}.yaml"
        )
        return "code of the model's repository runs only if its custom settings allow it", help
    if name == "UPLOAD_DETAILS":
        return "an upload needs the name of the organisation", "add to the request: `push_to_hub: {org: ORGANISATION}`"
    if name == "COPY_DETAILS":
        help = "copy the folders details/ beside the results yourself; `evalctl details PATH` reads them"
        return "evalctl does not copy details to a group's folder", help
    return "evalctl does not know this variable", "look for a key with the same meaning in docs/manifests.md"
