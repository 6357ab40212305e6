"""Published videos for tests of playback: rows of the catalog, and small objects where they say."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from support.fixtures.values import engine_result, make_plan, probed_source, rendition
from vodflow.catalog import jobs
from vodflow.catalog.publications import publish
from vodflow.catalog.rows import JobRow, NewArtifact
from vodflow.catalog.states import ArtifactKind
from vodflow.contract import layout

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_numbers = itertools.count(1)

#: Small documents of every kind, and bytes that tell where they are from.
OBJECTS: Mapping[str, str] = {
    "hls/master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo_720p.m3u8\n"
    '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframe_720p.m3u8"\n',
    "hls/video_720p.m3u8": '#EXTM3U\n#EXT-X-MAP:URI="../cmaf/video_720p/init.mp4"\n'
    "#EXTINF:4,\n../cmaf/video_720p/00001.m4s\n#EXT-X-ENDLIST\n",
    "hls/iframe_720p.m3u8": "#EXTM3U\n#EXT-X-I-FRAMES-ONLY\n"
    "#EXTINF:4,\n#EXT-X-BYTERANGE:5@0\n../cmaf/video_720p/00001.m4s\n",
    "dash/manifest.mpd": '<?xml version="1.0" encoding="UTF-8"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">'
    '<Period><AdaptationSet><Representation id="0"><SegmentTemplate initialization="../cmaf/video_720p/init.mp4"'
    ' media="../cmaf/video_720p/$Number%05d$.m4s"/></Representation></AdaptationSet></Period></MPD>',
    "cmaf/video_720p/init.mp4": "initialization",
    "cmaf/video_720p/00001.m4s": "0123456789" * 1000,
    "mp4/video_720p.mp4": "a whole film",
    "thumbnails/poster.jpg": "poster",
    "manifest.json": '{"outputs": {"hls": {"path": "hls/master.m3u8", "url": "https://closed.example/hls/master.m3u8"}}}',
}  # fmt: skip


def publish_outputs(
    connection: Connection, bucket: str, prefix: str, names: Iterable[str], *, tenant: str = "acme"
) -> JobRow:
    """A video that is public, with outputs at this place."""
    key = f"{tenant}/playable-{next(_numbers)}.mp4"
    row = probed_source(connection, key=key, tenant=tenant)
    opened = jobs.open_job(
        connection, row.id, make_plan(row), engine="local", priority=50, run_id="run", bucket=bucket, prefix=prefix
    )
    jobs.begin(connection, opened.id, engine="local", worker="host")
    jobs.store_result(connection, opened.id, engine_result(opened))
    artifacts = [
        NewArtifact(
            name=name, kind=ArtifactKind.HLS, size_bytes=1, checksum="AAAAAA==", content_type=layout.content_type(name)
        )
        for name in names
        if not name.startswith("cmaf/") and name != layout.MANIFEST
    ]  # fmt: skip
    publish(connection, opened.id, [rendition()], artifacts, f"s3://{bucket}/{prefix}/{layout.MANIFEST}")
    return jobs.get_job(connection, opened.id)


def put_objects(s3: S3Client, bucket: str, prefix: str, objects: Mapping[str, str] = OBJECTS) -> None:
    """Write small objects below a prefix."""
    for name, text in objects.items():
        s3.put_object(
            Bucket=bucket, Key=f"{prefix}/{name}", Body=text.encode(), ContentType=layout.content_type(name)
        )  # fmt: skip
