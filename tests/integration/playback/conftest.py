from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from mypy_boto3_s3 import S3Client
from starlette.testclient import TestClient
from support.playable import OBJECTS, publish_outputs, put_objects
from support.playback_site import KEY, MakeSite, Site, by_name
from vodflow.api import make_api
from vodflow.api.play import PlayDoor
from vodflow.catalog.database import transaction
from vodflow.settings import Settings

_numbers = itertools.count(1)


@pytest.fixture
def make_site(
    catalog: Settings, aws: Settings, media_bucket: str, set_settings: Callable[..., Settings]
) -> Iterator[MakeSite]:
    """``make_site(playback_delivery="proxy")`` serves the API with these settings."""
    made: list[Site] = []

    def make(**changes: object) -> Site:
        settings = set_settings(**{"playback_keys": f'["{KEY}"]', **changes})
        app = make_api([by_name], settings=settings)
        assert isinstance(app, PlayDoor)
        anonymous = TestClient(app, follow_redirects=False, client=("192.0.2.1", 50000))
        made.append(Site(app, anonymous, settings))
        return made[-1]

    yield make
    for site in made:
        site.app.shared.close()


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site()


@pytest.fixture
def publish_video(catalog: Settings, s3: S3Client, media_bucket: str) -> Callable[..., int]:
    """``publish_video(tenant="acme")`` makes a public video of small objects and returns its id."""

    def make(tenant: str = "acme", bucket: str = media_bucket) -> int:
        prefix = f"vod/{tenant}/video-{next(_numbers)}/plan"
        put_objects(s3, bucket, prefix)
        with transaction("test") as connection:
            return publish_outputs(connection, bucket, prefix, OBJECTS, tenant=tenant).video_id

    return make


@pytest.fixture
def video(publish_video: Callable[..., int]) -> int:
    return publish_video()
