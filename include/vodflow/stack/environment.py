"""The environment variables with which a process belongs to an embedded stack."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vodflow.stack.config import ACCOUNTS, StackConfig, load_config, write_private
from vodflow.stack.home import Home
from vodflow.stack.ports import HOST

#: The emulator's default account, as it appears in its queue URLs.
ACCOUNT = "000000000000"

#: Name of the SQS queue that receives the S3 notifications.
EVENT_QUEUE = "vodflow-s3-events"

#: Name of the SQS queue that receives MediaConvert's job events.
MEDIACONVERT_QUEUE = "vodflow-mediaconvert-events"

#: Bucket of videos that need a playback token.
PROTECTED_BUCKET = "vodflow-protected"

#: MediaConvert wants a role's ARN; nothing here looks at what the role allows.
MEDIACONVERT_ROLE = f"arn:aws:iam::{ACCOUNT}:role/vodflow-mediaconvert"

#: The region of everything in it.
REGION = "us-east-1"

#: Airflow's settings wherever Vodflow runs on one machine; docker-compose.yaml has them too, and a test compares.
TUNED: Final[Mapping[str, Mapping[str, object]]] = {
    "core": {
        "executor": "LocalExecutor",
        "load_examples": False,
        "dags_are_paused_at_creation": False,
        "parallelism": 16,
        "max_active_tasks_per_dag": 64,
        "simple_auth_manager_users": ",".join(f"{name}:{role}" for name, role in ACCOUNTS.items()),
        # The plan of a video changes with its Params at once; the default keeps a changed DAG back for 30 s.
        "min_serialized_dag_update_interval": 2,
        # Rendered fields stay as long as their runs: to look for old ones costs each task a query.
        "num_dag_runs_to_retain_rendered_fields": 0,
    },
    "database": {"sql_alchemy_pool_size": 5, "sql_alchemy_max_overflow": 20},
    "api": {"workers": 1, "instance_name": "Vodflow"},
    # A task's end frees its slot within a second, and the next task starts at once: without this a warm chain of five
    # tasks took 6.2 s instead of 1.5 s. The health thresholds let work of a killed scheduler go on within 30 s.
    "scheduler": {"scheduler_idle_sleep_time": 0.2, "scheduler_heartbeat_sec": 2,
                  "scheduler_health_check_threshold": 15, "orphaned_tasks_check_interval": 10,
                  "task_instance_heartbeat_timeout": 60, "max_dagruns_per_loop_to_schedule": 5},
    # A task waits for an API server that is started again, about a minute, and not the default's 8 s on average: on a
    # busy machine a start takes longer than that, and each of them would cost the task a try.
    "workers": {"min_heartbeat_interval": 1, "execution_api_retries": 8, "execution_api_retry_wait_max": 30},
    "triggerer": {"job_heartbeat_sec": 2, "triggerer_health_check_threshold": 15},
    # A changed file is read at once all the same.
    "dag_processor": {"refresh_interval": 5, "min_file_process_interval": 300, "parsing_processes": 1},
}  # fmt: skip

#: Variables of the caller that would make the stack depend on his shell, his AWS profile or another Airflow.
_FOREIGN_PREFIXES = ("AIRFLOW_", "AWS_", "PG", "_AIRFLOW_")
_FOREIGN = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "BASH_ENV"})


def stack_environment(home: Path | Home) -> dict[str, str]:
    """Everything a process needs to work with the stack in ``home``: ``AIRFLOW__*``, ``VODFLOW_*`` and ``AWS_*``.

    :raises StackError: no stack was ever started there
    """
    home = home if isinstance(home, Home) else Home(home)
    config = load_config(home)
    return {**_vodflow(home, config), **_aws(home, config), **_airflow(home, config)}


def client_environment(home: Path | Home) -> dict[str, str]:
    """All settings of the running stack, also those that it got from the shell that started it, and what a person's
    commands need to ask Airflow over its REST API.

    The stack's own parts do without the admin's password: tasks have a channel to the API server.

    :raises StackError: no stack was ever started there
    """
    home = home if isinstance(home, Home) else Home(home)
    config = load_config(home)
    return {
        **given_settings(home),
        **stack_environment(home),
        "VODFLOW_AIRFLOW_URL": config.airflow_url,
        "VODFLOW_AIRFLOW_USER": "admin",
        "VODFLOW_AIRFLOW_PASSWORD": config.secrets.admin_password,
        "VODFLOW_ANALYST_PASSWORD": config.secrets.analyst_password,
    }


def keep_settings(home: Home, environment: Mapping[str, str]) -> None:
    """Write down with which settings the stack is being started, for :func:`given_settings`."""
    given = {name: value for name, value in environment.items() if name.startswith("VODFLOW_")}
    write_private(home.settings_file, json.dumps(given))


def given_settings(home: Home) -> dict[str, str]:
    """``VODFLOW_*`` variables of the shell that started the stack; none when it never ran."""
    try:
        return dict(json.loads(home.settings_file.read_text()))
    except (OSError, ValueError):
        return {}


def child_environment(home: Home, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a part: the caller's without what could lead it astray, and the stack's own.

    ``VODFLOW_STACK_ID`` marks the process as one that ends with the stack (see ``vodflow.stack.processes``).
    """
    source = os.environ if inherited is None else inherited
    kept = {
        name: value for name, value in source.items() if not name.startswith(_FOREIGN_PREFIXES) and name not in _FOREIGN
    }
    return {**kept, **stack_environment(home), "VODFLOW_STACK_ID": load_config(home).stack_id}


