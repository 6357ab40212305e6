"""The HTTP application: one route for each operation of the service model, and two of this program's own."""

from __future__ import annotations

import contextlib
import functools
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from botocore.credentials import Credentials
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from vodflow.errors import ConfigurationError

from local_mediaconvert.api.handlers import HANDLERS
from local_mediaconvert.api.routes import Operation, operations
from local_mediaconvert.api.signature import check_signature
from local_mediaconvert.errors import ApiError, bad_request, not_found
from local_mediaconvert.gate import Gate, Scope, has_key
from local_mediaconvert.jobs.faults import parse_plan
from local_mediaconvert.service import Service

log = logging.getLogger(__name__)

#: Routes of this program's own, beside AWS's.
HEALTH: Final = "/_vodflow/health"
FAULTS: Final = "/_vodflow/faults"

#: Largest request that is read, bytes.
_LARGEST: Final = 4 * 1024**2
#: Bytes after which a caller is cut off.
_PATIENCE: Final = 64 * 1024**2


#: What browsers send to any host without asking it first.
_SIMPLE: Final = frozenset({"text/plain", "multipart/form-data", "application/x-www-form-urlencoded"})


def create_app(service: Service, keys: Credentials, hosts: Sequence[str] = ()) -> FastAPI:
    """The application of a service, which it starts and stops.

    :param keys: what requests must be signed with
    :param hosts: names beside localhost under which it is asked
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await run_in_threadpool(service.stop)

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    for operation in operations():
        path = operation.path.replace("}", ":path}")
        app.add_api_route(
            path, _endpoint(service, keys, operation), methods=[operation.method], include_in_schema=False
        )
    app.add_api_route(HEALTH, _health, methods=["GET"])
    app.add_api_route(FAULTS, _show_faults(service), methods=["GET"])
    app.add_api_route(FAULTS, _replace_faults(service), methods=["PUT", "DELETE"])
    app.add_exception_handler(404, _unknown)
    app.add_exception_handler(405, _unknown)
    app.add_middleware(Gate, hosts=hosts, refuse=functools.partial(_refusal, keys))
    return app


def _refusal(keys: Credentials, scope: Scope, headers: Mapping[str, str]) -> str | None:
    """Why a request goes no further, or nothing; signatures are checked with the body."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() in _SIMPLE:
        return "Send JSON as application/json."
    if scope["path"].startswith("/_") and not has_key(headers, str(keys.get_frozen_credentials().secret_key)):
        return "Only its supervisor may ask."
    return None


def _endpoint(service: Service, keys: Credentials, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = await _body(request)
            answer = await run_in_threadpool(_answer, service, keys, operation, request, body)
        except ApiError as error:
            return _error(error)
        except Exception:
            log.exception("%s failed.", operation.name)
            return _error(
                ApiError("InternalServerErrorException", "An internal error occurred; see the service's log.")
            )
        return JSONResponse(answer, operation.status, headers=_headers())

    return endpoint


async def _body(request: Request) -> bytes:
    """The whole body. What is too large is read to its end all the same: a caller that still sends hears no answer."""
    chunks, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= _LARGEST:
            chunks += chunk
        elif size > _PATIENCE:
            break
    if size > _LARGEST:
        raise bad_request(f"The request is larger than {_LARGEST} bytes.")
    return bytes(chunks)


def _answer(service: Service, keys: Credentials, operation: Operation, request: Request, body: bytes) -> dict[str, Any]:
    asked = f"{request.scope['raw_path'].decode()}?{request.scope['query_string'].decode()}"
    headers = dict(request.headers)
    check_signature(request.method, f"http://{headers['host']}{asked}", headers, body, keys.get_frozen_credentials())
    service.faults.before(operation.name)
    parameters = operation.parameters(request.path_params, request.query_params, body)
    if operation.name == "DescribeEndpoints":
        return {"endpoints": [{"url": str(request.base_url).rstrip("/")}]}
    answer = HANDLERS[operation.name](service, parameters)
    service.faults.after(operation.name)
    return answer


async def _health() -> Response:
    return JSONResponse({"status": "ok", "time": int(time.time())})


def _show_faults(service: Service) -> Callable[[], Awaitable[Response]]:
    async def show() -> Response:
        return JSONResponse(service.faults.plan.model_dump(mode="json"))

    return show


def _replace_faults(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def replace(request: Request) -> Response:
        body = (await request.body()).decode() if request.method == "PUT" else "{}"
        try:
            service.faults.replace(parse_plan(body or "{}"))
        except ConfigurationError as error:
            return _error(bad_request(str(error)))
        return JSONResponse(service.faults.plan.model_dump(mode="json"))

    return replace


async def _unknown(request: Request, _: Exception) -> Response:
    return _error(not_found(f"The operation {request.method} {request.url.path}"))


def _error(error: ApiError) -> Response:
    return JSONResponse(
        {"message": error.message}, error.status, headers={**_headers(), "x-amzn-ErrorType": error.code}
    )


def _headers() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}
