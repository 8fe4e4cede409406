"""The relay's command line, as a job's script writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalctl_job.relay_options import parser

LEAST = ["--listen-port-file", "port", "--state", "state", "--upstream", "https://api.example/v1"]


def test_the_least_that_is_said_leaves_the_rest_to_the_relay() -> None:
    """Ten minutes and twenty tries for a request, a limit that adapts, no limit of time for one try."""
    assert vars(parser().parse_args(LEAST)) == {
        "listen_port_file": Path("port"), "state": Path("state"), "upstream": "https://api.example/v1", "upstream_file": None,
        "key_variable": None, "health": None, "health_path": "/health", "admit": None, "admit_most": 4096, "patience": 600.0, "tries": 20,
        "timeout": None, "exit_with_parent": False, "listen_fd": None,
    }  # fmt: skip


@pytest.mark.parametrize("missing", ["--listen-port-file", "--state", "--upstream"])
def test_without_one_of_three_there_is_no_relay(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names it."""
    at = LEAST.index(missing)
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([*LEAST[:at], *LEAST[at + 2 :]])
    assert ended.value.code == 2 and missing in capsys.readouterr().err


def test_the_server_is_named_once() -> None:
    """By its address, or by a file that will have it."""
    assert parser().parse_args([*LEAST[:4], "--upstream-file", "upstream"]).upstream_file == Path("upstream")
    with pytest.raises(SystemExit):
        parser().parse_args([*LEAST, "--upstream-file", "upstream"])


@pytest.mark.parametrize(("word", "limit"), [("auto", None), ("1", 1), ("2", 2), ("128", 128)])
def test_a_limit_is_a_number_or_adapts(word: str, limit: int | None) -> None:
    """From one on."""
    assert parser().parse_args([*LEAST, "--admit", word]).admit == limit


@pytest.mark.parametrize("word", ["0", "-1", "1.5", "", "all", "b", "Auto"])
def test_anything_else_is_no_limit(word: str) -> None:
    """It is refused before anything is asked."""
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([*LEAST, f"--admit={word}"])
    assert ended.value.code == 2
