"""Tokens: what is no token of ours opens nothing, whatever it looks like."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from pydantic import ValidationError
from vodflow.errors import PlaybackUnavailable, TokenExpired, TokenInvalid
from vodflow.playback.tokens import Claims, Tokens
from vodflow.settings import Settings

KEY, OTHER = "a-secret-for-tests-" * 4, "another-secret-for-tests-" * 4


def tokens(*keys: str) -> Tokens:
    return Tokens(Settings(playback_keys=keys or (KEY,)))


def issued(made: Tokens, at: datetime | None = None, **changes: Any) -> tuple[str, Claims]:
    values: dict[str, Any] = {
        "user": "ada", "video_id": 7, "job_id": 9, "tenant": "acme", "place": ("media", "vod/acme/a/1"),
        "at": at or datetime.now(UTC), "seconds": 3600,
    }  # fmt: skip
    return made.issue(**(values | changes))


def test_a_token_says_what_it_grants() -> None:
    token, claims = issued(tokens(), address="192.0.2.1")
    assert tokens().check(token) == claims
    assert (claims.user, claims.video_id, claims.job_id, claims.tenant) == ("ada", 7, 9, "acme")
    assert (claims.bucket, claims.prefix, claims.address) == ("media", "vod/acme/a/1", "192.0.2.1")
    assert claims.expires_at - claims.not_before == 3600
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."), "it fits into a path"


def test_keys_are_changed_without_a_break() -> None:
    old, _ = issued(tokens(KEY))
    new, _ = issued(tokens(OTHER, KEY))
    assert tokens(OTHER, KEY).check(old).user == "ada"
    assert tokens(OTHER, KEY).check(new).user == "ada"
    with pytest.raises(TokenInvalid):
        tokens(OTHER).check(old)


def test_it_runs_out_and_begins() -> None:
    made, now = tokens(), datetime.now(UTC)
    over, _ = issued(made, now - timedelta(hours=2))
    with pytest.raises(TokenExpired, match="run out"):
        made.check(over)
    early, _ = issued(made, now + timedelta(minutes=5))
    with pytest.raises(TokenInvalid, match="does not hold yet"):
        made.check(early)


def test_none_holds_longer_than_the_settings_let_it() -> None:
    """What it was revoked by is forgotten then, though it was issued when tokens might hold for longer."""
    at = datetime.now(UTC) - timedelta(seconds=90)
    token, _ = issued(tokens(), at, seconds=3600)
    for limit, holds in ((3600, True), (100, True), (60, False)):
        made = Tokens(Settings(playback_keys=(KEY,), playback_token_limit=limit))
        if holds:
            assert made.check(token).expires_at == int(at.timestamp()) + limit
        else:
            with pytest.raises(TokenExpired):
                made.check(token)


@pytest.mark.parametrize("user", ["a" * 255, "\u00e4" * 255, "\U0001f511" * 255, "'\"\\/<>" * 36])
def test_whoever_it_is_the_token_holds(user: str) -> None:
    token, claims = issued(tokens(), user=user, place=("media", "vod/" + "a" * 200))
    assert tokens().check(token) == claims


def test_it_tells_moments_apart_as_the_catalog_does() -> None:
    at = datetime(2026, 11, 30, 12, 0, 0, 123_456, UTC)
    assert issued(tokens(), at)[1].issued_at == at.timestamp()


def test_it_runs_out_though_it_is_known() -> None:
    made = tokens()
    token, claims = issued(made, datetime.now(UTC) - timedelta(seconds=3598))
    assert made.check(token) == claims
    time.sleep(max(0.0, claims.expires_at - time.time()))
    with pytest.raises(TokenExpired):
        made.check(token)


def encoded(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def forged(change: dict[str, Any] | None = None, *, key: str = KEY, without: str = "", **header: Any) -> str:
    """A token made with the same claims, changed."""
    token, _ = issued(tokens())
    claims = jwt.decode(token, KEY, ["HS256"], audience="vodflow-playback") | (change or {})
    claims.pop(without, None)
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(claims, key, header.pop("alg", "HS256"), headers={"kid": kid, **header})


def unsigned(algorithm: str, **header: Any) -> str:
    token = issued(tokens())[0]
    kid = jwt.get_unverified_header(token)["kid"]
    return f"{encoded({'alg': algorithm, 'typ': 'JWT', 'kid': kid} | header)}.{token.split('.')[1]}."


def changed_body() -> str:
    head, _, signature = issued(tokens())[0].split(".")
    return f"{head}.{encoded({'vid': 8})}.{signature}"


FORGED = {
    "nothing": "",
    "words": "let me in",
    "dots": "..",
    "unicode": "t\u00f6ken.\u2028.\U0001f511",
    "surrogates": "a.\ud800.c",
    "NUL": "a.\0.c",
    "very long": "a" * 100_000,
    **{
        f"one that ends in {end!r}": issued(tokens())[0] + end
        for end in ("=", "==", "\n", " ", "\0", ".", "A", "\u00e9")
    },
    "deep": base64.urlsafe_b64encode(b"[" * 2500).decode() + ".e30.",
    "no algorithm": unsigned("none"),
    "no algorithm, in capitals": unsigned("NONE"),
    "a public key's algorithm": unsigned("RS256"),
    "an empty signature": unsigned("HS256"),
    "another algorithm of the family": forged(alg="HS512"),
    "another key": forged(key=OTHER),
    "another key by its name": jwt.encode({"sub": "ada"}, KEY, "HS256", headers={"kid": "0" * 12}),
    "no name of a key": jwt.encode({"sub": "ada"}, KEY, "HS256"),
    "a name that is none": unsigned("HS256", kid=["x"]),
    "a critical extension": forged(crit=["b64"], b64=False),
    "another audience": forged({"aud": "apache-airflow"}),
    "a list of audiences of others": forged({"aud": ["a", "b"]}),
    "another issuer": forged({"iss": "somebody"}),
    "a video that is none": forged({"vid": "x"}),
    "an end that is none": forged({"exp": "tomorrow"}),
    "a changed body": changed_body(),
    **{f"without {name}": forged(without=name) for name in ("iss", "aud", "sub", "vid", "ten", "pre", "exp", "iat")},
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
def test_what_is_none_of_ours_is_refused(token: str) -> None:
    made = tokens()
    for _ in range(2):  # nothing of it is remembered
        with pytest.raises(TokenInvalid, match="not a playback token"):
            made.check(token)


def test_every_single_change_is_refused() -> None:
    made = tokens()
    token, _ = issued(made)
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(TokenInvalid):
            made.check(token[:place] + other + token[place + 1 :])
        with pytest.raises(TokenInvalid):
            made.check(token[:place])


def test_keys_are_needed_and_long() -> None:
    with pytest.raises(PlaybackUnavailable, match="VODFLOW_PLAYBACK_KEYS"):
        Tokens(Settings())
    with pytest.raises(ValidationError, match="less than 32 bytes") as refused:
        Settings(playback_keys=("short",))
    assert "short" not in str(refused.value).replace("playback_keys", "")


def test_no_token_shows_its_key() -> None:
    token, _ = issued(tokens())
    assert KEY not in str(jwt.get_unverified_header(token))
