"""Identity, ports and secrets of one stack: made once, kept in ``stack.json`` with mode 0600, never logged."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from vodflow.errors import StackError
from vodflow.stack.home import Home
from vodflow.stack.ports import HOST, choose_ports

#: Airflow's accounts in the embedded stack, with their roles; docker-compose.yaml has them too.
ACCOUNTS: Final[Mapping[str, str]] = {"admin": "admin", "operator": "op", "viewer": "viewer"}

PORT_NAMES = ("postgres", "aws", "airflow", "mediaconvert", "api")


def _fernet_key() -> str:
    # The format of cryptography's Fernet.generate_key(), without its import: 32 random bytes, URL-safe base64.
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Secrets:
    """Generated passwords and keys. The representation shows none of them."""

    fernet_key: str = field(default_factory=_fernet_key, repr=False)
    sealing_key: str = field(default_factory=_fernet_key, repr=False)
    playback_key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    session_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    operator_password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    viewer_password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    postgres_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    airflow_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    analyst_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    catalog_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    # In the form of AWS's own; nothing but letters and digits, for shells and files.
    aws_access_key_id: str = field(default_factory=lambda: "AKIA" + secrets.token_hex(8).upper(), repr=False)
    aws_secret_access_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)


@dataclass(frozen=True)
class StackConfig:
    """One stack's identity, ports and secrets."""

    stack_id: str
    ports: Mapping[str, int]
    secrets: Secrets

    @property
    def airflow_url(self) -> str:
        """Address of Airflow's UI and API."""
        return f"http://{HOST}:{self.ports['airflow']}"

    @property
    def aws_url(self) -> str:
        """Endpoint of all AWS services."""
        return f"http://{HOST}:{self.ports['aws']}"

    @property
    def mediaconvert_url(self) -> str:
        """Endpoint of the local MediaConvert."""
        # A stack that was started before this part existed has no port for it until it is started again.
        return f"http://{HOST}:{self.ports.get('mediaconvert', 0)}"

    @property
    def api_url(self) -> str:
        """Address of the HTTP API."""
        return f"http://{HOST}:{self.ports.get('api', 0)}"

    @property
    def keys(self) -> tuple[str, str]:
        """Access key and secret of the AWS services and of MediaConvert."""
        return self.secrets.aws_access_key_id, self.secrets.aws_secret_access_key

    @property
    def passwords(self) -> dict[str, str]:
        """Password of each of Airflow's accounts."""
        return {name: getattr(self.secrets, f"{name}_password") for name in ACCOUNTS}

    def database_url(self, role: str, driver: str = "postgresql+psycopg2") -> str:
        """SQLAlchemy URL of the database ``role`` owns (each role owns the database of its name)."""
        passwords = {
            "postgres": self.secrets.postgres_password,
            "airflow": self.secrets.airflow_password,
            "vodflow": self.secrets.catalog_password,
        }
        return f"{driver}://{role}:{quote(passwords[role], safe='')}@{HOST}:{self.ports['postgres']}/{role}"


def load_config(home: Home) -> StackConfig:
    """The configuration that :func:`prepare_config` wrote.

    :raises StackError: there is none yet, or it is damaged
    """
    try:
        data = json.loads(home.config_file.read_text())
        return StackConfig(data["stack_id"], data["ports"], Secrets(**data["secrets"]))
    except FileNotFoundError:
        raise StackError(f"There is no stack in {home.root} yet: run `make up` first.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise StackError(
            f"{home.config_file} is damaged ({type(error).__name__}). Restore it, or run `make clean` for a new stack."
        ) from error


def prepare_config(home: Home) -> StackConfig:
    """Load the configuration, or make one; ports that another program took meanwhile are replaced and remembered.

    Call it only while no part of the stack runs: its own ports would count as taken.
    """
    if not home.root.exists():
        home.root.mkdir(parents=True)
        home.root.chmod(0o755)  # PostgreSQL's account passes through it, whatever root's umask; the files are private
    if home.config_file.exists():
        before = load_config(home)
        config = replace(before, ports=choose_ports(PORT_NAMES, home.root, before.ports))
        if asdict(config) == json.loads(home.config_file.read_text()):
            return config
    else:
        config = StackConfig(secrets.token_hex(8), choose_ports(PORT_NAMES, home.root), Secrets())
    write_private(home.config_file, json.dumps(asdict(config), indent=2))
    return config


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner may read it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
