"""Stands for a Keycloak realm: the endpoints of OpenID Connect under Keycloak's paths, with real signatures.

Whoever comes to the authorisation endpoint is the person that ``&person=`` names; there is no page and no password.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

_PROTOCOL = "/realms/media/protocol/openid-connect"


class OpenIdRealm:
    """``with OpenIdRealm({"ann": [["vodflow-viewers"], []]}) as realm:``: people, and their groups at each log-in."""

    CLIENT, SECRET = "airflow", "client's secret"

    def __init__(self, people: Mapping[str, list[list[str]]]) -> None:
        self.people = people
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, tuple[str, str]] = {}
        self._tokens: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/realms/media"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def metadata(self) -> dict[str, Any]:
        base = self.url.removesuffix("/realms/media") + _PROTOCOL
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{base}/auth",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
            "jwks_uri": f"{base}/certs",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> dict[str, Any]:
        key = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**key, "kid": "realm", "use": "sig", "alg": "RS256"}]}

    def authorize(self, query: Mapping[str, str]) -> str:
        """Where the browser is sent next."""
        code = secrets.token_hex(8)
        self._codes[code] = (query["person"], query.get("nonce", ""))
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, code: str) -> dict[str, Any]:
        """A code is good once."""
        person, nonce = self._codes.pop(code)
        now, access = int(time.time()), secrets.token_hex(16)
        self._tokens[access] = person
        claims = {"iss": self.url, "aud": self.CLIENT, "sub": person, "iat": now, "exp": now + 300, "nonce": nonce}
        signed = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "realm"})
        return {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    def user_info(self, access: str) -> dict[str, Any]:
        person = self._tokens[access]
        name = {"given_name": person.title(), "family_name": "Lee", "email": f"{person}@example.com"}
        return {"sub": person, "preferred_username": person, **name, "groups": self.people[person].pop(0)}


def _handler(realm: OpenIdRealm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            path = url.path.removeprefix(_PROTOCOL)
            if path == "/auth":
                self.send_response(302)
                self.send_header("Location", realm.authorize(query))
                self.end_headers()
            elif path == "/certs":
                self._answer(realm.keys())
            elif path == "/userinfo":
                self._answer(realm.user_info(self.headers["Authorization"].removeprefix("Bearer ")))
            else:
                self._answer(realm.metadata())

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            given = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
            known = given == f"{realm.CLIENT}:{realm.SECRET}"
            self._answer(realm.token(form["code"][0]) if known else {"error": "invalid_client"}, 200 if known else 401)

        def _answer(self, document: dict[str, Any], status: int = 200) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
