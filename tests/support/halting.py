"""Pods that stand still in mid-encode, so that no test depends on how quick an encode is."""

from __future__ import annotations

from typing import Any

#: A container beside the worker that halts its encoder as soon as there is one, until it is told to let it go on.
HALT = """
import os, signal, time
def encoders():
    for one in filter(str.isdigit, os.listdir("/proc")):
        try:
            if "ffmpeg-" in open(f"/proc/{one}/cmdline").read().split("\\0")[0]:
                yield int(one)
        except OSError:
            pass
open("/work/ready", "w").close()
while not (found := list(encoders())):
    time.sleep(0.005)
os.kill(found[0], signal.SIGSTOP)
open("/work/halted", "w").close()
while not os.path.exists("/work/go"):
    time.sleep(0.05)
os.kill(found[0], signal.SIGCONT)
"""
#: The worker, when the container beside it looks; where its arguments do not match, it is not halted for long.
WORK = """
until [ -e /work/ready ]; do sleep 0.1; done
case "$*" in {pattern}) ;; *) touch /work/go;; esac
exec python -m vodflow "$@"
"""


def halting(template: dict[str, Any], image: str, pattern: str = "*") -> dict[str, Any]:
    """The template, with a container that halts the worker's encoder.

    :param pattern: of the shell, for the worker's arguments: those that do not match go on by themselves
    """
    spec = template["spec"]
    (worker,) = spec["containers"]
    beside = {
        "name": "halts",
        "image": image,
        "command": ["python", "-c", HALT],
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
    }
    worker = {**worker, "command": ["sh", "-c", WORK.format(pattern=pattern), "sh"]}
    return {**template, "spec": {**spec, "shareProcessNamespace": True, "containers": [worker, beside]}}
