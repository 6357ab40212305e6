"""Signatures for CloudFront, checked as CloudFront documents that it checks them."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from pydantic import ValidationError
from vodflow.errors import ConfigurationError
from vodflow.playback.cdn import Cdn
from vodflow.playback.tokens import Claims
from vodflow.settings import Settings

CLAIMS = Claims("ada", 7, 9, "acme", "closed", "vod/acme/a b/1", 1.0, 1, 1_900_000_000, "x")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: Any) -> str:
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.decode()


def cdn(key: Any, **changes: Any) -> Cdn:
    values = {"cdn_url": "https://d.example/protected/", "cdn_key_id": "K2", "cdn_key": pem(key)}
    return Cdn(Settings(playback_delivery="cdn-url", **(values | changes)))


def opened(text: str) -> bytes:
    return base64.b64decode(text.translate(str.maketrans("-_~", "+=/")))


def policy_of(key: rsa.RSAPrivateKey, parts: dict[str, str]) -> Any:
    policy = opened(parts["Policy"])
    key.public_key().verify(opened(parts["Signature"]), policy, PKCS1v15(), hashes.SHA1())  # noqa: S303
    return json.loads(policy)["Statement"][0]


def test_one_signature_opens_all_outputs_of_a_job(key: rsa.RSAPrivateKey) -> None:
    made = cdn(key)
    address = made.address(CLAIMS, "cmaf/video_720p/00001.m4s")
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://d.example/protected/vod/acme/a%20b/1/cmaf/video_720p/00001.m4s"
    )
    query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
    assert query["Key-Pair-Id"] == "K2"
    assert policy_of(key, query) == {
        "Resource": "https://d.example/protected/vod/acme/a%20b/1/*",
        "Condition": {"DateLessThan": {"AWS:EpochTime": 1_900_000_000}},
    }
    assert made.address(CLAIMS, "hls/x.ts").partition("?")[2] == parts.query


def test_a_token_of_one_address_opens_for_that_address(key: rsa.RSAPrivateKey) -> None:
    bound = dataclasses.replace(CLAIMS, address="192.0.2.1")
    query = urlsplit(cdn(key).address(bound, "mp4/a.mp4")).query
    parts = {name: values[0] for name, values in parse_qs(query).items()}
    assert policy_of(key, parts)["Condition"]["IpAddress"] == {"AWS:SourceIp": "192.0.2.1/32"}


def test_cookies_are_for_the_prefix_alone(key: rsa.RSAPrivateKey) -> None:
    made = cdn(key, cdn_cookie_domain="example.org")
    cookies = made.cookies(CLAIMS)
    parts = dict(cookie.partition(";")[0].removeprefix("CloudFront-").split("=", 1) for cookie in cookies)
    assert set(parts) == {"Policy", "Signature", "Key-Pair-Id"}
    assert policy_of(key, parts)["Resource"] == "https://d.example/protected/vod/acme/a%20b/1/*"
    for cookie in cookies:
        assert "; Path=/protected/vod/acme/a%20b/1/;" in cookie
        assert cookie.endswith(
            "; Domain=example.org; Expires=Sun, 17 Mar 2030 17:46:40 GMT; Secure; HttpOnly; SameSite=None"
        )
    assert made.address(CLAIMS, "hls/x.ts", signed=False).endswith("/1/hls/x.ts")


def test_another_key_does_not_open(key: rsa.RSAPrivateKey) -> None:
    parts = {name: values[0] for name, values in parse_qs(urlsplit(cdn(key).address(CLAIMS, "a")).query).items()}
    with pytest.raises(InvalidSignature):
        policy_of(rsa.generate_private_key(65537, 2048), parts)


def test_wrong_settings_are_said(key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(ConfigurationError, match="no private key in PEM"):
        cdn(key, cdn_key="-----BEGIN NOTHING-----")
    with pytest.raises(ConfigurationError, match="no RSA key"):
        cdn(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ValidationError, match="needs cdn_url, cdn_key_id and cdn_key"):
        Settings(playback_delivery="cdn-cookie", cdn_url="https://d.example")
    cookies = {
        "playback_delivery": "cdn-cookie",
        "cdn_url": "https://d.example",
        "cdn_key_id": "K2",
        "cdn_key": pem(key),
    }
    with pytest.raises(ValidationError, match="needs playback_origins by name"):
        Settings(**cookies, playback_origins=("https://school.example", "*"))
    assert Settings(**cookies, playback_origins=("https://school.example",))
