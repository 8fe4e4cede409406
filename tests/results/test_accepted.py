"""Each fault of results/accepted.json is found, with its line and what to type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalctl.check.schema import schema_of, validator
from evalctl.cli import main
from evalctl.results.accepted import faults
from evalctl.results.proof import KEYS

GOOD = {"path": "results/a/b/result.json", "fingerprint": "0" * 64, "by": "me", "why": "measured on paper"}


def said(content: bytes) -> list[tuple[int, str]]:
    """Line and message of each finding."""
    return [(one.span.line, one.message) for one in faults(content)]


def test_a_good_file_has_no_finding() -> None:
    """As `evalctl results accept` writes it."""
    assert faults(json.dumps([GOOD], indent=1).encode()) == [] == faults(b"[]")


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"", 1, "not JSON"), (b"[\n{,\n]", 2, "not JSON"), (b"\xff", 1, "cannot be read"), (b"[" * 5000, 1, "nested too deeply"),
        (b"{}", 1, "not a list"), (b"[\n\n1]", 3, "not an object"), (b"[NaN]", 1, "NaN is not a number"),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_found(content: bytes, line: int, why: str) -> None:
    """At its line; and it says that nothing is accepted by it."""
    ((found, message), *_) = said(content)
    assert found == line and why in message and "accepts nothing" in message


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"whi": "x"}, "no key `whi`"), ({"by": 1}, "`by` is not a text"), ({"why": ""}, "`why` is not a text"),
        ({"path": ["x"]}, "`path` is not a text"), ({"path": "results/../.env/result.json"}, "not the path of a result"),
        ({"path": "/results/a/result.json"}, "not the path of a result"), ({"path": "results/a/README.md"}, "not the path of a result"),
        ({"fingerprint": "f"}, "`fingerprint` is not one"),
    ],
)  # fmt: skip
def test_a_row_of_another_form_is_found(more: dict[str, object], why: str) -> None:
    """At the line where the row begins, with what to type."""
    second = {**GOOD, "path": "results/c/d/result.json", **more}
    (found,) = faults(f"[\n{json.dumps(GOOD)},\n{json.dumps(second)}]".encode())
    assert found.span.line == 3 and why in found.message and found.help


def test_a_path_with_two_rows_is_found() -> None:
    """Which of the two counts would be chance."""
    assert said(f"[{json.dumps(GOOD)},\n{json.dumps(GOOD)}]".encode())[0][0] == 2


def test_plain_check_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --base as well; a link is not followed."""
    (tmp_path / "manifests/requests").mkdir(parents=True)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/accepted.json").write_text("{")
    assert main(["--repo", str(tmp_path), "check"]) == 1
    assert "results/accepted.json:1" in capsys.readouterr().out
    (tmp_path / "results/accepted.json").unlink()
    (tmp_path / "results/accepted.json").symlink_to("/etc/hostname")
    assert main(["--repo", str(tmp_path), "check"]) == 1


@pytest.mark.parametrize(
    "row",
    [
        {}, {"path": "results/../.env/result.json"}, {"path": "results/a/./result.json"},
        {"path": "results/a/README.md"}, {"fingerprint": "f"}, {"fingerprint": "0" * 64 + "\n"}, {"by": ""}, {"why": 1}, {"more": "x"},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_check_refuses(row: dict[str, object]) -> None:
    """An editor that knows schema/accepted.schema.json marks the same rows."""
    document = [{**GOOD, **row}]
    assert validator("accepted").is_valid(document) == (not faults(json.dumps(document).encode())) == (row == {})
    assert {*schema_of("accepted")["$defs"]["AcceptedResult"]["properties"]} == KEYS
