"""Tokens of services: what is taken, and everything that is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from sqlalchemy import text
from support.fixtures.api import ISSUER, Api, public_pem, signing_key, token_claims
from vodflow.api.authentication import signing_keys
from vodflow.api.callers import Scope
from vodflow.catalog.database import transaction
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

RSA_KEY = rsa.generate_private_key(65537, 2048)
NOW = int(time.time())


def status(api: Api, token: str) -> tuple[int, str]:
    answer = api.client({"Authorization": f"Bearer {token}"}).get("/api/v1/whoami")
    return answer.status_code, answer.json().get("code", "")


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: Any, claims: Any, sign: Callable[[bytes], bytes] = lambda _: b"") -> str:
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def test_a_good_token_is_taken(api: Api) -> None:
    answer = api.client_as({Scope.JOBS_READ}, "acme").get("/api/v1/whoami")
    assert answer.json() == {
        "kind": "service", "name": "a-service", "tenant": "acme", "scopes": ["jobs:read"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "jobs:read openid tenants:everything"}, ["jobs:read"]),
        ({"scope": None, "scp": ["jobs:read", 7, None]}, ["jobs:read"]),
        ({"scope": None, "scp": "jobs:read videos:read"}, ["jobs:read", "videos:read"]),
        ({"scope": None}, []),
        ({"scope": {"jobs:read": True}}, []),
        ({"scope": 7}, []),
        ({"aud": ["other", "vodflow"]}, None),
    ],
)
def test_scopes_are_words_or_a_list(api: Api, claims: dict[str, Any], scopes: list[str] | None) -> None:
    answer = api.client({"Authorization": f"Bearer {api.token({Scope.JOBS_READ}, **claims)}"}).get("/api/v1/whoami")
    assert answer.json()["scopes"] == (["jobs:read"] if scopes is None else scopes)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 86_400},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": -1},
        {"exp": float("inf")},
        {"nbf": NOW + 86_400},
        {"iat": NOW + 86_400},
        {"iat": None},
        {"iat": "now"},
        {"aud": "somebody-else"},
        {"aud": ["somebody", "else"]},
        {"aud": None},
        {"aud": []},
        {"aud": {"vodflow": 1}},
        {"iss": "https://evil.test"},
        {"iss": f"{ISSUER}/"},
        {"iss": None},
        {"iss": [ISSUER]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 300},
        {"sub": "a\nb"},
    ],
)
def test_claims_that_are_wrong_or_missing(api: Api, claims: dict[str, Any]) -> None:
    wrong = {name: value for name, value in (token_claims() | claims).items() if value is not None}
    header = {"alg": "ES256", "typ": "JWT"}
    es256 = ECAlgorithm(ECAlgorithm.SHA256, ec.SECP256R1)
    token = by_hand(header, wrong, lambda signed: es256.sign(signed, signing_key()))
    assert status(api, token) == (401, "invalid_credentials")


@pytest.mark.parametrize("tenant", [None, "", "UPPER", "a/b", "../x", 7, ["acme"], "x" * 64, "acme\n", "**"])
def test_a_token_that_names_no_tenant_sees_nothing(api: Api, tenant: object) -> None:
    claims = {name: value for name, value in (token_claims() | {"tenant": tenant}).items() if value is not None}
    token = jwt.encode(claims, signing_key(), algorithm="ES256")
    assert status(api, token) == (403, "no_tenant")


def test_a_tenant_must_be_there_and_active(api: Api) -> None:
    assert status(api, jwt.encode(token_claims(tenant="nobody"), signing_key(), algorithm="ES256")) == (
        403, "unknown_tenant",
    )  # fmt: skip
    token = api.token(tenant="acme")
    assert status(api, token)[0] == 200
    for state in ("SUSPENDED", "DELETING"):
        with transaction("test") as connection:
            connection.execute(text("UPDATE tenant SET status = :state WHERE slug = 'acme'"), {"state": state})
        assert status(api, token) == (403, "tenant_suspended")
        assert status(api, api.key(tenant="acme").text) == (403, "tenant_suspended")
    with transaction("test") as connection:
        connection.execute(text("UPDATE tenant SET status = 'ACTIVE' WHERE slug = 'acme'"))
    assert status(api, token)[0] == 200


def test_a_right_of_the_installation_is_no_tenants(api: Api) -> None:
    assert "operations" in api.client_as().get("/api/v1/whoami").json()["scopes"]
    assert "operations" not in api.client_as(tenant="acme").get("/api/v1/whoami").json()["scopes"]


def hmac_with(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()


def forged() -> Iterator[str]:
    """Tokens with good claims that the issuer did not sign."""
    claims, pem = token_claims(), public_pem(signing_key()).encode()
    for name in ("none", "None", "NONE", "nOnE", ""):
        yield by_hand({"alg": name}, claims)
        yield by_hand({"alg": name}, claims, lambda _: b"x")
    for secret in (pem, pem.strip(), b"", public_pem(RSA_KEY).encode()):
        yield by_hand({"alg": "HS256"}, claims, hmac_with(secret))
        yield by_hand({"alg": "HS256", "kid": "../../../../dev/null"}, claims, hmac_with(secret))
    yield jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")
    yield jwt.encode(claims, RSA_KEY, algorithm="RS256")
    yield jwt.encode(claims, RSA_KEY, algorithm="PS256")
    yield jwt.encode(claims, ed25519.Ed25519PrivateKey.generate(), algorithm="EdDSA")
    yield jwt.encode(claims, ec.generate_private_key(ec.SECP384R1()), algorithm="ES384")
    own = json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key()))
    for header in (
        {"jwk": own},
        {"jku": "http://127.0.0.1:1/keys"},
        {"x5u": "http://127.0.0.1:1/keys"},
        {"x5c": ["AAAA"]},
        {"kid": "../../../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"kid": "x" * 5000},
        {"crit": ["b64"], "b64": False},
    ):
        yield jwt.encode(claims, RSA_KEY, algorithm="RS256", headers=header)
    good = jwt.encode(claims, signing_key(), algorithm="ES256")
    head, body, signature = good.split(".")
    yield f"{head}.{body}."
    yield f"{head}.{body}"
    yield f"{head}.{encoded({**claims, 'tenant': '*', 'sub': 'admin'})}.{signature}"
    yield f"{encoded({'alg': 'ES256', 'typ': 'x'})}.{body}.{signature}"
    yield f"{head}.{body}.{signature}.{signature}"
    yield f"{head}.{body}.{encoded(bytes(64))}"
    yield good + "A" * 9000


def test_no_forged_token_is_taken(api: Api) -> None:
    for token in forged():
        assert status(api, token) == (401, "invalid_credentials"), token[:200]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"crit": ["x"], "x": 1}, 401),
        ({"crit": []}, 401),
        ({"crit": "exp"}, 401),
        ({"kid": "../../../etc/passwd"}, 200),
        ({"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/keys"}, 200),
        ({"typ": "at+jwt", "cty": "x"}, 200),
    ],
)
def test_what_a_header_says_beside_the_algorithm(api: Api, header: dict[str, Any], expected: int) -> None:
    """What must be understood and is not is refused; what leads to keys elsewhere is not followed."""
    es256 = ECAlgorithm(ECAlgorithm.SHA256, ec.SECP256R1)
    token = by_hand({"alg": "ES256"} | header, token_claims(), lambda signed: es256.sign(signed, signing_key()))
    assert status(api, token)[0] == expected


def test_no_garbled_token_is_taken(api: Api) -> None:
    seed = random.Random(10)
    good = api.token()
    assert status(api, good)[0] == 200
    client = api.client()
    for _ in range(150):
        place = seed.randrange(len(good))
        other = seed.choice([character for character in "ABCabc019-_.=" if character != good[place]])
        token = seed.choice(
            [good[:place] + other + good[place + 1 :], good[:place], good[place:], good[:place] + other * 9]
        )
        answer = client.get("/api/v1/whoami", headers={"Authorization": f"Bearer {token}"})
        # The last character of a signature has bits that mean nothing.
        same = token[:-1] == good[:-1]
        assert answer.status_code == 401 or same, token


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "bearer x",
        "Basic YTpi",
        "Digest x",
        "vf_x",
        "Bearer vf_",
        "Bearer vf_abcdefgh_",
        "Bearer a b",
        "\xff",
    ],
)
def test_other_credentials_are_refused(api: Api, header: str) -> None:
    answer = api.client().get("/api/v1/whoami", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.json()["code"] in {"invalid_credentials", "not_authenticated"}


def test_two_credentials_are_one_too_many(api: Api) -> None:
    token, key = f"Bearer {api.token()}", api.key().text
    client = api.client()
    assert client.get("/api/v1/whoami", headers={"Authorization": token, "x-api-key": key}).status_code == 401
    twice = [("Authorization", token), ("Authorization", token)]
    assert client.get("/api/v1/whoami", headers=twice).status_code == 401


class Issuer:
    """An issuer's key set over HTTP."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.calls = 0
        self.status = 200
        self.body: bytes | None = None
        self.gate = threading.Event()
        self.gate.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.calls += 1
                issuer.gate.wait(4)
                body = issuer.body if issuer.body is not None else json.dumps({"keys": issuer.entries()}).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"

    def entries(self) -> list[Any]:
        made = []
        for kid, key in self.keys.items():
            kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
            made.append(json.loads(kind.to_jwk(key.public_key())) | {"kid": kid})
        oct_key = {"kty": "oct", "kid": "shared", "k": encoded(b"x" * 32), "alg": "HS256"}
        strange: list[Any] = [{"kty": "RSA"}, "no key", {"kty": "RSA", "n": "!", "e": "!"}, None, {"kty": ["RSA"]}]
        odd = [one | {"kid": ["odd"]} for one in made]
        return [*made, *odd, oct_key, *strange]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    made.keys["first"] = RSA_KEY
    yield made
    made.close()


