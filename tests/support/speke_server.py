"""A DRM provider's key server that really answers SPEKE 2.0, and holds requests against CPIX's schema."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lxml import etree
from vodflow.media.pssh import make_pssh

_C = "{urn:dashif:org:cpix}"
_P = "{urn:ietf:params:xml:ns:keyprov:pskc}"
FAIRPLAY = "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"


@lru_cache(maxsize=1)
def schema() -> etree.XMLSchema:
    """CPIX's schema, from the package ``cpix``."""
    spec = importlib.util.find_spec("cpix")
    assert spec is not None
    assert spec.origin is not None
    return etree.XMLSchema(etree.parse(Path(spec.origin).parent / "schema" / "cpix.xsd"))


def check(document: bytes) -> None:
    """Hold a document against the schema.

    It is that of CPIX 2.2; what 2.3 adds and SPEKE 2.0 wants, the scheme of each key, is looked at here.
    """
    root = deepcopy(etree.fromstring(document))
    assert root.get("version") == "2.3"
    for key in root.iter(f"{_C}ContentKey"):
        assert key.attrib.pop("commonEncryptionScheme") in {"cenc", "cbcs"}
    schema().assertValid(root)


class SpekeServer:
    """Keys that follow from content and KID, so that whoever asks again gets the same.

    :param answers: statuses that come first, one for each request
    :param pause: seconds behind every 100 bytes of an answer
    """

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.problems: list[str] = []
        self.answers: list[int] = []
        self.change = lambda document: document
        self.pause = 0.0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = server.answers.pop(0) if server.answers else 200
                said = b"nothing" if status != 200 else server.change(server.answer(body))
                self.send_response(status)
                self.send_header("Content-Type", "application/xml")
                self.send_header("X-Speke-Version", "2.0")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                with suppress(OSError):  # nobody waits any more
                    for place in range(0, len(said), 100) if server.pause else (0,):
                        self.wfile.write(said[place : place + 100] if server.pause else said)
                        time.sleep(server.pause)

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._httpd.server_port}/speke"

    def key(self, content_id: str, kid: str) -> bytes:
        return hashlib.sha256(f"{content_id} {kid}".encode()).digest()[:16]

    def answer(self, body: bytes) -> bytes:
        try:
            check(body)
        except (AssertionError, etree.DocumentInvalid, KeyError) as error:
            self.problems.append(str(error))
        root = etree.fromstring(body)
        for key in root.iter(f"{_C}ContentKey"):
            value = base64.b64encode(self.key(str(root.get("contentId")), str(key.get("kid")))).decode()
            if key.get("commonEncryptionScheme") == "cbcs":
                key.set("explicitIV", base64.b64encode(bytes(range(16))).decode())
            data = etree.SubElement(key, f"{_C}Data")
            etree.SubElement(etree.SubElement(data, f"{_P}Secret"), f"{_P}PlainValue").text = value
        for system in root.iter(f"{_C}DRMSystem"):
            system_id, kid = str(system.get("systemId")), str(system.get("kid"))
            if (pssh := system.find(f"{_C}PSSH")) is not None:
                pssh.text = base64.b64encode(make_pssh(system_id, f"provider {kid}".encode())).decode()
            if system_id == FAIRPLAY:
                line = f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://provider/{kid}",KEYFORMAT="com.apple.streamingkeydelivery"'
                signal = system.find(f"{_C}HLSSignalingData")
                assert signal is not None
                signal.text = base64.b64encode(line.encode()).decode()
        document = etree.tostring(root)
        check(document)
        return bytes(document)

    @contextmanager
    def running(self) -> Iterator[SpekeServer]:
        thread = threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._httpd.shutdown()
            self._httpd.server_close()
            thread.join()
