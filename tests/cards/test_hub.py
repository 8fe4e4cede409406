"""Cards of models on the Hub, read from a real HTTP server that behaves like it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hub_server import HubServer, sha_of

from evalctl.cards import read_folder, read_hub
from evalctl.cards.hub import PUBLIC_HUB, endpoint_of
from evalctl.shell import EnvironmentProblem, Unreachable

from .conftest import PARAMETERS, files, safetensors, write_model

PLACE = {"path", "revision", "source", "gated", "read_at"}


def test_hub_and_folder_say_the_same(hub: HubServer, tmp_path: Path) -> None:
    """The same files make the same facts wherever they lie."""
    here = read_folder(write_model(tmp_path / "copy", files()), "pub/tiny")
    there = read_hub("pub/tiny", None)
    assert here.model_dump(exclude=PLACE) == there.model_dump(exclude=PLACE)
    assert (there.revision, there.source, there.path, there.gated) == (sha_of("pub/tiny"), "hub", None, False)


@pytest.mark.parametrize(("obeys", "most"), [(True, 100_000), (False, 32_000_000)])
def test_of_the_weights_only_the_header_is_read(hub: HubServer, obeys: bool, most: int) -> None:
    """Gigabytes stay where they are; a server that takes no notice of Range is hung up on."""
    hub.obeys_range = obeys
    hub.models["pub/tiny"]["model.safetensors"] = safetensors() + bytes(128_000_000)
    card = read_hub("pub/tiny", None)
    hub.close()
    taken = [size for host, _, _, size in hub.log if host == "store"]
    assert card.parameters == PARAMETERS
    assert card.weight_bytes == len(safetensors()) + 128_000_000
    assert 0 < sum(taken) < most


def test_the_count_that_the_hub_knows_is_taken(hub: HubServer) -> None:
    """With the Hub's own count no shard but the first is looked into."""
    hub.listed_parameters = 123
    assert read_hub("pub/tiny", None).parameters == 123


def test_the_token_does_not_follow_to_another_host(hub: HubServer) -> None:
    """The store behind the redirect never sees the token; the Hub does."""
    read_hub("pub/tiny", "member")
    assert {token for host, _, token, _ in hub.log if host == "front"} == {"member"}
    assert {token for host, _, token, _ in hub.log if host == "store"} == {None}


def test_a_gated_model_can_be_read_with_access(hub: HubServer) -> None:
    """The card says that the model is gated."""
    hub.gated.add("pub/tiny")
    assert read_hub("pub/tiny", "member").gated


@pytest.mark.parametrize(
    ("token", "says"),
    [(None, "is gated, and HF_TOKEN is not set"), ("stranger", "the account of HF_TOKEN has no access")],
)
def test_a_gated_model_without_access_names_licence_and_token(hub: HubServer, token: str | None, says: str) -> None:
    """The remedy is a page to open and a variable to set; the token itself is not repeated."""
    hub.gated.add("pub/tiny")
    with pytest.raises(EnvironmentProblem, match=says) as caught:
        read_hub("pub/tiny", token)
    assert f"{hub.endpoint}/pub/tiny" in caught.value.help
    assert "HF_TOKEN" in caught.value.help
    assert "stranger" not in caught.value.message + caught.value.help


def test_an_unknown_model_is_a_spelling_to_check(hub: HubServer) -> None:
    """The Hub answers 401 for names it does not know (and for private ones)."""
    with pytest.raises(
        EnvironmentProblem, match="there is no model `pub/tinny` on the Hub, or it is private"
    ) as caught:
        read_hub("pub/tinny", None)
    assert "check the spelling" in caught.value.help


@pytest.mark.parametrize("name", ["v1.0", "refs/pr/3"])
def test_a_tag_or_branch_is_recorded_as_its_commit(hub: HubServer, name: str) -> None:
    """What is measured is a commit, whatever moves later."""
    hub.names[name] = sha_of("pub/tiny")
    assert read_hub("pub/tiny", None, revision=name).revision == sha_of("pub/tiny")


def test_an_unknown_revision_is_named(hub: HubServer) -> None:
    """A revision that is not there is no other revision."""
    assert read_hub("pub/tiny", None, revision=sha_of("pub/tiny")).revision == sha_of("pub/tiny")
    with pytest.raises(EnvironmentProblem, match="no such revision"):
        read_hub("pub/tiny", None, revision="f" * 40)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_hub_is_tried_again_later(hub: HubServer, status: int) -> None:
    """What may pass is Unreachable (exit 4), not the user's mistake."""
    hub.refuse = status
    with pytest.raises(Unreachable) as caught:
        read_hub("pub/tiny", None)
    assert "later" in caught.value.help or "minutes" in caught.value.help


def test_a_refused_token_is_said(hub: HubServer) -> None:
    """401 with a token and without a reason means the token."""
    hub.refuse = 401
    with pytest.raises(EnvironmentProblem, match="refuses HF_TOKEN"):
        read_hub("pub/tiny", "member")


def test_no_network_is_unreachable(monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    """Nothing listens: the message names the host and the way without a network."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}") as caught:
        read_hub("pub/tiny", None)
    assert "evalctl lock NAME --path FOLDER" in caught.value.help


def test_another_kind_of_server_is_recognised(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's welcome page is not taken for a model."""
    monkeypatch.setattr(HubServer, "answer", lambda *_: (200, {}, b"<html>welcome</html>"))
    with pytest.raises(EnvironmentProblem, match="does not answer like the Hugging Face Hub"):
        read_hub("pub/tiny", None)


@pytest.mark.parametrize(
    "address",
    ["mirror.example", "https://", "https://h:0", "https://h:99999", "https://h:x", "https://[::1", "https://ｈ", "https://..h", "https://a b",
     "ftp://mirror.example", "file:///etc", "https://h?x=1", "https://h#x", "https://me:word@h", "https://h\r\nX: y", "https://h\x00"],
)  # fmt: skip
def test_an_address_that_is_none_is_said_before_anything_is_sent(address: str) -> None:
    """HF_ENDPOINT comes from a shell or .env: never a bug of evalctl, never a file, and a password in it is not shown."""
    with pytest.raises(EnvironmentProblem, match="HF_ENDPOINT is not a valid base address") as problem:
        endpoint_of({"HF_ENDPOINT": address})
    assert "word" not in f"{problem.value.message}{problem.value.help}"


def test_the_public_hub_is_asked_where_no_mirror_is_named() -> None:
    """A slash at the end, as people write it, is no other address."""
    assert {endpoint_of({}), endpoint_of({"HF_ENDPOINT": ""}), endpoint_of({"HF_ENDPOINT": f"{PUBLIC_HUB}/"})} == {
        PUBLIC_HUB
    }
    assert endpoint_of({"HF_ENDPOINT": "http://127.0.0.1:8080/hub"}) == "http://127.0.0.1:8080/hub"
