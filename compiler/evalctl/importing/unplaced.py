"""Variables of qsub_all.sh that no key of a request stands for: what says the same here, and what to type."""

from __future__ import annotations

from evalctl.importing.head import Head
from evalctl.model.diagnostic import WARNING, Diagnostic


def unplaced(head: Head) -> list[Diagnostic]:
    """A warning for each variable that is set and is not in the request. Values are not shown: one may be a key."""
    return [
        Diagnostic("unreadable-source", f"{name} is not in the request: {why}", word.span, help, severity=WARNING)
        for name, word in head.unplaced.items()
        for why, help in [_instead(name, head)]
    ]


def _instead(name: str, head: Head) -> tuple[str, str]:
    """Why, and what to do instead."""
    service, model, settings = (
        head.values[key].text if key in head.values else otherwise
        for key, otherwise in (("SERVICE", "NAME"), ("MODEL_NAME", "PUBLISHER/MODEL"), ("CUSTOM_SETTINGS", "NAME"))
    )
    if name == "AR_ID" and service == "tsubame":
        help = 'add "-ar", "{AR_ID}" to submit_args of manifests/services/tsubame.yaml, and AR_ID=… to .env, for as long as the reservation'
        return "reserved nodes are chosen for all jobs of a service", help
    if name == "AR_ID":
        return (
            f"reserved nodes with -ar are TSUBAME's, and the service is {service}",
            "take the value out of the script",
        )
    if name == "TRUST_REMOTE_CODE":
        help = (
            f"read that code, then write `trust_remote_code: true` under `{settings}` in manifests/models/{model}.yaml"
        )
        return "code of the model's repository runs only where its custom settings say so", help
    if name == "UPLOAD_DETAILS":
        return "an upload needs the organisation", "add to the request: `push_to_hub: {org: ORGANISATION}`"
    if name == "COPY_DETAILS":
        help = "copy the folders details/ beside the results yourself; `evalctl details PATH` reads them"
        return "evalctl copies no details to a folder of a group", help
    return "evalctl does not know this variable", "look for the key that says the same in docs/manifests.md"
