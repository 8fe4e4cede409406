"""Every option that a script gives `vllm serve` is one that the pinned vLLM takes, with the value that was meant."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from samples import one_job

from evalctl.environments import catalogue, check
from evalctl.model.manifest import GenerationSettings
from evalctl.resolve.identity import SERVED

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]
SETTINGS: dict[str, Any] = {
    "max_model_length": 4096, "reasoning_parser": "qwen3", "chat_template": "plain", "generation_config": "vllm",
    "chat_template_kwargs": {"enable_thinking": False, "mode": "深い '$(x)'", "depth": 2}, "trust_remote_code": True,
}  # fmt: skip
PROGRAM = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
taken = vars(make_arg_parser(FlexibleArgumentParser()).parse_args(sys.argv[1:]))
print(json.dumps({name: value for name, value in taken.items() if isinstance(value, (bool, int, str, dict, list))}))
"""


def test_vllm_takes_every_option() -> None:
    """The model and all that custom settings can say of its server, read by vLLM's own parser."""
    text = f"model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact]\noverrides: {{all: {json.dumps(SETTINGS)}}}\n"
    assert {*SETTINGS} == SERVED & {*GenerationSettings.model_fields} - {"vllm_use_v1"}  # a variable, no option
    python = BUILT / catalogue()["vllm-cpu"].directory_name / "bin" / "python"
    words = [str(python), "-c", PROGRAM, *one_job(text).server.argv[2:]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    taken = json.loads(done.stdout.splitlines()[-1])
    assert (taken["model_tag"], taken["served_model_name"]) == ("lab/small-8B", ["lab/small-8B"])
    assert taken["default_chat_template_kwargs"] == SETTINGS["chat_template_kwargs"]
    assert (taken["max_model_len"], taken["reasoning_parser"]) == (4096, "qwen3")
    assert (taken["generation_config"], taken["trust_remote_code"]) == ("vllm", True)
    assert taken["chat_template"].startswith("{% for message in messages %}")
