"""Playback as one object: tokens given out and looked at, documents rewritten, ways to bytes. One for a process."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Final

from anyio import CapacityLimiter

from vodflow.catalog import playback as rows
from vodflow.catalog.database import transaction
from vodflow.catalog.states import TenantStatus
from vodflow.contract import layout
from vodflow.contract.content_keys import LICENCES
from vodflow.errors import NotEnrolled, TokenInvalid, VideoNotPublic, VodflowError
from vodflow.playback import paths, rewriting
from vodflow.playback.cdn import Cdn
from vodflow.playback.documents import Document, DocumentCache, read_object
from vodflow.playback.enrolments import Enrolments, enrolments_of
from vodflow.playback.revocations import Revocations
from vodflow.playback.tokens import Claims, Tokens
from vodflow.publication.player import LIBRARIES, SCRIPT, player_page
from vodflow.settings import Settings
from vodflow.storage.clients import signing_client
from vodflow.tenancy import effective

_BY_CDN: Final = ("cdn-url", "cdn-cookie")
#: Addresses of objects that are remembered.
_ADDRESSES: Final = 10_000
#: Threads that open and read objects of S3 for players, at once.
_OBJECT_THREADS: Final = 16
#: From the specification's addresses of playlists and MPDs (/media/hls/{video}/…) to the one with a token in it.
UP: Final = "../../../play/{token}/"


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was given out.

    :param outputs: paths, below the job's prefix, of what people and players address
    """

    token: str
    claims: Claims
    outputs: list[str]

    @property
    def expires_at(self) -> datetime:
        """When it runs out."""
        return datetime.fromtimestamp(self.claims.expires_at, UTC)


