"""A team's Airflow, really started: what a viewer, an operator and an admin may do.

Slow for what it is, since each of Airflow's processes takes seconds to import: one server for the whole module.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.fixtures.parts import RunningPart
from support.fixtures.postgres import TestPostgres
from support.openid_realm import OpenIdRealm
from vodflow.stack.home import REPOSITORY, Home
from vodflow.stack.part import Part
from vodflow.stack.ports import choose_ports

#: Each of Airflow's processes imports for seconds, on a busy machine for many.
pytestmark = [pytest.mark.integration, pytest.mark.airflow, pytest.mark.soak, pytest.mark.timeout(900)]

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
ROLES = {"viewer": "Viewer", "operator": "Op", "admin": "Admin"}
#: As compose's `init` does, and then as a person who runs `airflow users create` for colleagues.
PREPARE = f"""
import sys
sys.path.insert(0, {str(REPOSITORY / "scripts")!r})
import prepare_airflow
prepare_airflow.main([])
if len(sys.argv) > 1:
    prepare_airflow.main([])  # each start of a deployment begins with it
    prepare_airflow.keep_account("viewer", "Viewer", "viewer's word")
    prepare_airflow.keep_account("operator", "Op", "operator's word")
"""
PASSWORDS = {"viewer": "viewer's word", "operator": "operator's word", "admin": "admin's word"}


@pytest.fixture(scope="module")
def environment(postgres: TestPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a team's Airflow whose database was a single machine's before."""
    folder = tmp_path_factory.mktemp("team")
    database = postgres.create()
    port = choose_ports(["airflow"], folder)["airflow"]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.url(database),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": "s" * 64,
        "AIRFLOW__API_AUTH__JWT_SECRET": "j" * 64,
        "AIRFLOW__FAB__CONFIG_FILE": str(REPOSITORY / "deploy" / "airflow" / "webserver_config.py"),
        "AIRFLOW_ADMIN_PASSWORD": PASSWORDS["admin"],
    }
    prepare(environment)
    environment["AIRFLOW__CORE__AUTH_MANAGER"] = FAB
    prepare(environment, "colleagues")
    yield environment
    postgres.drop(database)


@pytest.fixture(scope="module")
def address(environment: dict[str, str], stack_home: Home) -> Iterator[str]:
    """An API server."""
    url = environment["AIRFLOW__API__BASE_URL"]
    part = Part(
        name="team-api-server",
        argv=(sys.executable, "-m", "airflow", "api-server"),
        environment=environment,
        folder=Path(environment["AIRFLOW_HOME"]),
        check=lambda _: None,
    )
    running = RunningPart(part, stack_home, lambda: httpx.get(f"{url}/api/v2/version", timeout=30).raise_for_status())
    try:
        running.start(patience=400)
        yield url
    finally:
        running.stop()


#: A browser's way through Airflow's own log-in pages, and what Airflow then knows of whoever came.
LOG_IN = """
import json, sys
import httpx
from airflow.providers.fab.www.app import create_app
app = create_app(enable_plugins=False)
found = []
for person in sys.argv[1:]:
    browser = app.test_client()
    there = browser.get("/login/keycloak").headers["Location"]
    back = httpx.get(f"{there}&person={person}", timeout=30).headers["Location"]
    browser.get(back.partition("://localhost")[2])
    with app.app_context():
        user = app.appbuilder.sm.find_user(username=person)
        found.append(sorted(role.name for role in user.roles) if user else None)
print(json.dumps(found))
"""


def prepare(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", PREPARE, *arguments], env=environment, check=True, timeout=400)


@pytest.fixture(scope="module")
def clients(address: str) -> Iterator[dict[str, httpx.Client]]:
    """Each person's calls, with a token that Airflow gave for name and password."""
    opened = {}
    for name, password in PASSWORDS.items():
        answer = httpx.post(f"{address}/auth/token", json={"username": name, "password": password}, timeout=60)
        assert answer.status_code == 201, f"{name}: {answer.text}"
        token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        opened[name] = httpx.Client(base_url=address, headers=token, timeout=60)
    yield opened
    for client in opened.values():
        client.close()


def may(client: httpx.Client, method: str, path: str, body: object = None) -> bool:
    answer = client.request(method, path, json=body)
    assert answer.status_code in {200, 201, 204, 403, 404, 409, 422}, answer.text
    return answer.status_code != 403


POOL = {"name": "vodflow_local", "slots": 3, "description": "x", "include_deferred": False}
#: What → who may.
RIGHTS = {
    ("GET", "/api/v2/dags"): {"viewer", "operator", "admin"},
    ("GET", "/api/v2/dags/transcode_video/dagRuns"): {"viewer", "operator", "admin"},
    ("POST", "/api/v2/dags/transcode_video/dagRuns"): {"operator", "admin"},
    ("PATCH", "/api/v2/dags/transcode_video/dagRuns/source-1"): {"operator", "admin"},
    ("POST", "/api/v2/dags/transcode_video/clearTaskInstances"): {"operator", "admin"},
    ("PATCH", "/api/v2/pools/vodflow_local"): {"operator", "admin"},
    ("GET", "/api/v2/connections"): {"operator", "admin"},
    ("GET", "/api/v2/variables"): {"operator", "admin"},
    ("GET", "/api/v2/eventLogs"): {"admin"},
    ("GET", "/auth/fab/v1/users"): {"admin"},
}
BODIES = {
    "/api/v2/dags/transcode_video/dagRuns": {"logical_date": None},
    "/api/v2/dags/transcode_video/dagRuns/source-1": {"state": "failed"},
    "/api/v2/dags/transcode_video/clearTaskInstances": {"dag_run_id": "source-1"},
    "/api/v2/pools/vodflow_local": POOL,
}


@pytest.mark.parametrize(("method", "path"), RIGHTS)
def test_who_may_do_what(method: str, path: str, clients: dict[str, httpx.Client]) -> None:
    body = BODIES.get(path) if method != "GET" else None
    assert {name for name, client in clients.items() if may(client, method, path, body)} == RIGHTS[method, path]


def test_nobody_else_gets_in(address: str, tmp_path: Path) -> None:
    wrong = {"username": "operator", "password": "wrong"}
    assert httpx.post(f"{address}/auth/token", json=wrong, timeout=60).status_code == 401
    assert httpx.get(f"{address}/api/v2/dags", timeout=60).status_code == 401


def test_groups_of_a_realm_make_roles(environment: dict[str, str]) -> None:
    """Beside ``Public``, which may do nothing and which everybody of a realm has."""
    operators = ["staff", "vodflow-operators"]
    people = {"ann": [["vodflow-viewers"]], "ben": [operators, ["vodflow-viewers"]], "cat": [["vodflow-admins"]]}
    with OpenIdRealm({**people, "dan": [["staff"]]}) as realm:
        variables = {
            **environment,
            "AIRFLOW_KEYCLOAK_REALM": f"{realm.url}/",
            "AIRFLOW_KEYCLOAK_CLIENT_ID": realm.CLIENT,
            "AIRFLOW_KEYCLOAK_CLIENT_SECRET": realm.SECRET,
        }
        roles = log_in(variables, "ann", "ben", "cat", "dan", "ben")
        assert roles == [["Public", "Viewer"], ["Op", "Public"], ["Admin", "Public"], ["Public"], ["Public", "Viewer"]]
        assert log_in({**variables, "AIRFLOW_KEYCLOAK_CLIENT_SECRET": "wrong"}, "eve") == [None]


def log_in(environment: dict[str, str], *people: str) -> list[list[str] | None]:
    command = [sys.executable, "-c", LOG_IN, *people]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
