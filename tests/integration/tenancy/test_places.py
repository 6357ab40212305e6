"""Places in S3 that are a tenant's own: nobody else's, and watched without harm to others."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from mypy_boto3_s3 import S3Client
from support.fixtures.values import probed_source, queued_job
from vodflow.catalog.database import transaction
from vodflow.catalog.sources import undispatched_sources
from vodflow.errors import ConfigurationError
from vodflow.sensing.places import watched
from vodflow.sensing.rules import Watched, judge
from vodflow.sensing.sweep import sweep
from vodflow.settings import Settings, get_settings
from vodflow.tenancy import registry

pytestmark = pytest.mark.integration

Configure = Callable[..., None]


def test_places_are_one_tenants(configure: Configure, settings: Settings) -> None:
    configure(assigned={"places": [{"bucket": "footage", "prefix": "acme/"}]})
    registry.create("globex", "", settings)
    with pytest.raises(ConfigurationError, match=r"footage/acme/in/ is not free.*tenant acme"):
        registry.configure(
            "globex", {"assigned": {"places": [{"bucket": "footage", "prefix": "acme/in/"}]}}, settings, by="t",
            assigned_too=True,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("bucket", "prefix"),
    [("media_bucket", ""), ("media_bucket", "vod/"), ("media_bucket", "vod/globex/"), ("media_bucket", "reports/csv/"),
     ("protected_bucket", "vod/acme/"), ("protected_bucket", "")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["places", "output"])
def test_places_are_not_the_installations(
    kind: str, bucket: str, prefix: str, configure: Configure, set_settings: Callable[..., Settings]
) -> None:
    used = set_settings(media_bucket="common-media", protected_bucket="common-private")
    place = {"bucket": getattr(used, bucket), "prefix": prefix}
    assigned = {kind: [place] if kind == "places" else place}
    with pytest.raises(ConfigurationError, match=r"is not free.*the installation's outputs"):
        registry.configure("acme", {"assigned": assigned}, used, by="t", assigned_too=True)
    free = place | {"prefix": "acme-only/"}
    assigned = {kind: [free] if kind == "places" else free}
    registry.configure("acme", {"assigned": assigned}, used, by="t", assigned_too=True)


def test_places_hold_nothing_of_others(configure: Configure) -> None:
    with transaction("test") as connection:
        probed_source(connection, tenant="globex", key="inbox/globex.mp4")
        queued_job(connection, probed_source(connection, tenant="globex", key="globex/a.mp4"))
    for taken in (
        {"bucket": "footage", "prefix": "inbox/"},
        {"bucket": "footage"},
        {"bucket": "media", "prefix": "vod/"},
    ):
        with pytest.raises(ConfigurationError, match="things of tenant globex lie there"):
            configure(assigned={"places": [taken]})
    configure(assigned={"places": [{"bucket": "footage", "prefix": "inbox/acme/"}]})


def test_one_place_goes_to_one_of_two(configure: Configure, settings: Settings) -> None:
    """Whoever asks at the same moment for the same place is told that it is taken."""
    registry.create("globex", "", settings)
    said: list[str] = []
    assigned = {"assigned": {"places": [{"bucket": "footage", "prefix": "inbox/"}]}}
    barrier = threading.Barrier(2)

    def assign(slug: str) -> None:
        barrier.wait()
        try:
            registry.configure(slug, assigned, settings, by="t", assigned_too=True)
            said.append("done")
        except ConfigurationError as error:
            said.append("taken" if "is not free" in str(error) else str(error))

    threads = [threading.Thread(target=assign, args=(slug,)) for slug in ("acme", "globex")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["done", "taken"]


def test_a_tenants_own_change_is_not_refused_for_its_places(
    configure: Configure, settings: Settings, set_settings: Callable[..., Settings]
) -> None:
    """What was assigned before stays as it is, and is nothing that the tenant can do anything about."""
    configure(assigned={"places": [{"bucket": "common-media", "prefix": "vod/"}]})
    used = set_settings(media_bucket="common-media")
    assert registry.configure("acme", {"profile": "sd"}, used, by="acme", assigned_too=False).version == 2


def test_own_places_are_watched(
    configure: Configure, s3: S3Client, source_bucket: str, make_bucket: Callable[[], str]
) -> None:
    bucket, settings = make_bucket(), get_settings()
    place = {"bucket": bucket, "prefix": "in/"}
    configure(assigned={"places": [place]}, watch=[place | {"profile": "sd", "suffixes": [".mp4"]}])
    for key in ("in/a.mp4", "in/b.txt", "other/c.mp4"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    verdict = judge(watched(settings), bucket, "in/a.mp4")
    assert isinstance(verdict, Watched)
    assert (verdict.tenant, verdict.rule.profile) == ("acme", "sd")
    assert sweep(prefix="in/").registered == 1
    with transaction("test") as connection:
        (found,) = undispatched_sources(connection, 10)
    assert (found.tenant, found.key, found.profile) == ("acme", "in/a.mp4", "sd")


def test_a_place_that_cannot_be_listed_stops_nobody_else(
    configure: Configure, s3: S3Client, source_bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = {"bucket": "a-bucket-of-acme-that-is-gone"}  # sorts before all others
    configure(assigned={"places": [place]}, watch=[place])
    s3.put_object(Bucket=source_bucket, Key="globex/a.mp4", Body=b"x")
    assert sweep().registered == 1
    assert "that-is-gone/ of a tenant is left out" in caplog.text
