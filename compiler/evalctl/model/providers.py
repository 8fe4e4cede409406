"""Who serves a model: where its results lie, how litellm names it, and which variable holds the key.

Base addresses and variables as litellm 1.101 has them. gemini and anthropic are spoken to through their
OpenAI-compatible endpoints, because the relay speaks that protocol on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """`result_dir` as the manual's 3.3 has it ("" for openai, whose model names begin with openai/)."""

    name: str
    result_dir: str
    litellm_prefix: str
    base_url: str
    key_variable: str

    @property
    def serves_itself(self) -> bool:
        """Whether the job starts the server (vllm), rather than somebody elsewhere."""
        return self.name == "vllm"


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("vllm", "hosted_vllm", "hosted_vllm/", "", ""),
        Provider("openai", "", "", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        Provider("deepinfra", "deepinfra", "deepinfra/", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
        Provider(
            "gemini",
            "gemini",
            "hosted_vllm/",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "GEMINI_API_KEY",
        ),
        Provider("anthropic", "anthropic", "hosted_vllm/", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    )
}
