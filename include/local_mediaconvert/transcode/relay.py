"""An HTTP input on loopback, for a program that would open its address unchecked, as ffprobe does."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from local_mediaconvert.transcode.http_inputs import open_input

#: What a reader of ranges needs to know of the answer.
_PASSED: Final = ("Content-Type", "Content-Range", "Accept-Ranges")


@contextlib.contextmanager
def relayed(url: str, timeout: float) -> Iterator[str]:
    """The address under which this process serves ``url`` for a while; nobody else can guess it.

    :param timeout: seconds for each answer from there
    """
    path = f"/{secrets.token_urlsafe(16)}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != path:
                self.send_error(404)
                return
            wanted = {name: self.headers[name] for name in ("Range",) if name in self.headers}
            try:
                with open_input(url, timeout, wanted) as answer:
                    self.send_response(answer.status)
                    for name in _PASSED:
                        if answer.headers.get(name):
                            self.send_header(name, answer.headers[name])
                    if answer.length is not None:  # the header holds a number
                        self.send_header("Content-Length", str(answer.length))
                    self.end_headers()
                    shutil.copyfileobj(answer, self.wfile)
            except urllib.error.HTTPError as error:
                self.send_error(error.code)
            except ConnectionError:
                pass  # the program has what it wants
            except OSError:
                self.send_error(502)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{path}"
        finally:
            server.shutdown()
