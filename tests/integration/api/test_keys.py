"""API keys: made, used, rotated, revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from support.fixtures.api import Api
from typer.testing import CliRunner
from vodflow.api.callers import INSTALLATION_ONLY, Scope
from vodflow.catalog.database import transaction
from vodflow.cli.api_keys import app as commands
from vodflow.errors import CatalogError, ConfigurationError
from vodflow.tenancy import api_keys

pytestmark = pytest.mark.integration


def me(api: Api, key: str, header: str = "x-api-key") -> tuple[int, dict]:
    value = f"Bearer {key}" if header == "Authorization" else key
    answer = api.client({header: value}).get("/api/v1/whoami")
    return answer.status_code, answer.json()


def column(name: str) -> object:
    with transaction("test") as connection:
        return connection.scalar(text(f"SELECT {name} FROM api_key"))  # noqa: S608 - names of this file


@pytest.mark.parametrize("header", ["x-api-key", "Authorization"])
def test_a_key_is_taken_in_both_places(api: Api, header: str) -> None:
    made = api.key({Scope.JOBS_READ}, "acme")
    assert me(api, made.text, header) == (
        200, {"kind": "api_key", "name": made.key.prefix, "tenant": "acme", "scopes": ["jobs:read"]},
    )  # fmt: skip


def test_the_key_itself_is_kept_nowhere(api: Api) -> None:
    made = api.key()
    assert made.text not in repr(made)
    with transaction("test") as connection:
        (row,) = connection.execute(text("SELECT * FROM api_key"))
    assert not any(made.text[-20:] in str(value) for value in row)


def test_whoever_has_half_a_key_has_none(api: Api) -> None:
    made = api.key()
    prefix, secret = made.text[3:].split("_")
    for wrong in (
        f"vf_{prefix}_{secret[:-1]}0" if secret[-1] != "0" else f"vf_{prefix}_{secret[:-1]}1",
        f"vf_{prefix}_{secret[:32]}",
        f"vf_{prefix}_{'0' * 64}",
        f"vf_{prefix}_{secret}0",
        f"vf_000000000000_{secret}",
        f"vf_{prefix}_",
        f"vf_{prefix}",
        f"VF_{prefix}_{secret}",
        f"vf_{prefix}_{secret}\x7f",
        "vf_" + "a" * 5000,
        "vf_%_%",
    ):
        assert me(api, wrong)[0] == 401, wrong
    assert me(api, made.text)[0] == 200


def test_use_is_noted_once_a_minute(api: Api) -> None:
    made = api.key()
    assert column("used_at") is None
    me(api, made.text)
    first = column("used_at")
    me(api, made.text)
    assert column("used_at") == first
    with transaction("test") as connection:
        connection.execute(text("UPDATE api_key SET used_at = used_at - interval '2 minutes'"))
    me(api, made.text)
    assert column("used_at") >= first


def test_a_key_ends(api: Api) -> None:
    made = api.key(expires_at=datetime.now(UTC) + timedelta(hours=1))
    assert me(api, made.text)[0] == 200
    with transaction("test") as connection:
        connection.execute(text("UPDATE api_key SET expires_at = now()"))
    assert me(api, made.text)[0] == 401
    revoked = api.key()
    for _ in range(2):
        with transaction("test") as connection:
            assert api_keys.revoke(connection, revoked.key.id).revoked_at is not None
    assert me(api, revoked.text)[0] == 401


def test_rotation_costs_nobody_a_request(api: Api) -> None:
    old = api.key({Scope.JOBS_READ}, "acme")
    with transaction("test") as connection:
        new = api_keys.rotate(connection, old.key.id, created_by="test", grace=timedelta(hours=1))
    assert (new.key.name, new.key.scopes, new.key.tenant) == (old.key.name, old.key.scopes, "acme")
    assert me(api, old.text)[0] == me(api, new.text)[0] == 200
    with transaction("test") as connection:
        was = api_keys.get(connection, old.key.id)
        assert was.replaced_by == new.key.id
        assert was.expires_at - datetime.now(UTC) <= timedelta(hours=1)
        with pytest.raises(CatalogError, match="successor"):
            api_keys.rotate(connection, old.key.id, created_by="test")
    with transaction("test") as connection:
        last = api_keys.rotate(connection, new.key.id, created_by="test", grace=timedelta())
    assert me(api, new.text)[0] == 401
    assert me(api, last.text)[0] == 200
    with transaction("test") as connection, pytest.raises(CatalogError, match="cannot be rotated"):
        api_keys.rotate(connection, new.key.id, created_by="test")


def test_a_rotated_key_lives_as_long_as_the_first(api: Api) -> None:
    old = api.key(expires_at=datetime.now(UTC) + timedelta(days=90))
    with transaction("test") as connection:
        new = api_keys.rotate(connection, old.key.id, created_by="test")
        shortened = api_keys.get(connection, old.key.id)
    assert timedelta(days=89) < new.key.expires_at - new.key.created_at < timedelta(days=91)
    assert shortened.expires_at < old.key.expires_at


def test_keys_are_listed_newest_first(api: Api) -> None:
    keys = [api.key(tenant=tenant).key.id for tenant in ("acme", None, "acme", "globex")]
    with transaction("test") as connection:
        assert [key.id for key in api_keys.list_keys(connection)] == keys[::-1]
        assert [key.id for key in api_keys.list_keys(connection, after=keys[2], limit=1)] == [keys[1]]
        assert [key.id for key in api_keys.list_keys(connection, tenant_slug="acme")] == [keys[2], keys[0]]


def test_an_answer_says_where_the_key_is_wherever_the_api_is_mounted(api: Api) -> None:
    for root in ("", "/vodflow-api"):
        client = api.client_as(root_path=root)
        made = client.post(f"{root}/api/v1/api-keys", json={"name": "a", "scopes": ["jobs:read"]})
        where = made.headers["location"]
        assert where == f"{root}/api/v1/api-keys/{made.json()['id']}"
        assert client.get(where).json()["name"] == "a"


def test_what_no_key_can_be_is_refused(api: Api) -> None:
    with transaction("test") as connection:
        for name, scopes, options in (
            (" ", ["jobs:read"], {}),
            ("x", [], {}),
            ("x", ["jobs:read"], {"expires_at": datetime.now(UTC)}),
        ):
            with pytest.raises(ConfigurationError):
                api_keys.create(connection, name, scopes, created_by="test", **options)
        with pytest.raises(CatalogError, match="no tenant"):
            api_keys.create(connection, "x", ["jobs:read"], created_by="test", tenant_slug="nobody")
        assert api_keys.get(connection, 99) is None
        assert api_keys.revoke(connection, 99) is None


def test_all_scopes_are_those_that_its_owner_can_have(api: Api) -> None:
    api.key({Scope.JOBS_READ}, "acme")  # makes the tenant
    for options, expected in (([], set(Scope)), (["--tenant", "acme"], set(Scope) - INSTALLATION_ONLY)):
        made = CliRunner().invoke(commands, ["create", "me", "--scopes", "all", *options])
        assert made.exit_code == 0, made.output
        _, answer = me(api, made.stdout.split()[-1])
        assert answer["scopes"] == sorted(expected)
