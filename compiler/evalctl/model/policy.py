"""manifests/policy.yaml: how much requests may cost, and what needs whose approval."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from evalctl.model.fields import AbsolutePath, Line, Name, Strict, Walltime
from evalctl.model.service import MOST

NOBODY = "nobody"
Quantity = Annotated[float, Field(ge=0, le=MOST)]


class SpendingLimit(Strict):
    """So much of a service's own unit, or so much money."""

    service: Name | None = Field(None, description="Only what runs on this service; needed with `units`.")
    units: Quantity | None = Field(None, description="In the service's own unit (points).")
    money: Quantity | None = Field(None, description="In `currency`, by the services' prices.")
    currency: Name = "JPY"

    @property
    def amount(self) -> float:
        """The number, in units or money."""
        return self.money or 0.0 if self.units is None else self.units


def _one_amount(data: Any) -> Any:
    """Before the fields, so that it is reported together with their mistakes."""
    if not isinstance(data, dict):
        return data
    given = [key for key in ("units", "money") if data.get(key) is not None]
    if len(given) == 2:
        context = {"key": "money", "help": "keep one of the two"}
        raise PydanticCustomError("exclusive-keys", "`units` and `money` are both given", context)
    if given == ["units"] and data.get("service") is None:
        help = "add `service:`: units of two services cannot be added"
        raise PydanticCustomError("missing-key", "`service` is missing", {"help": help, "wanted": "service"})
    return data


class Budget(SpendingLimit):
    """How much may be spent: by one request, or in a calendar month (UTC) by all, by each person, or by a group."""

    per: Literal["request", "month", "person", "group"]
    group: Name | None = Field(None, description="Of `groups`; with `per: group`.")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, data: Any) -> Any:
        data = _one_amount(data)
        if isinstance(data, dict) and data.get("units") is None and data.get("money") is None:
            help = "add `units:` with `service:`, or `money:`"
            raise PydanticCustomError("missing-key", "`units` is missing", {"help": help, "wanted": "units"})
        if isinstance(data, dict) and (data.get("per") == "group") != (data.get("group") is not None):
            help = "write `per: group` and `group: NAME` together"
            raise PydanticCustomError("missing-key", "`group` is missing", {"help": help, "wanted": "group"})
        return data


class Approval(SpendingLimit):
    """What needs a person's approval in the pull request, and whose."""

    what: Literal[
        "priority", "trust_remote_code", "public_upload", "provider", "path", "service_change", "cost", "walltime",
    ] = Field(
        description="priority above the default; code of a model's repository; upload that everybody can read; a provider other than vllm; "
        "a checkpoint outside `roots`; a change of a service; a request that costs more than `units` or `money`; a walltime above `walltime`."
    )  # fmt: skip
    by: Line = Field(description="A team, a label or a person, as the platform names them; `nobody`: it is refused.")
    walltime: Walltime | None = Field(None, description="With `what: walltime`: longer jobs need approval.")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, data: Any) -> Any:
        data = _one_amount(data)
        if not isinstance(data, dict):
            return data
        wanted = {"cost": ("units", "money"), "walltime": ("walltime",)}.get(str(data.get("what")), ())
        if wanted and all(data.get(key) is None for key in wanted):
            context = {"help": f"add `{wanted[0]}:`", "wanted": wanted[0]}
            raise PydanticCustomError("missing-key", f"`{wanted[0]}` is missing", context)
        return data


class Policy(Strict):
    """What requests may cost and do."""

    budgets: tuple[Budget, ...] = Field((), strict=False)
    approvals: tuple[Approval, ...] = Field((), strict=False)
    groups: dict[Name, Annotated[tuple[Line, ...], Field(strict=False)]] = Field(
        default_factory=dict, description="Persons of each group, as `requested_by` names them, else their accounts."
    )
    roots: tuple[AbsolutePath, ...] = Field(
        (), description="Folders whose checkpoints need no approval (`what: path`).", strict=False
    )
