from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
from vodflow.errors import StackError
from vodflow.stack.airflow import write_password_file
from vodflow.stack.config import ACCOUNTS, load_config, prepare_config, write_private
from vodflow.stack.environment import password_file
from vodflow.stack.home import Home
from vodflow.stack.ports import HOST


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "state")


def test_identity_ports_and_secrets_are_made_once(home: Home) -> None:
    first = prepare_config(home)
    assert prepare_config(home) == first == load_config(home)
    assert set(first.ports) == {"postgres", "aws", "airflow", "mediaconvert", "api"}


def test_secrets_differ_between_stacks_and_no_representation_shows_them(home: Home, tmp_path: Path) -> None:
    config, other = prepare_config(home), prepare_config(Home(tmp_path / "other"))
    for name, secret in vars(config.secrets).items():
        assert len(secret) >= 16
        assert secret != getattr(other.secrets, name)
        assert secret not in repr(config)
    assert re.fullmatch(r"[0-9a-f]{64}", config.secrets.jwt_secret)


def test_only_the_owner_can_read_the_file(home: Home) -> None:
    prepare_config(home)
    assert home.config_file.stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_replaced_and_remembered(home: Home) -> None:
    before = prepare_config(home)
    with socket.socket() as server:
        server.bind((HOST, before.ports["airflow"]))
        server.listen()
        after = prepare_config(home)
    assert after.ports["airflow"] != before.ports["airflow"]
    assert after.secrets == before.secrets
    assert load_config(home) == after


def test_keys_come_to_a_stack_of_an_earlier_version_and_stay(home: Home) -> None:
    prepare_config(home)
    stored = json.loads(home.config_file.read_text())
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        del stored["secrets"][name]
    home.config_file.write_text(json.dumps(stored))
    after = prepare_config(home)
    assert after.secrets.fernet_key == stored["secrets"]["fernet_key"]
    assert load_config(home).keys == after.keys == prepare_config(home).keys


def test_a_viewer_and_an_operator_come_to_a_stack_of_an_earlier_version(home: Home) -> None:
    prepare_config(home)
    stored = json.loads(home.config_file.read_text())
    del stored["secrets"]["viewer_password"], stored["secrets"]["operator_password"]
    home.config_file.write_text(json.dumps(stored))
    after = prepare_config(home)
    assert after.passwords["admin"] == stored["secrets"]["admin_password"]
    assert set(after.passwords) == set(ACCOUNTS)
    assert len(set(after.passwords.values())) == len(ACCOUNTS)
    assert load_config(home).passwords == after.passwords
    write_password_file(home, after)
    assert json.loads(password_file(home).read_text()) == after.passwords


def test_a_stack_that_never_ran_says_what_to_do(home: Home) -> None:
    with pytest.raises(StackError, match="make up"):
        load_config(home)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"stack_id": "x", "ports": {}, "secrets": {"odd": 1}})])
def test_a_damaged_file_is_named(home: Home, text: str) -> None:
    home.root.mkdir()
    home.config_file.write_text(text)
    with pytest.raises(StackError, match=r"stack\.json is damaged"):
        load_config(home)


def test_passwords_are_quoted_in_database_urls(home: Home) -> None:
    config = prepare_config(home)
    url = config.database_url("vodflow", "postgresql")
    assert url == (
        f"postgresql://vodflow:{config.secrets.catalog_password}@127.0.0.1:{config.ports['postgres']}/vodflow"
    )


def test_a_private_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("a longer text than the next")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
