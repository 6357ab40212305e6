"""What docker-compose.yaml, the Dockerfile and .env say, without a container engine."""

from __future__ import annotations

import base64
import fnmatch
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from vodflow.settings import Settings
from vodflow.stack.aws import aws_part
from vodflow.stack.config import prepare_config
from vodflow.stack.environment import ACCOUNT, EVENT_QUEUE, MEDIACONVERT_QUEUE, TUNED, airflow_variables
from vodflow.stack.heartbeats import JOBS
from vodflow.stack.home import REPOSITORY, Home
from vodflow.stack.postgres import _SETTINGS as POSTGRES_SETTINGS

COMPOSE = REPOSITORY / "docker-compose.yaml"
TEAM = REPOSITORY / "deploy" / "compose"
#: What COMPOSE_FILE of .env may name.
SETS = {
    "alone": (COMPOSE,),
    "team": (COMPOSE, TEAM / "team.yaml"),
    "main": (COMPOSE, TEAM / "team.yaml", TEAM / "team-main.yaml"),
    "worker": (COMPOSE, TEAM / "team.yaml", TEAM / "team-worker.yaml"),
}
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text("utf-8")
EXAMPLE = REPOSITORY / "deploy" / "compose" / "env.example"
MAKE_ENV = REPOSITORY / "deploy" / "compose" / "make-env.sh"
SECRETS = {
    "POSTGRES_PASSWORD",
    "AIRFLOW_DB_PASSWORD",
    "VODFLOW_DB_PASSWORD",
    "VODFLOW_ANALYST_PASSWORD",
    "AIRFLOW_ADMIN_PASSWORD",
    "AIRFLOW_OPERATOR_PASSWORD",
    "AIRFLOW_VIEWER_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_SESSION_SECRET",
    "AIRFLOW_JWT_SECRET",
    "REDIS_PASSWORD",
    "VODFLOW_SEALING_KEYS",
    "VODFLOW_PLAYBACK_KEYS",
}
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "init")

#: Settings that the containers fix, or that only the command line needs.
FIXED = {"catalog_url", "aws_endpoint_url", "work_dir", "profiles_dir", "sealing_keys", "playback_keys"}
COMMANDS_ONLY = {"airflow_url", "airflow_token", "airflow_user", "airflow_password", "analyst_password"}


class Reset:
    """Compose's ``!reset``: what an earlier file said is gone."""


class Loader(yaml.SafeLoader):
    """Compose's YAML."""


Loader.add_constructor("!reset", lambda *_: Reset())


def merged(old: Any, new: Any) -> Any:
    """What Compose makes of a value in one file and the same one in the next."""
    if isinstance(old, dict) and isinstance(new, dict):
        both = {**old, **{name: merged(old.get(name), value) for name, value in new.items()}}
        return {name: value for name, value in both.items() if not isinstance(value, Reset)}
    return [*old, *new] if isinstance(old, list) and isinstance(new, list) else new


def load(files: tuple[Path, ...]) -> dict[str, Any]:
    """The whole of what ``COMPOSE_FILE`` names."""
    whole: dict[str, Any] = {}
    for path in files:
        document = yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506 - a safe loader's child
        for name, service in document["services"].items():
            for replaced in {"command", "healthcheck"} & set(service):  # lists there are no collections
                whole.get("services", {}).get(name, {}).pop(replaced, None)
        whole = merged(whole, document)
    return whole