@pytest.fixture
def with_issuer(api: Api, issuer: Issuer, set_settings: Callable[..., Settings]) -> Api:
    set_settings(jwt_jwks_url=issuer.url, jwt_keys="[]")
    return api


def signed(key: Any, kid: str | None, algorithm: str = "RS256") -> str:
    return jwt.encode(token_claims(), key, algorithm=algorithm, headers={"kid": kid} if kid else {})


def test_keys_are_fetched_and_change(with_issuer: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(signing_keys.time, "monotonic", lambda: clock[0])
    assert status(with_issuer, signed(RSA_KEY, "first"))[0] == 200
    assert status(with_issuer, signed(RSA_KEY, None))[0] == 200
    assert issuer.calls == 1
    second = ec.generate_private_key(ec.SECP256R1())
    issuer.keys["second"] = second
    # A key that nobody knows is asked for, but not for everybody who makes one up.
    assert status(with_issuer, signed(second, "second", "ES256"))[0] == 401
    assert issuer.calls == 1
    clock[0] += 31
    assert status(with_issuer, signed(second, "second", "ES256"))[0] == 200
    assert status(with_issuer, signed(second, "made up", "ES256"))[0] == 401
    assert issuer.calls == 2
    # The old one ends with its set.
    del issuer.keys["first"]
    clock[0] += 301
    assert status(with_issuer, signed(RSA_KEY, "first"))[0] == 401
    # An issuer that is away for a while is no reason to lock everybody out.
    issuer.status = 500
    clock[0] += 3600
    assert status(with_issuer, signed(second, "second", "ES256"))[0] == 200
    clock[0] += 24 * 3600
    assert status(with_issuer, signed(second, "second", "ES256")) == (503, "signing_keys_unavailable")


def test_an_issuer_that_hangs_holds_up_one_request(
    with_issuer: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(signing_keys.time, "monotonic", lambda: clock[0])
    token = signed(RSA_KEY, "first")
    assert status(with_issuer, token)[0] == 200
    clock[0] += 301
    issuer.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asks = pool.submit(status, with_issuer, token)
        while issuer.calls < 2:
            assert not asks.done()
        assert status(with_issuer, token)[0] == 200
        assert not asks.done(), "nobody waited for it"
        issuer.gate.set()
        assert asks.result(30)[0] == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 1}', b"<html>", b"[" * 100_000, b" " * 300_000])
def test_what_is_no_key_set_is_no_reason_to_believe(with_issuer: Api, issuer: Issuer, body: bytes) -> None:
    issuer.body = body
    assert status(with_issuer, signed(RSA_KEY, "first"))[0] == 503


def test_published_shared_keys_and_weak_ones_sign_nothing(with_issuer: Api, issuer: Issuer) -> None:
    issuer.keys["weak"] = weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    shared = by_hand({"alg": "HS256", "kid": "shared"}, token_claims(), hmac_with(b"x" * 32))
    assert status(with_issuer, shared)[0] == 401
    token = by_hand(
        {"alg": "RS256", "kid": "weak"},
        token_claims(),
        lambda signed: RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed, weak),
    )
    assert status(with_issuer, token)[0] == 401


def test_one_algorithm_is_not_another(with_issuer: Api, set_settings: Callable[..., Settings]) -> None:
    assert status(with_issuer, signed(RSA_KEY, "first", "PS256"))[0] == 401
    set_settings(jwt_algorithms='["PS256"]')
    assert status(with_issuer, signed(RSA_KEY, "first", "PS256"))[0] == 200
    assert status(with_issuer, signed(RSA_KEY, "first", "RS256"))[0] == 401
