from __future__ import annotations

import asyncio
from typing import Any

import pytest
from local_mediaconvert.gate import Gate, names
from vodflow.errors import ConfigurationError

HERE = "127.0.0.1:4566"


def ask(host: str | None = HERE, kind: str = "http", **headers: str) -> int:
    """The status that a gate answers with; 200 is the application's own."""
    said: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def receive() -> Any:
        return {"type": "http.request" if kind == "http" else "websocket.connect", "body": b"x"}

    async def send(message: Any) -> None:
        said.append(message)

    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    given += [] if host is None else [(b"Host", host.encode())]
    scope = {"type": kind, "method": "GET", "path": "/", "headers": given}
    gate = Gate(
        application, hosts=["aws"], origins=["http://localhost:*", "https://www.example.com"],
        proven=lambda _, headers: headers.get("proof") == "good",
    )  # fmt: skip
    asyncio.run(gate(scope, receive, send))
    return int(said[0].get("status", said[0].get("code")))


@pytest.mark.parametrize(
    "host", [HERE, "localhost:4566", "LOCALHOST", "media.localhost:4566", "[::1]:4566", "10.0.0.7", "aws:4566", "AWS"]
)
def test_this_machine_has_these_names(host: str) -> None:
    assert ask(host) == 200


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", "evil.example:4566", "localhost.evil.example", "127.0.0.1.nip.io", "aws.evil", "[::1",
     "2130706433"],
)  # fmt: skip
def test_other_names_are_refused_though_they_lead_here(host: str | None) -> None:
    assert ask(host) == 403


@pytest.mark.parametrize(
    "origin", [f"http://{HERE}", f"https://{HERE}", "http://localhost:3000", "https://www.example.com"]
)
def test_its_own_pages_and_those_that_may_pass(origin: str) -> None:
    assert ask(Origin=origin) == 200


def test_a_proof_is_good_for_every_page_and_for_no_other_host() -> None:
    assert ask(Origin="null", Proof="good") == 200
    assert ask(Origin="null", Proof="bad") == 403
    assert ask("evil.example", Origin="null", Proof="good") == 403


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.example", "http://127.0.0.1:9", "http://www.example.com", "https://www.example.com.evil",
     "file://", "http://localhost.evil:1"],
)  # fmt: skip
def test_pages_from_elsewhere_are_refused(origin: str) -> None:
    assert ask(Origin=origin) == 403


def test_a_websocket_is_a_request_too() -> None:
    assert ask("evil.example", kind="websocket") == 1008


@pytest.mark.parametrize("text", ["aws", '"aws"', "[1]", "{"])
def test_a_list_that_is_none_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VODFLOW_LOCAL_HOSTS", text)
    with pytest.raises(ConfigurationError, match="VODFLOW_LOCAL_HOSTS must be a JSON list of names"):
        names("VODFLOW_LOCAL_HOSTS")
