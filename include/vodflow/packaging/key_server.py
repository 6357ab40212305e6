"""Where the packager asks for rotated keys: it has no other way to be given more than one key for a track.

It speaks the common encryption API of Widevine's key service as the packager asks it (JSON in base64), on the loopback
address and for one packager alone: the path is a secret that only its environment has.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from vodflow.contract.content_keys import ContentKeys
from vodflow.packaging.encryption import PACKAGER_LABELS

#: Seconds that one request may take.
_TIMEOUT: Final = 10.0
#: Bytes that a request may have; the packager's has about 300.
_LIMIT: Final = 65_536


class KeyServer:
    """Answers one packager; ends with the block."""

    def __init__(self, keys: ContentKeys) -> None:
        self._path = f"/{secrets.token_urlsafe(32)}"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._path, keys))
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.05,), name="vodflow-keys", daemon=True)

    @property
    def url(self) -> str:
        """Where the packager asks."""
        return f"http://127.0.0.1:{self._server.server_port}{self._path}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answer(request: dict[str, Any], keys: ContentKeys) -> dict[str, Any]:
    """The keys of the periods that are asked for; of those behind the last one the last key.

    The packager asks ahead, for kinds of tracks that a video does not have as well: those get a key that it has.
    """
    known = list(dict.fromkeys(item.label for item in keys.keys))
    names = {PACKAGER_LABELS[label]: label for label in known}
    first, count = request.get("first_crypto_period_index"), request.get("crypto_period_count", 1)
    tracks = []
    for period in range(first or 0, (first or 0) + count):
        for kind in (item["type"] for item in request["tracks"]):
            key = keys.of(names.get(kind, known[0]), period)
            track = {"type": kind, "key_id": _base64(key.key_id), "key": _base64(key.key), "pssh": []}
            tracks.append(track if first is None else {**track, "crypto_period_index": period})
    return {"status": "OK", "drm": [], "tracks": tracks}


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def _handler(path: str, keys: ContentKeys) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT

        def log_message(self, *_: object) -> None:
            """Nothing: the path is a secret."""

        def do_POST(self) -> None:
            if not secrets.compare_digest(self.path, path):
                self.send_error(404)
                return
            asked = json.loads(base64.b64decode(json.loads(self._body())["request"]))
            said = json.dumps({"response": base64.b64encode(json.dumps(answer(asked, keys)).encode()).decode()})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said.encode())

        def _body(self) -> bytes:
            """What was sent, in chunks as the packager sends it."""
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(min(_LIMIT, int(self.headers.get("Content-Length", 0))))
            body = b""
            while (size := int(self.rfile.readline(), 16)) and len(body) + size <= _LIMIT:
                body += self.rfile.read(size)
                self.rfile.readline()
            return body

    return Handler
