"""Encrypted outputs for tests: packaged as the engine packages them, and served with their keys as the API does."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from support import packaged, playback
from vodflow.api.models.keys import Licence, LicenceRequest
from vodflow.contract.content_keys import ContentKey, ContentKeys, key_id, labels, periods
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.contract.protection import Access, Encryption
from vodflow.engines.local.transcode import Job
from vodflow.ffmpeg.progress import Reporter
from vodflow.settings import Settings


def protected_plan(*outputs: Output, hls_segments: str = "fmp4", **encryption: Any) -> TranscodePlan:
    """The small plan of :mod:`support.packaged`, encrypted."""
    plan = packaged.small_plan(outputs or (Output.HLS, Output.DASH), hls_segments=hls_segments, thumbnails=False)
    packaging = plan.packaging.model_copy(update={"encryption": Encryption(**encryption)})
    made = plan.model_copy(update={"packaging": packaging, "access": Access.TOKEN})
    return TranscodePlan.from_json(made.to_json())  # with its validators


def keys_of(plan: TranscodePlan, salt: int = 1) -> ContentKeys:
    """Keys as a key service makes them, but the same every time.

    :param salt: another one makes other keys with the same ids
    """
    return ContentKeys(
        keys=tuple(
            ContentKey(
                key_id=key_id("test", label, period),
                key=f"{(number * 1000 + period) * 7919 + salt:032x}",
                label=label,
                period=period,
            )
            for number, label in enumerate(labels(plan), 1)
            for period in range(periods(plan))
        )
    )


def make_tracks(folder: Path) -> Path:
    """The encoded tracks of the small plan."""
    plan = packaged.small_plan(thumbnails=False)
    packaged.make_outputs(plan.model_copy(update={"packaging": plan.packaging}), folder / "unused", folder / "tracks")
    return folder / "tracks"


def package(plan: TranscodePlan, keys: ContentKeys | None, tracks: Path, folder: Path) -> Path:
    """The outputs of a plan below ``folder``."""
    shutil.copytree(tracks, folder / "tracks")
    (folder / "outputs").mkdir()
    job = Job(plan, folder, Settings(), Reporter(None), threading.Event(), keys)
    job.package()
    return folder / "outputs"


class ProtectedServer(playback.DirectoryServer):
    """Outputs at ``/v/``, with their keys for everybody who asks, beside the folders as the API has them.

    :param keys: by KID
    """

    def __init__(self, outputs: Path, keys: Mapping[str, bytes]) -> None:
        super().__init__(v=outputs)
        self.asked: list[str] = []
        self._httpd.RequestHandlerClass = _handler(self, keys)

    def __enter__(self) -> Self:
        super().__enter__()
        return self


def _handler(server: ProtectedServer, keys: Mapping[str, bytes]) -> type[playback._Handler]:
    class Handler(playback._Handler):
        def do_GET(self) -> None:  # noqa: N802
            if self.path.startswith("/v/keys/"):
                name = self.path.rpartition("/")[2]
                server.asked.append(name)
                self._answer(200, keys[name], "application/octet-stream")
            elif self.path.endswith(".mpd"):  # as the playlist proxy does
                text = (server._httpd.mounts["v"] / self.path.removeprefix("/v/")).read_text()
                text = text.replace(">../licence/clearkey<", f">{server.url}/v/licence/clearkey<")
                self._answer(200, text.encode(), "application/dash+xml")
            else:
                super().do_GET()

        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            wanted = LicenceRequest.model_validate_json(body).kids
            server.asked += wanted
            found = Licence.of({name: keys[name] for name in wanted if name in keys})
            self._answer(200, found.model_dump_json().encode(), "application/json")

        def end_headers(self) -> None:
            self.send_header("Access-Control-Allow-Methods", "GET, POST")
            self.send_header("Access-Control-Allow-Headers", "content-type")
            super().end_headers()

    return Handler
