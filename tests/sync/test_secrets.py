"""What must not be committed."""

from __future__ import annotations

import json

import pytest

from evalctl.sync.secrets import secret_in

ENVIRONMENT = {"OPENAI_API_KEY": "abcd-efgh-1234", "HF_TOKEN": "short", "MODEL": "abcdefghijkl"}


def test_a_known_value_is_named_by_its_variable() -> None:
    """The value itself is not in the finding."""
    assert secret_in('{"error": "key abcd-efgh-1234 refused"}', ENVIRONMENT) == "the value of OPENAI_API_KEY"


@pytest.mark.parametrize("text", ["short", "abcdefghijkl", "sk-1", "hf_hub", "a task-force and risk-free", ""])
def test_ordinary_words_are_none(text: str) -> None:
    """Short values, other variables, words that begin alike."""
    assert secret_in(text, ENVIRONMENT) is None


@pytest.mark.parametrize(
    ("begin", "length"),
    [
        ("hf_", 34), ("sk-", 48), ("sk-proj-", 48), ("ghp_", 36), ("AKIA", 16), ("AIza", 35), ("vck_", 56), ("wandb_v1_", 40), ("AQ.Ab", 48),
        ("ya29.", 60), ("dop_v1_", 64),
    ],
)  # fmt: skip
def test_the_shape_of_a_secret_is_enough(begin: str, length: int) -> None:
    """Keys that nobody told us of."""
    assert secret_in(f'{{"text": "{begin}{("A1" * length)[:length]}"}}', {}) is not None


def test_a_key_of_qianfan_is_one() -> None:
    """Two parts behind its prefix; a path of that name is none."""
    assert secret_in("bce-v3/" + "ALTAK-" + "A1b2" * 5 + "/" + "0a1b" * 10, {}) == "a key of Baidu's cloud"
    assert secret_in("bce-v3/ALTAK-readme/notes AQ.About ya29.txt dop_v1_readme", {}) is None


def test_a_private_key_is_one() -> None:
    """By its first line."""
    assert secret_in("-----BEGIN OPENSSH PRIVATE" + " KEY-----\n", {}) == "a private key"


@pytest.mark.parametrize("times", range(4))
def test_a_value_with_quotes_is_known_however_often_json_has_escaped_it(times: int) -> None:
    """A reply of a server is a text within a text of a result."""
    value = 'pass"word\\with-é-quotes'
    text = value
    for _ in range(times):
        text = json.dumps({"error": text}, ensure_ascii=times % 2 == 0)
    assert secret_in(text, {"SITE_PASSWORD": value}) == "the value of SITE_PASSWORD"