@pytest.fixture(scope="module", params=SETS)
def compose(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def services(compose: str) -> dict[str, dict[str, Any]]:
    return load(SETS[compose])["services"]


def interpolated() -> dict[str, str]:
    """Each variable of the compose files, and what follows its name in the braces."""
    # Comments may name variables too; none does, and none should be missed.
    files = {path for files in SETS.values() for path in files}
    return {name: rest for path in files for name, rest in re.findall(r"\$\{(\w+)([^}]*)\}", path.read_text("utf-8"))}


def assignments(text: str, *, commented: bool = False) -> dict[str, str]:
    pattern = r"^#?([A-Z][A-Z0-9_]*)=(.*)$" if commented else r"^([A-Z][A-Z0-9_]*)=(.*)$"
    return dict(re.findall(pattern, text, re.MULTILINE))


def test_every_published_port_is_on_loopback(compose: str, services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    private = [port for port in ports if re.fullmatch(r"\$\{PRIVATE_ADDRESS:\?[^}:]+\}:(\d+):\1", port)]
    assert len(private) == (5 if compose == "main" else 0), (
        "only the main machine of several has others, where it says so"
    )
    ports = [port for port in ports if port not in private]
    assert len(ports) == 5
    for port in ports:
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+", port), port


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_is_tuned_as_in_the_embedded_stack(
    compose: str, services: dict[str, dict[str, Any]], name: str
) -> None:
    environment = services[name]["environment"]
    team = {} if compose == "alone" else {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}
    wanted = {**airflow_variables(TUNED), **team}
    assert {key: environment.get(key) for key in wanted} == wanted


def test_postgres_is_tuned_as_in_the_embedded_stack(services: dict[str, dict[str, Any]]) -> None:
    command = services["postgres"]["command"]
    assert command[0] == "postgres"
    given = dict(option.removeprefix("-c").split("=", 1) for option in command[1:])
    elsewhere = {"listen_addresses", "unix_socket_directories"}
    assert given == {name: value for name, value in POSTGRES_SETTINGS.items() if name not in elsewhere}


def test_the_emulator_has_the_services_of_the_embedded_stack(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    own = aws_part(home, prepare_config(home), {}).environment
    environment = services["aws"]["environment"]
    for name in ("AUTH", "SERVICES", "S3_PERSIST", "PERSIST_STATE", "IOT_MTLS_ENABLED", "SFTP_ENABLED", "DOCKER_HOST"):
        assert environment[name] == own[name], name


@pytest.mark.parametrize("name", [*AIRFLOW, "worker", "mediaconvert", "cli", "api"])
def test_every_setting_can_be_given(services: dict[str, dict[str, Any]], name: str) -> None:
    environment = services[name]["environment"]
    wanted = {f"VODFLOW_{field.upper()}" for field in Settings.model_fields if field not in FIXED | COMMANDS_ONLY}
    assert wanted <= set(environment)
    assert "VODFLOW_AWS_ENDPOINT_URL" in environment


def test_the_queues_are_those_that_init_makes() -> None:
    example = assignments(EXAMPLE.read_text("utf-8"))
    endpoint = example["VODFLOW_AWS_ENDPOINT_URL"]
    assert example["VODFLOW_EVENT_QUEUE_URL"] == f"{endpoint}/{ACCOUNT}/{EVENT_QUEUE}"
    assert example["VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL"] == f"{endpoint}/{ACCOUNT}/{MEDIACONVERT_QUEUE}"


def test_every_variable_is_explained_in_the_example() -> None:
    known = assignments(EXAMPLE.read_text("utf-8"), commented=True)
    assert set(interpolated()) <= set(known)
    settings = {f"VODFLOW_{field.upper()}" for field in Settings.model_fields}
    others = set(interpolated()) | {"COMPOSE_PROFILES", "COMPOSE_FILE"}
    assert {name for name in known if name not in others} <= settings, "something that nothing reads"


def test_secrets_have_no_default_and_no_value_in_the_repository() -> None:
    used, example = interpolated(), assignments(EXAMPLE.read_text("utf-8"))
    for name in SECRETS:
        assert used[name].startswith(":?"), f"{name} must be refused when it is empty"
        assert example[name] == ""
    assert not set(re.findall(r"\b\w*(?:PASSWORD|SECRET)\w*", DOCKERFILE))


def test_only_who_needs_a_secret_gets_it(compose: str, services: dict[str, dict[str, Any]]) -> None:
    holders = {
        name: {secret for secret in SECRETS if f"${{{secret}:?" in str(service.get("environment"))}
        for name, service in services.items()
    }
    sealed = {"VODFLOW_SEALING_KEYS", "VODFLOW_PLAYBACK_KEYS"}
    assert holders["aws"] == holders["mediaconvert"] == set()
    assert holders["postgres"] == {"POSTGRES_PASSWORD"}
    assert holders["cli"] - sealed == {"VODFLOW_DB_PASSWORD", "VODFLOW_ANALYST_PASSWORD", "AIRFLOW_ADMIN_PASSWORD"}
    assert holders["api"] == {"VODFLOW_DB_PASSWORD", "AIRFLOW_OPERATOR_PASSWORD", *sealed}
    assert {name for name, held in holders.items() if sealed & held} == {
        name for name, held in holders.items() if sealed <= held
    }
    assert {name for name, held in holders.items() if "POSTGRES_PASSWORD" in held} == {"postgres", "init"}
    assert {name for name, held in holders.items() if "AIRFLOW_ADMIN_PASSWORD" in held} == {"cli", "init"}
    assert holders.get("redis") == (None if compose == "alone" else {"REDIS_PASSWORD"})
    log_in = {name for name, service in services.items() if "AIRFLOW_KEYCLOAK_CLIENT_SECRET" in service["environment"]}
    assert log_in == (set() if compose == "alone" else {"api-server"})


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    for base in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE):
        assert base in stages or re.fullmatch(r"python:3\.\d+-slim-\w+", base), base
    for service in services.values():
        if "build" in service:
            assert service["build"]["target"] in stages
        else:
            assert re.fullmatch(r"\w+:\d+(\.\d+)?", service["image"]), service["image"]


def copied_files() -> list[str]:
    lines = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    return [source for sources in lines if not sources[0].startswith("--from") for source in sources]


def test_what_the_image_copies_exists_and_reaches_the_build() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text("utf-8").split("\n")
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {source.removeprefix("./") for source in copied_files()}
    assert len(copied) > 8
    for source in copied:
        assert (REPOSITORY / source).exists(), source
    assert copied == allowed


def test_no_part_runs_as_root() -> None:
    users = re.findall(r"^(?:FROM .* AS (\S+)|USER (\S+))$", DOCKERFILE, re.MULTILINE)
    last: dict[str, str] = {}
    stage = ""
    for name, user in users:
        stage = name or stage
        if user:
            last[stage] = user
    assert last["vodflow"] == last["aws"] == last["team"] == "vodflow"


def test_everything_is_watched_and_restarted(compose: str, services: dict[str, dict[str, Any]]) -> None:
    lasting = set(services) - {"init", "cli"}
    assert ("redis" in lasting) == (compose != "alone")
    assert services["worker"].get("profiles") == (["team"] if compose == "alone" else None)
    for name in lasting:
        assert services[name]["restart"] == "unless-stopped", name
        assert services[name]["healthcheck"]["test"], name
    for name in JOBS:
        assert services[name]["healthcheck"]["test"][-1] == name
    assert services["init"]["restart"] == "no"
    waits = services["init"]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == dict.fromkeys(
        ("postgres", "aws"), "service_healthy"
    )
    assert waits["aws"]["required"] is False, "on AWS itself there is no emulator"
    queue = {} if compose == "alone" else {"redis": {"condition": "service_healthy"}}
    for name in lasting - {"postgres", "aws", "redis"}:
        wanted = {"init": {"condition": "service_completed_successfully"}}
        if name in {"api-server", "scheduler", "worker"}:
            wanted |= queue
        if compose == "worker" and name == "worker":
            wanted = {}  # what it needs runs on the main machine
        assert services[name].get("depends_on", {}) == wanted, name


def test_a_worker_machine_finds_the_main_machine(compose: str, services: dict[str, dict[str, Any]]) -> None:
    """By the names that addresses and URLs of the settings have."""
    published = {
        name for name, service in load(SETS["main"])["services"].items() if "PRIVATE" in str(service.get("ports"))
    }
    hosts = {line.split(":", 1)[0] for line in services["worker"].get("extra_hosts", [])}
    assert hosts == (published if compose == "worker" else set())
    asked = re.findall(
        r"(?:@|http://)([a-z-]+)(?=[:/])", str(services["worker"]["environment"]) + EXAMPLE.read_text("utf-8")
    )
    assert {name for name in asked if name in services} <= published


@pytest.mark.parametrize("name", [*AIRFLOW, "worker"])
def test_all_parts_of_a_team_agree(compose: str, services: dict[str, dict[str, Any]], name: str) -> None:
    environment = services[name]["environment"]
    if compose == "alone":
        assert "AIRFLOW__CORE__AUTH_MANAGER" not in environment, "the simple one is for one machine"
        return
    assert services[name]["image"] == "vodflow-team"
    shared = {key: value for key, value in environment.items() if "KEYCLOAK" not in key and "GROUP" not in key}
    others = services["triggerer"]["environment"]
    assert {key: shared.get(key) for key in others} == others


def test_every_volume_is_one_of_the_images_folders(compose: str, services: dict[str, dict[str, Any]]) -> None:
    declared = set(load(SETS[compose])["volumes"])
    used = set()
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source, target = re.fullmatch(r"(\$\{.*\}|[\w-]+):([\w/-]+)(?::ro)?", volume).groups()  # type: ignore[union-attr]
            if source.startswith("${VIDEOS"):  # a folder of the machine
                continue
            used.add(source)
            assert name in {"postgres", "redis"} or target in DOCKERFILE, f"{target} would belong to root"
    assert used == declared


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a checkout" / "deploy" / "compose"
    folder.mkdir(parents=True)
    for path in (EXAMPLE, MAKE_ENV):
        shutil.copy(path, folder)
    return tmp_path / "a checkout"


def make_env(checkout: Path) -> str:
    script = checkout / "deploy" / "compose" / "make-env.sh"
    subprocess.run(["sh", str(script)], check=True, timeout=30, cwd="/", capture_output=True)
    assert [path.name for path in checkout.iterdir() if path.name.startswith(".env")] == [".env"]
    return (checkout / ".env").read_text("utf-8")


@pytest.mark.parametrize(
    ("argument", "code", "says"), [("--help", 0, "Usage:"), ("-h", 0, "Usage:"), ("x", 2, "--help")]
)
def test_the_script_explains_itself_and_writes_nothing(argument: str, code: int, says: str, checkout: Path) -> None:
    script = checkout / "deploy" / "compose" / "make-env.sh"
    done = subprocess.run(["sh", script, argument], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True)
    assert not (checkout / ".env").exists()


def test_secrets_are_random_and_for_the_owner_alone(checkout: Path) -> None:
    before = os.umask(0)
    try:
        first = assignments(make_env(checkout))
    finally:
        os.umask(before)
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
    values = [first[name] for name in SECRETS]
    assert len(set(values)) == len(SECRETS)
    assert all(len(value) >= 24 for value in values)
    assert len(base64.urlsafe_b64decode(first["AIRFLOW_FERNET_KEY"])) == 32
    for name in ("POSTGRES_PASSWORD", "AIRFLOW_DB_PASSWORD", "VODFLOW_DB_PASSWORD"):
        assert first[name].isalnum(), "it becomes part of a URL"
    assert re.fullmatch("AKIA[0-9A-F]{16}", first["AWS_ACCESS_KEY_ID"])
    assert len(first["AWS_SECRET_ACCESS_KEY"]) == 64
    (checkout / ".env").unlink()
    second = assignments(make_env(checkout))
    assert not {name for name in SECRETS if first[name] == second[name]}
    assert first["AIRFLOW_CONN_AWS_DEFAULT"] == second["AIRFLOW_CONN_AWS_DEFAULT"]


def test_what_a_person_wrote_is_kept_and_what_is_missing_is_added(checkout: Path) -> None:
    text = make_env(checkout)
    assert make_env(checkout) == text
    own = re.sub(r"^AIRFLOW_JWT_SECRET=.*\n", "", text, flags=re.MULTILINE)
    own = re.sub(r"^POSTGRES_PASSWORD=.*$", "POSTGRES_PASSWORD=", own, flags=re.MULTILINE)
    own = re.sub(r"^AIRFLOW_ADMIN_PASSWORD=.*$", r"AIRFLOW_ADMIN_PASSWORD=it's & \\1 | mine", own, flags=re.MULTILINE)
    (checkout / ".env").write_text(own + "VODFLOW_LOCAL_SLOTS=3", "utf-8")
    now = assignments(make_env(checkout))
    assert now["AIRFLOW_ADMIN_PASSWORD"] == r"it's & \1 | mine"
    assert now["VODFLOW_LOCAL_SLOTS"] == "3"
    assert len(now["AIRFLOW_JWT_SECRET"]) == len(now["POSTGRES_PASSWORD"]) == 64
    assert now["AIRFLOW_FERNET_KEY"] == assignments(text)["AIRFLOW_FERNET_KEY"]


def test_placeholders_of_earlier_versions_become_keys_and_keys_of_aws_stay(checkout: Path) -> None:
    text = make_env(checkout)
    old = re.sub(r"^(AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY))=.*$", r"\1=test", text, flags=re.MULTILINE)
    old = old.replace('"conn_type": "aws", ', '"conn_type": "aws", "login": "test", "password": "test", ')
    (checkout / ".env").write_text(old, "utf-8")
    now = assignments(make_env(checkout))
    assert now["AIRFLOW_CONN_AWS_DEFAULT"] == assignments(text)["AIRFLOW_CONN_AWS_DEFAULT"]
    assert {len(now["AWS_ACCESS_KEY_ID"]), len(now["AWS_SECRET_ACCESS_KEY"])} == {20, 64}
    away = re.sub(r"^(COMPOSE_PROFILES|AWS_SECRET_ACCESS_KEY|AWS_ACCESS_KEY_ID)=.*$", r"\1=", text, flags=re.MULTILINE)
    (checkout / ".env").write_text(away, "utf-8")
    assert make_env(checkout) == away, "the machine's role is used"


def test_secrets_stay_out_of_the_repository_and_the_image() -> None:
    ignored = (REPOSITORY / ".gitignore").read_text("utf-8").split("\n")
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text("utf-8").split("\n") if line[:1] == "!"]
    for name in (".env", ".env.Xy12Ab"):
        assert any(fnmatch.fnmatch(f"/{name}", pattern) for pattern in ignored), name
        assert name not in allowed


def test_empty_lines_of_env_mean_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """On AWS itself endpoints are empty, not absent: compose passes them on as empty."""
    optional = [name for name, field in Settings.model_fields.items() if field.default is None]
    assert {"aws_endpoint_url", "event_queue_url", "public_base_url", "work_dir"} <= set(optional)
    for name in optional:
        monkeypatch.setenv(f"VODFLOW_{name.upper()}", "")
    for name in ("AWS_MEDIACONVERT_ENDPOINT", "MEDIACONVERT_ENDPOINT", "AWS_MEDIACONVERT_ROLE_ARN"):
        monkeypatch.setenv(name, "")
    settings = Settings()
    assert {name: getattr(settings, name) for name in optional} == dict.fromkeys(optional)
    monkeypatch.setenv("VODFLOW_OUTPUT_PREFIX", "")
    assert Settings().output_prefix == "", "where empty is a value, it stays one"
