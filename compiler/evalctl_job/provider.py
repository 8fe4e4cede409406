"""Asks a provider through litellm; every question is counted, and their number is limited."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

# Read by litellm when it is imported; without it each import asks the Internet for prices (seen: 1.101.0).
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ.pop("USE_LITELLM_PROXY", None)  # it would send every question to the address of another variable

import litellm
import openai

from evalctl_job.limits import ProviderReply
from evalctl_job.reasons import classify
from evalctl_job.redact import redacted

litellm.telemetry = False
litellm.suppress_debug_info = True  # else it prints advice beside each error

NO_ANSWER = 502
LONGEST_PAUSE_SECONDS = 60.0
PAUSE_SECONDS = 1.0
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
CROWDED = frozenset({408, 425, 503, 504, 529})  # says nothing about the question
ELSEWHERE = frozenset({301, 302, 303, 307, 308})  # redirects, which are not followed: the key is for this address
SHUT = frozenset(
    {401, 402, 403, 404, 405, 429, *CROWDED, *ELSEWHERE}
)  # the next question would be refused in the same way
# litellm 1.101: "litellm.BadRequestError: OpenAIException - n must be at most 4"
PREFIX = re.compile(r"^litellm\.\w+: .*?Exception - ", re.DOTALL)


class Stopped(Exception):
    """No further question is useful; `reason` is one of evalctl's reasons."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class ProbedModel:
    """One model of a provider."""

    def __init__(
        self, base: str, model: str, key: str | None, timeout: float, calls: int, announce: Callable[[str], None]
    ) -> None:
        """At most `calls` questions are asked; `announce` is called before each."""
        self._base, self.model, self._key = base, model, key
        self._timeout, self._left, self._announce = timeout, calls, announce
        self.calls = self.tokens = 0
        self.headers: dict[str, str] = {}
        self._client = openai.OpenAI(
            api_key=self._sent_key, base_url=base, timeout=timeout, max_retries=0,
            http_client=openai.DefaultHttpxClient(follow_redirects=False, timeout=timeout),
        )  # fmt: skip

    def ask(self, what: str, messages: list[dict[str, str]], body: Mapping[str, Any]) -> ProviderReply:
        """The reply to one question, which may be a refusal; raises Stopped where every question would fail."""
        reply = self._counted(what, messages, body)
        if reply.status in AGAIN or reply.status == 0:
            pause = _retry_after(reply.headers)
            if pause <= LONGEST_PAUSE_SECONDS:
                self._announce(f"{what}, again in {pause:g} s")
                time.sleep(pause)
                reply = self._counted(what, messages, body)
        if reply.status in SHUT or reply.status == 0:
            raise self._stopped(reply)
        return reply

    def models(self) -> list[dict[str, Any]]:
        """The provider's list of models; empty from one that has none."""
        self._count("the list of models")
        try:
            return [model.model_dump() for model in self._client.models.list().data]
        except (openai.OpenAIError, ValueError, TypeError, AttributeError):  # no list, or in another form
            return []

    @property
    def _sent_key(self) -> str:
        # Never left out: litellm would take OPENAI_API_KEY from the environment and send it to this address.
        return self._key or "none"

    def _count(self, what: str) -> None:
        if not self._left:
            raise Stopped("calls-used-up", f"the limit of {self.calls} calls is reached (--max-calls)")
        self._left -= 1
        self.calls += 1
        self._announce(what)

    def _counted(self, what: str, messages: list[dict[str, str]], body: Mapping[str, Any]) -> ProviderReply:
        self._count(what)
        reply = self._reply(messages, body)
        self.headers |= reply.headers
        self.tokens += reply.usage.get("total_tokens") or 0
        return reply

    def _reply(self, messages: list[dict[str, str]], body: Mapping[str, Any]) -> ProviderReply:
        # In `extra_body` nothing is renamed, dropped or refused by litellm itself. With other names than openai it
        # asks up to three times whatever max_retries says (deepinfra, seen: 1.101.0).
        try:
            reply = litellm.completion(
                model=f"openai/{self.model}", api_base=self._base, api_key=self._sent_key,
                messages=messages, extra_body=dict(body), timeout=self._timeout, max_retries=0, num_retries=0,
                client=self._client,
            )  # fmt: skip
        except Exception as problem:
            return self._refusal(problem)
        whole = reply.model_dump()
        headers = getattr(reply, "_response_headers", None) or {}
        return ProviderReply(200, "", tuple(whole.get("choices") or ()), whole.get("usage") or {}, dict(headers))

    def _refusal(self, problem: Exception) -> ProviderReply:
        lost = _lost_connection(problem)
        if isinstance(lost, openai.APITimeoutError):
            return ProviderReply(0, f"{self._host} did not answer in time ({self._timeout:g} s)")
        if lost is not None:
            return ProviderReply(0, self._clean(f"no connection to {self._host}: {_root(lost)}"))
        message = self._clean(PREFIX.sub("", str(problem))) or "an answer of an unknown form"
        headers = getattr(problem, "litellm_response_headers", None)
        # An answer that litellm cannot read is an `InternalServerError` as well, but one without headers.
        status = NO_ANSWER if headers is None else getattr(problem, "status_code", None) or NO_ANSWER
        return ProviderReply(status, message, headers=dict(headers or {}))

    @property
    def _host(self) -> str | None:
        return urlsplit(self._base).hostname

    def _clean(self, text: str) -> str:
        return redacted(text, self._key)

    def _stopped(self, reply: ProviderReply) -> Stopped:
        words = f"HTTP {reply.status}: {reply.message}" if reply.status else reply.message
        usual = {0: "provider-unreachable", 404: "model-not-found", 405: "model-not-found", 429: "rate-limit"}
        usual |= {**dict.fromkeys(CROWDED, "provider-error"), **dict.fromkeys(ELSEWHERE, "provider-unreachable")}
        reason = classify(words) if reply.status != 402 else "quota-exhausted"
        if reason == "server-died":  # a provider, on this machine as well, is no server of a job
            reason = None
        return Stopped(reason or usual.get(reply.status, "authentication"), words)


def _lost_connection(problem: BaseException | None) -> openai.APIConnectionError | None:
    """litellm calls a dead host `InternalServerError 500` and a slow one `Timeout` (seen: 1.101.0): the exception's cause decides."""
    while problem is not None and not isinstance(problem, openai.APIConnectionError):
        problem = problem.__cause__ or problem.__context__
    return problem


def _root(problem: BaseException) -> BaseException:
    """The first cause: `[Errno 111] Connection refused` rather than `Connection error.`"""
    while (below := problem.__cause__ or problem.__context__) is not None:
        problem = below
    return problem


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the provider asks for; a short pause without one."""
    wait = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(wait) if re.fullmatch(r"\d+(?:\.\d+)?", wait) else PAUSE_SECONDS
