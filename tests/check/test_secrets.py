"""Secret-shaped text: found in any surroundings, never repeated; prose and names are left alone."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec.literate import EXAMPLE, repository

from evalctl import report
from evalctl.check.secrets import secrets_in
from evalctl.pipeline.project import Project
from evalctl.secret_shapes import redacted, secret_shapes
from evalctl.sync.secrets import hidden
from evalctl_job import key_shapes

# Assembled here, so that no scanner takes this file for a leak. Shapes as the providers issue them; none is a key.
SECRETS = {
    "an API key": ["sk-" + "proj-" + "aB3dE6gH9" * 4, "sk-" + "ant-api03-" + "Zy9_x-W8v" * 4, "sk-" + "0123456789abcdef" * 2, "sk-" + "or-v1-" + "0a1b" * 16,
                   "gs" + "k_" + "aB3dE6gH9" * 5, "xa" + "i-" + "aB3dE6gH9" * 8, "nva" + "pi-" + "aB3dE6gH9_" * 6, "r8" + "_" + "aB3dE6gH9" * 4,
                   "glp" + "at-" + "aB3dE6gH9xYz12345678", "pp" + "lx-" + "a1b2c3d4e5f6" * 4, "xo" + "xb-" + "123456789012-aB3dE6gH9xYz"],
    "a signed token (JWT)": ["ey" + "JhbGciOiJIUzI1NiJ9" + ".ey" + "JzdWIiOiIxMjM0NSJ9" + ".dBjftJeZ4CVP_mB92K27uhbUJU1p1r_wW1g"],
    "a Hugging Face token": ["hf_" + "aBcDeFgHiJ" * 3 + "KlMn"],
    "a GitHub token": ["gh" + "p_" + "a1B2c3D4e5" * 4, "gh" + "s_" + "a1B2c3D4e5" * 4, "github" + "_pat_" + "11ABCDEFG0" + "a1B2c3D4e5" * 4],
    "a Google key": ["AI" + "zaSy" + "A0b1C2d3E4" * 3 + "_-x"],
    "an AWS key": ["AK" + "IA" + "ABCDEFGH01234567", "AS" + "IA" + "ABCDEFGH01234567"],
    "a private key": ["-----BEGIN" + " OPENSSH PRIVATE KEY-----", "-----BEGIN" + " PRIVATE KEY-----"],
}  # fmt: skip
ALL = [(kind, text) for kind, texts in SECRETS.items() for text in texts]

PROSE = [
    "task-force-for-evaluating-language-models-2026", "risk-adjusted-evaluation-of-models-2026", "sk-learn-compatible-evaluator-2",
    "desk-" + "a1" * 20, "hf_transformers_backend_server_v2", "hf_transformersbackendserver", "sk-", "hf_", "ghp_short", "AKIA",
    "0123456789abcdef" * 4, "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5",
    "OPENAI_API_KEY", "the key begins with sk- and is in .env", "-----BEGIN PUBLIC KEY-----", "ＡＫＩＡ", "AKIAABCDEFGH0123456789",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "secret"), ALL)
@pytest.mark.parametrize("around", ["{}", "reason: {}", "'{}'", "鍵は{}です", "KEY={}\n", "x:\n  - {}", "# {}."])
def test_a_secret_is_found_wherever_it_stands(kind: str, secret: str, around: str) -> None:
    """In quotes, comments, assignments and Japanese sentences; the place is exactly the secret."""
    text = around.format(secret)
    ((line, column, end, found),) = secret_shapes(text)
    assert found == kind
    assert text.split("\n")[line - 1][column - 1 : end - 1] == secret


@pytest.mark.parametrize("text", PROSE)
def test_prose_and_names_are_no_secrets(text: str) -> None:
    """A false alarm teaches people to ignore the true one."""
    assert secret_shapes(text) == []
    assert redacted(text) == text


@given(st.lists(st.sampled_from([text for _, text in ALL]) | st.text(max_size=10), max_size=5).map(" ".join))
def test_redacted_text_has_no_secret_and_keeps_its_length(text: str) -> None:
    """Letter for letter, so that carets stay where they were."""
    hidden = redacted(text)
    assert len(hidden) == len(text)
    assert secret_shapes(hidden) == []


@pytest.mark.parametrize("form", report.FORMATS)
@pytest.mark.parametrize(("kind", "secret"), ALL)
def test_no_form_of_a_finding_repeats_the_secret(kind: str, secret: str, form: str, tmp_path: Path) -> None:
    """Neither the finding about it nor another one about the same line."""
    text = (
        f"model: {secret}\nservice: '{secret}'\n{secret[:60]!r}: 1\ntasks: [x, '{secret}']\nconcurrency: '{secret}'\n"
    )
    root = repository(tmp_path, {EXAMPLE: text.encode()})
    out = io.StringIO()
    report.show(Project(root).check()[1], root, form, out)
    assert "secret-in-manifest" in out.getvalue()
    assert secret not in out.getvalue()


def test_each_secret_is_its_own_finding() -> None:
    """Two on one line are two."""
    first, second = SECRETS["an AWS key"][0], SECRETS["a GitHub token"][0]
    found = secrets_in("f", f"{first} {second}\n{first}")
    assert [(one.span.line, one.span.column) for one in found] == [(1, 1), (1, 22), (2, 1)]


@pytest.mark.parametrize("secret", [text for _, text in ALL])
def test_no_shape_passes_in_the_words_of_a_provider(secret: str) -> None:
    """Every kind that manifests may not hold is hidden in error texts, too, and so is one that is shortened or masked."""
    masked = [f"key={secret[:12]}{'*' * 6}{secret[-4:]}"] if not secret.startswith(("ey", "---")) else []
    for text in (secret, f"Bearer {secret}", *masked):
        assert secret[:12] not in key_shapes.without_shapes(f"wrong: {text}, see the page")


KNOWN = "Zq7/p+W=9 x'\"k&T4mLw0Rr"  # of no shape at all
JOINED = KNOWN.replace(" ", "")


@pytest.mark.parametrize(
    "echo",
    [
        KNOWN, quote(KNOWN), quote(KNOWN, safe=""), quote_plus(KNOWN), json.dumps(KNOWN), json.dumps(KNOWN).replace("/", "\\/"),
        html.escape(KNOWN), repr(KNOWN), KNOWN[::-1], KNOWN.encode().hex(), KNOWN.upper(), base64.b64encode(KNOWN.encode()).decode(),
        base64.b64encode(f"user:{KNOWN}".encode()).decode(), base64.urlsafe_b64encode(f"u:{KNOWN}!".encode()).decode(),
        quote(quote(KNOWN, safe=""), safe=""), base64.b32encode(KNOWN.encode()).decode(), base64.b85encode(KNOWN.encode()).decode(),
        "".join(f"\\u{ord(letter):04x}" for letter in KNOWN), KNOWN.lower(),
        f"{KNOWN[:10]}\n│ {KNOWN[10:]}", f"{KNOWN[:4]}***{KNOWN[-4:]}", f"{KNOWN[:4]}...{KNOWN[-4:]}", f"********{KNOWN[-4:]}",
    ],
)  # fmt: skip
def test_a_known_secret_is_hidden_in_whatever_form_it_is_echoed(echo: str) -> None:
    """Quoted, encoded, reversed, in capitals, broken over lines, masked: its letters are gone, the words around stay."""
    shown = hidden(f"refused: {echo} (code 7)", {"LAB_API_KEY": KNOWN, "LAB_NAME": "refused: "})
    assert key_shapes.HIDDEN in shown and shown.startswith("refused: ") and shown.endswith("(code 7)")
    assert not any(part in shown for part in (KNOWN[:5], KNOWN[-4:], KNOWN[::-1][:5], JOINED[5:10]))


@pytest.mark.parametrize(
    "echo",
    [
        re.sub("%..", lambda code: code[0].lower(), quote(KNOWN, safe="")), KNOWN.encode().hex().upper(), KNOWN.upper(), KNOWN.lower(),
        quote(quote(KNOWN, safe=""), safe=""), base64.b32encode(KNOWN.encode()).decode().rstrip("="),
    ],
)  # fmt: skip
def test_the_forms_in_an_answer_are_exact_ones(echo: str) -> None:
    """An answer is searched for them letter by letter, since what only looks like a key is the model's own."""
    assert echo in key_shapes.forms(KNOWN)