def _vodflow(home: Home, config: StackConfig) -> dict[str, str]:
    return {
        "VODFLOW_HOME": str(home.root),
        "VODFLOW_CATALOG_URL": config.database_url("vodflow"),
        "VODFLOW_AWS_ENDPOINT_URL": config.aws_url,
        "VODFLOW_AWS_REGION": REGION,
        "VODFLOW_EVENT_QUEUE_URL": f"{config.aws_url}/{ACCOUNT}/{EVENT_QUEUE}",
        "VODFLOW_MEDIACONVERT_ROLE": MEDIACONVERT_ROLE,
        "VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL": f"{config.aws_url}/{ACCOUNT}/{MEDIACONVERT_QUEUE}",
        "VODFLOW_WORK_DIR": str(home.work),
        "VODFLOW_API_URL": config.api_url,
        "VODFLOW_SEALING_KEYS": json.dumps([config.secrets.sealing_key]),
        "VODFLOW_PLAYBACK_KEYS": json.dumps([config.secrets.playback_key]),
        "VODFLOW_PROTECTED_BUCKET": PROTECTED_BUCKET,
    }


def _aws(home: Home, config: StackConfig) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": config.secrets.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": config.secrets.aws_secret_access_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": config.aws_url,
        # SDKs read the first, AWS's samples and Vodflow the other two.
        "AWS_ENDPOINT_URL_MEDIACONVERT": config.mediaconvert_url,
        "AWS_MEDIACONVERT_ENDPOINT": config.mediaconvert_url,
        "MEDIACONVERT_ENDPOINT": config.mediaconvert_url,
        "AWS_MEDIACONVERT_ROLE_ARN": MEDIACONVERT_ROLE,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A person's own profile must never leak into the local stack, nor the stack reach a real account.
        "AWS_CONFIG_FILE": str(home.aws / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home.aws / "credentials"),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
            {
                "conn_type": "aws",
                "login": config.secrets.aws_access_key_id,
                "password": config.secrets.aws_secret_access_key,
                "extra": {
                    "region_name": REGION,
                    "endpoint_url": config.aws_url,
                    "service_config": {"mediaconvert": {"endpoint_url": config.mediaconvert_url}},
                },
            }
        ),
    }


def _airflow(home: Home, config: StackConfig) -> dict[str, str]:
    own: Mapping[str, Mapping[str, object]] = {
        "core": {
            "dags_folder": home.repository / "dags",
            "plugins_folder": home.repository / "plugins",
            "fernet_key": config.secrets.fernet_key,
            "execution_api_server_url": f"{config.airflow_url}/execution/",
            "simple_auth_manager_passwords_file": password_file(home),
        },
        "database": {"sql_alchemy_conn": config.database_url("airflow")},
        "api": {"host": HOST, "port": config.ports["airflow"], "base_url": config.airflow_url,
                "secret_key": config.secrets.session_secret},
        "api_auth": {"jwt_secret": config.secrets.jwt_secret},
        "logging": {"base_log_folder": home.airflow / "logs"},
    }  # fmt: skip
    return {"AIRFLOW_HOME": str(home.airflow), **airflow_variables(TUNED), **airflow_variables(own)}


def airflow_variables(settings: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Environment variables for Airflow's settings, section → option → value."""
    return {
        f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
        for section, options in settings.items()
        for name, value in options.items()
    }


def password_file(home: Home) -> Path:
    """The JSON file in which Airflow's simple auth manager finds the accounts' passwords (mode 0600)."""
    return home.airflow / "passwords.json"
