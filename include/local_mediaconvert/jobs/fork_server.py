"""A process that has imported what workers need and forks one for each job: milliseconds instead of half a second.

It has a single thread, so that forking is safe, and ends with the service: its standard input is a pipe from there.
:mod:`local_mediaconvert.jobs.fork_client` is the other side of its socket. Over a connection come the standard
streams of a worker (SCM_RIGHTS), then numbers of signals for it; back go ``y`` and, at its end, its exit status. A
worker whose connection closes is killed.
"""

from __future__ import annotations

import array
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from vodflow.engines.local.forked_worker import live_as_child
from vodflow.ffmpeg.process import die_with_parent

#: Standard streams: input, output, errors.
_STREAMS: Final = 3

Work = Callable[[], int]


def main() -> int:
    """Serve until standard input ends; the exit status. ``nursery SOCKET [MODULE]``: whose ``main`` the workers run."""
    address = sys.argv[1]
    module = sys.argv[2] if len(sys.argv) > 2 else "local_mediaconvert.jobs.worker"
    work: Work = importlib.import_module(module).main
    if module == "local_mediaconvert.jobs.worker":
        _warm_up()
    # Forks share what is there now: the collector never writes to it again.
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        _Nursery(listener, work).serve()
    # The socket and the folder made for it: a service that was killed cannot remove them.
    with suppress(OSError):
        Path(address).unlink()
        Path(address).parent.rmdir()
    return 0


def _warm_up() -> None:
    """Import what a job uses, and parse S3's description."""
    from vodflow.storage import download, objects  # noqa: PLC0415, F401
    from vodflow.storage.clients import preload_services  # noqa: PLC0415

    from local_mediaconvert import transcode  # noqa: PLC0415, F401
    from local_mediaconvert.transcode import upload  # noqa: PLC0415, F401

    preload_services()


class _Nursery:
    def __init__(self, listener: socket.socket, work: Work) -> None:
        self.listener = listener
        self.work = work
        self.connections: dict[int, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.woken, wakes = os.pipe()
        for file in (self.woken, wakes):
            os.set_blocking(file, False)
        signal.set_wakeup_fd(wakes)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # A terminal's Ctrl-C is for the service, which ends this process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self) -> None:
        """Until the service is gone; its workers are told to stop then, by the kernel, too."""
        for file in (self.listener, 0, self.woken):
            self.selector.register(file, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fd == 0:
                    return
                if key.fd == self.woken:
                    os.read(self.woken, 4096)
                    self._reap()
                elif key.fileobj is self.listener:
                    self._take()
                elif key.data in self.connections:
                    self._hear(key.data)

    def _take(self) -> None:
        connection, _ = self.listener.accept()
        streams = array.array("i")
        _, attached, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(_STREAMS * streams.itemsize))
        for _, kind, data in attached:
            if kind == socket.SCM_RIGHTS:
                streams.frombytes(data)
        if len(streams) == _STREAMS:
            self._start(connection, list(streams))
        else:
            connection.close()
        for file in streams:
            os.close(file)

    def _start(self, connection: socket.socket, streams: list[int]) -> None:
        prepare = die_with_parent(signal.SIGTERM)
        pid = os.fork()
        if pid == 0:
            live_as_child(lambda: _become_worker(streams, prepare), self.work)
        self.connections[pid] = connection
        self.selector.register(connection, selectors.EVENT_READ, pid)
        connection.send(b"y")

    def _hear(self, pid: int) -> None:
        try:
            said = self.connections[pid].recv(1)
        except OSError:
            said = b""
        with suppress(ProcessLookupError):
            os.kill(pid, said[0] if said else signal.SIGKILL)
        if not said:
            self._forget(pid)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                code = os.waitstatus_to_exitcode(status)
                if pid in self.connections:
                    with suppress(OSError):
                        self.connections[pid].send(bytes([code if code >= 0 else 128 - code]))
                    self._forget(pid)

    def _forget(self, pid: int) -> None:
        connection = self.connections.pop(pid)
        self.selector.unregister(connection)
        connection.close()


def _become_worker(streams: list[int], prepare: Callable[[], None] | None) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    if prepare is not None:
        prepare()
    for place, file in enumerate(streams):
        os.dup2(file, place)
    # What the nursery and other jobs have open is not this job's: their ends must be seen.
    os.closerange(_STREAMS, os.sysconf("SC_OPEN_MAX"))


if __name__ == "__main__":
    sys.exit(main())
