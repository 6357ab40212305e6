"""The page that sends files from a browser: files of our own, and scripts that may ask us and S3 alone."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from vodflow.api.access import Public
from vodflow.api.app_state import services
from vodflow.api.problems import not_found
from vodflow.settings import Settings
from vodflow.storage.clients import signing_client

router = APIRouter(dependencies=[Depends(Public("it says nothing of anybody; what it asks for is asked with a right"))])

#: Stands for every bucket.
_ANY: Final = "any-bucket"

_FILES: Final = {"upload.js": "text/javascript", "upload.css": "text/css"}


@router.get("/upload", include_in_schema=False)
def to_page(request: Request) -> Response:
    """The page's files are beside it."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/upload/", 308)


@router.get("/upload/", include_in_schema=False)
def upload_page(request: Request) -> Response:
    """The page itself."""
    settings = services(request).settings
    return Response(
        _read("upload.html"),
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": content_policy(settings),
            "X-Frame-Options": "SAMEORIGIN",
            "Cache-Control": "no-cache",
        },
    )


@router.get("/upload/{name}", include_in_schema=False)
def page_file(name: str) -> Response:
    """A file of the page."""
    if name not in _FILES:
        raise not_found("such file")
    kind = f"{_FILES[name]}; charset=utf-8"
    return Response(_read(name), media_type=kind, headers={"Cache-Control": "no-cache"})


def content_policy(settings: Settings) -> str:
    """The page's Content-Security-Policy: it may ask us, and S3. No bucket is named: everybody reads it."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {' '.join(_origins(settings))}; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )


def _origins(settings: Settings) -> list[str]:
    """Where signed requests go: to one host for all buckets, or to one below it for each."""
    url = urlsplit(signing_client(settings).generate_presigned_url("put_object", Params={"Bucket": _ANY, "Key": "a"}))
    host = url.netloc.removeprefix(f"{_ANY}.")
    return [f"{url.scheme}://{host}"] + [f"{url.scheme}://*.{host}"] * (host != url.netloc)


@lru_cache
def _read(name: str) -> bytes:
    return (files("vodflow.api") / "pages" / name).read_bytes()
