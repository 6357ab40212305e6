from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest
from support.fixtures.parts import new_root
from vodflow.errors import StackError
from vodflow.stack import ports
from vodflow.stack.config import PORT_NAMES
from vodflow.stack.ports import choose_ports, is_free

HERE, THERE = Path("/srv/a/.vodflow"), Path("/srv/b/.vodflow")
NAMES = ("postgres", "aws", "airflow")


def listen(port: int) -> socket.socket:
    server = socket.socket()
    server.bind((ports.HOST, port))
    server.listen()
    return server


def test_ports_are_distinct_free_and_below_the_ephemeral_range() -> None:
    chosen = choose_ports(NAMES, HERE)
    assert len(set(chosen.values())) == len(NAMES)
    assert all(is_free(port) for port in chosen.values())
    assert all(ports.FIRST_PORT <= port <= ports.LAST_PORT < 32_768 for port in chosen.values())


def test_two_checkouts_start_at_different_places() -> None:
    assert not set(choose_ports(NAMES, HERE).values()) & set(choose_ports(NAMES, THERE).values())


def test_remembered_ports_are_kept() -> None:
    remembered = choose_ports(NAMES, THERE)
    assert choose_ports(NAMES, HERE, remembered) == remembered


def test_a_remembered_port_that_was_taken_is_replaced_and_the_others_stay() -> None:
    remembered = choose_ports(NAMES, HERE)
    with listen(remembered["aws"]):
        again = choose_ports(NAMES, HERE, remembered)
    assert again["aws"] not in remembered.values()
    assert {**again, "aws": remembered["aws"]} == remembered


def test_a_port_that_is_listened_on_is_not_free() -> None:
    port = choose_ports(["one"], HERE)["one"]
    with listen(port):
        assert not is_free(port)
        assert choose_ports(["one"], HERE)["one"] != port
    assert is_free(port)


def test_no_port_left_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "LAST_PORT", ports.FIRST_PORT + 1)
    with pytest.raises(StackError, match="No free port between 20000 and 20001"):
        choose_ports(NAMES, HERE)


def test_a_state_folder_with_ports_of_a_thousand_is_found_or_there_is_no_such_thousand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    root = new_root("state-", 11)
    assert all(31_000 <= port <= ports.LAST_PORT for port in choose_ports(PORT_NAMES, root).values())
    with pytest.raises(RuntimeError, match=r"between 32000 and 32999\. Give a thousand from 0 to 11"):
        new_root("state-", 12)
    assert list(tmp_path.iterdir()) == [root]