class Playback:
    """What the routes and the fast way past them share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.revocations = Revocations(settings)
        self.documents = DocumentCache(settings.playback_cache_bytes)
        #: Who opens or reads objects waits for one of these, and leaves the other threads to the rest of the API.
        self.object_threads = CapacityLimiter(_OBJECT_THREADS)
        #: At once, so that a wrong key is said when the application is made.
        self._cdn = Cdn(settings) if settings.playback_delivery in _BY_CDN else None
        self._addresses: OrderedDict[tuple[str, str], tuple[int, str]] = OrderedDict()

    @cached_property
    def tokens(self) -> Tokens:
        """What signs and checks.

        :raises PlaybackUnavailable: the settings have no key
        """
        return Tokens(self.settings)

    @cached_property
    def enrolments(self) -> Enrolments:
        """Who knows the enrolments."""
        return enrolments_of(self.settings)

    def grant(
        self, video_id: int, user: str, *, course: str | None = None, seconds: int | None = None,
        address: str | None = None,
    ) -> Grant:  # fmt: skip
        """A token for what is public of a video now.

        :param user: who watches, as the learning platform calls them
        :param course: code of the course in which they do; none where it does not matter
        :param seconds: for which it holds; none means as the tenant or the settings say, which also say the most
        :param address: network address from which alone it may be used
        :raises VideoNotPublic: there is no such video of the acting tenant, or nothing of it is public
        :raises NotEnrolled: this person may not watch it now
        :raises PlaybackUnavailable: whether they may cannot be found out now
        """
        with transaction("playback.grant", self.settings) as connection:
            public = rows.public_video(connection, video_id)
            outputs = rows.outputs(connection, public.job_id) if public else []
        if public is None or public.tenant_status != TenantStatus.ACTIVE:
            raise VideoNotPublic(f"There is no video {video_id} that is public now.")
        if not self.enrolments.may_watch(public.tenant, video_id, user, course):
            where = f"course {course}" if course else "any course that has it"
            raise NotEnrolled(f"{user} may not watch video {video_id} now: not enrolled in {where}.")
        usual = effective(public.tenant, self.settings).own.playback.token_seconds
        token, claims = self.tokens.issue(
            user, video_id, public.job_id, public.tenant, (public.bucket, public.prefix), public.now,
            min(seconds or usual or self.settings.playback_token_seconds, self.settings.playback_token_limit), address,
        )  # fmt: skip
        return Grant(token, claims, outputs)

    def admit(self, token: str, address: str | None) -> Claims:
        """What a token grants to whoever sends it from this address.

        :raises PlaybackRefused: it is wrong, has run out, was taken back, or is another address's
        :raises PlaybackUnavailable: whether it was taken back is not known now
        """
        claims = self.tokens.check(token)
        if claims.address is not None and claims.address != address:
            raise TokenInvalid("This playback token belongs to another network address. Ask for one for this address.")
        self.revocations.check(claims)
        return claims

    def document(self, claims: Claims, path: str, token: str, root: str = "", *, rooted: bool = False) -> Document:
        """A playlist, MPD or manifest as the token's holder gets it.

        :param path: below the job's prefix
        :param root: path at which the application is mounted
        :param rooted: with addresses that go out from the specification's place for it
        :raises SourceNotFound: there is none
        """
        if path == layout.MANIFEST or not (rooted or self._cdn_of(claims) or self._is_licensed(claims, path)):
            return self._plain(claims, path)
        moved = partial(self._moved, claims, path, token, root, rooted=rooted)
        return self.documents.made((token, path, root, str(rooted)), moved)

    def cached(self, claims: Claims, path: str, token: str, root: str = "") -> Document | None:
        """The same where it is in memory, else none. Never waits, and takes no database."""
        if path == layout.MANIFEST or not self._cdn_of(claims):
            plain = self.documents.get((claims.bucket, claims.prefix, path))
            if plain is None or LICENCES.encode() not in plain.body:
                return plain
        return self.documents.get((token, path, root, str(False)))

    def location(self, claims: Claims, path: str, *, head: bool = False) -> str | None:
        """Where the bytes of an output are; none where they go through this process.

        The holder of the address may read until the token runs out, or for as long as the settings say.

        :param head: it is asked for headers alone, and what S3 signs is for one method
        """
        delivery = self.settings.playback_delivery
        if (cdn := self._cdn_of(claims)) is not None:
            return cdn.address(claims, path, signed=delivery == "cdn-url")
        if delivery != "s3-redirect" or head:
            return None
        return self._presigned(claims.bucket, f"{claims.prefix}/{path}", int(time.time() / self._half_life))

    def cookies(self, claims: Claims) -> list[str]:
        """Values of Set-Cookie that go with a playlist or MPD."""
        cdn = self._cdn_of(claims)
        return cdn.cookies(claims) if cdn and self.settings.playback_delivery == "cdn-cookie" else []

    def player(self, name: str) -> Document:
        """The page that plays, or a library beside it.

        :raises SourceNotFound: there is no such library in the media bucket
        """
        if name in LIBRARIES:
            read = partial(read_object, self.settings.media_bucket, name, self.settings)
            return self.documents.made((name,), lambda: Document.of(read(), SCRIPT))
        return Document.of(player_page(list(filter(self._is_there, LIBRARIES))), "text/html; charset=utf-8")

    def close(self) -> None:
        """Stop what goes on in the background."""
        self.revocations.close()

    def _is_there(self, library: str) -> bool:
        try:
            return bool(self.player(library))
        except VodflowError:
            return False

    @property
    def _half_life(self) -> float:
        return self.settings.playback_redirect_seconds / 2

    def _cdn_of(self, claims: Claims) -> Cdn | None:
        """The CDN serves the bucket of protected videos; whatever else is asked for goes through this process.

        So does what is bound to an IPv6 address: in CloudFront's policies there are IPv4 addresses alone (Developer
        Guide, "Use a custom policy").
        """
        bound = claims.address is not None and ":" in claims.address
        return self._cdn if claims.bucket == self.settings.protected_bucket and not bound else None

    def _is_licensed(self, claims: Claims, path: str) -> bool:
        """Whether it names where licences are to be had, which is another place for each token."""
        return path == layout.DASH_MANIFEST and LICENCES.encode() in self._plain(claims, path).body

    def _plain(self, claims: Claims, path: str) -> Document:
        def make() -> Document:
            body = read_object(claims.bucket, f"{claims.prefix}/{path}", self.settings)
            body = rewriting.relative_manifest(body) if path == layout.MANIFEST else body
            return Document.of(body, layout.content_type(path))

        return self.documents.made((claims.bucket, claims.prefix, path), make)

    def _moved(self, claims: Claims, path: str, token: str, root: str, *, rooted: bool) -> Document:
        plain, folder = self._plain(claims, path), path.partition("/")[0]
        up, by_cdn = UP.format(token=token) if rooted else "", self._cdn_of(claims) is not None

        def move(named: str) -> str | None:
            if by_cdn and paths.is_output(named) and not paths.names_others(named):
                return self.location(claims, named)
            return f"{up}{named}" if up else None

        if paths.suffix(path) == paths.PLAYLIST:
            body = rewriting.rewrite_playlist(plain.body.decode(), move, folder).encode()
        elif by_cdn:
            body = rewriting.rewrite_mpd(plain.body, move, folder)
        elif rooted:
            body = rewriting.root_mpd(plain.body, f"{up}{folder}/")
        else:
            body = plain.body
        if LICENCES.encode() in body:
            # Players ask at this address from the page that they are on, and not from the MPD's.
            here = (self.settings.api_url or root).rstrip("/")
            licences = f"{here}/api/v1/play/{token}/{LICENCES.removeprefix('../')}"
            body = body.replace(f">{LICENCES}<".encode(), f">{licences}<".encode())
        return Document.of(body, plain.content_type)

    def _presigned(self, bucket: str, key: str, period: int) -> str:
        """An address that reads an object for a while; the same within a period, so that caches know it again."""
        kept = self._addresses.get((bucket, key))
        if kept is None or kept[0] != period:
            parameters = {"Bucket": bucket, "Key": key}
            seconds = self.settings.playback_redirect_seconds
            url = signing_client(self.settings).generate_presigned_url(
                "get_object", Params=parameters, ExpiresIn=seconds
            )
            kept = self._addresses[(bucket, key)] = (period, url)
            while len(self._addresses) > _ADDRESSES:
                self._addresses.popitem(last=False)
        return kept[1]
