import pytest
from vodflow.catalog.states import ArtifactKind
from vodflow.contract.result import OutputObject
from vodflow.pipeline.publish import artifact_kind, artifacts


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("hls/master.m3u8", ArtifactKind.HLS),
        ("hls/audio_96k.m3u8", ArtifactKind.HLS),
        ("hls/video_720p/00001.ts", None),
        ("dash/manifest.mpd", ArtifactKind.DASH),
        ("mp4/video_720p.mp4", ArtifactKind.MP4),
        ("thumbnails/poster.jpg", ArtifactKind.POSTER),
        ("thumbnails/thumb_00001.jpg", ArtifactKind.THUMBNAIL),
        ("cmaf/video_720p/init.mp4", None),
        ("cmaf/video_720p/00001.m4s", None),
    ],
)
def test_artifact_kind(name: str, kind: ArtifactKind | None) -> None:
    assert artifact_kind(name) is kind


def test_only_addressable_objects_become_artifacts() -> None:
    objects = tuple(
        OutputObject(name=name, size=3, checksum="AAAAAA==", content_type="text/plain")
        for name in ("cmaf/audio/00001.m4s", "mp4/video_720p.mp4")
    )
    (artifact,) = artifacts(objects)
    assert (artifact.name, artifact.size_bytes, artifact.checksum) == ("mp4/video_720p.mp4", 3, "AAAAAA==")
