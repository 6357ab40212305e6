from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from vodflow_airflow.preload import forks_tasks

PLUGINS = str(Path(__file__).parents[2] / "plugins")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [(["airflow", "scheduler"], True), (["airflow", "api-server"], False), (["airflow"], False), (["pytest"], False)],
)
def test_only_the_scheduler_forks_tasks(argv: list[str], expected: bool) -> None:
    assert forks_tasks(argv) is expected


def test_preloading_opens_nothing_and_starts_no_thread() -> None:
    """What a forked process must not inherit: connections and threads."""
    run(
        "import threading, psutil",
        "threads = threading.active_count()",
        "preload.preload()",
        "assert threading.active_count() == threads == 1, threading.enumerate()",
        "assert psutil.Process().net_connections() == []",
    )


def test_the_first_fork_finds_everything_imported() -> None:
    run(
        "import os, sys",
        "preload.preload_before_fork()",
        "assert 'vodflow.pipeline.prepare' not in sys.modules",
        "pid = os.fork()",
        "pid or os._exit(0 if 'vodflow.pipeline.prepare' in sys.modules else 1)",
        "assert os.waitpid(pid, 0)[1] == 0",
    )


def test_what_cannot_be_imported_is_logged_and_stops_no_scheduler() -> None:
    errors = run(
        "import os",
        "preload.MODULES = ('vodflow.no_such_module',)",
        "preload.preload_before_fork()",
        "pid = os.fork()",
        "pid or os._exit(0)",
        "assert os.waitpid(pid, 0)[1] == 0",
    )
    assert "Could not preload" in errors


def test_what_each_task_would_do_first_is_done_once() -> None:
    run(
        "from vodflow.settings import get_settings",
        "from vodflow.storage import clients",
        "preload.preload()",
        "assert get_settings.cache_info().currsize == 1",
        "first, second, third = (clients.new_session() for _ in range(3))",
        "assert len({first, second, third}) == 3",
        "assert first._session.get_component('data_loader') is third._session.get_component('data_loader')",
        "clients.new_session = None",
        "clients.s3_client(), clients.sqs_client()",
    )


def test_clients_of_before_the_fork_sign_with_the_credentials_of_after_it() -> None:
    run(
        "import os",
        "for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'): os.environ.pop(name, None)",
        "from vodflow.storage.clients import preload_services, s3_client",
        "preload_services()",
        "client = s3_client()",
        "def signs(key):",
        "    os.environ.update(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY='secret')",
        "    return f'Credential={key}%2F' in client.generate_presigned_url('get_object', {'Bucket': 'b', 'Key': 'k'})",
        "for key in ('FIRST', 'SECOND'):",
        "    pid = os.fork()",
        "    pid or os._exit(0 if signs(key) else 1)",
        "    assert os.waitpid(pid, 0)[1] == 0, key",
    )


def test_clients_of_before_the_fork_refuse_half_a_key_by_name() -> None:
    run(
        "import os",
        "os.environ.pop('AWS_SECRET_ACCESS_KEY', None)",
        "os.environ.update(AWS_ACCESS_KEY_ID='half')",
        "from vodflow.errors import ConfigurationError",
        "from vodflow.storage.clients import preload_services, s3_client",
        "preload_services()",
        "try: s3_client().generate_presigned_url('get_object', {'Bucket': 'b', 'Key': 'k'})",
        "except ConfigurationError as error: assert 'AWS cannot be used as it is set up here' in str(error)",
        "else: raise AssertionError",
    )


def run(*lines: str) -> str:
    """Run lines of Python in a process of their own; what it wrote to standard error."""
    # As Airflow does it: the plugins folder is on the path.
    code = "\n".join((f"import sys; sys.path.append({PLUGINS!r})", "from vodflow_airflow import preload", *lines))
    done = subprocess.run([sys.executable, "-c", code], timeout=120, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr
