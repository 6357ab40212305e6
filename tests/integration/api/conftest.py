"""A small application behind the same guard, for what the guard does whatever the routes are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient
from support.fixtures.api import Api
from vodflow.api import etags
from vodflow.api.access import AnyBody, JobsReader, JobsWriter, Public
from vodflow.api.app import make_routes
from vodflow.api.app_state import Services
from vodflow.api.authentication.api_keys import ApiKeys
from vodflow.api.authentication.service_tokens import ServiceTokens
from vodflow.api.guard import Guard
from vodflow.api.paging import Page, Pages, cursor_of, page
from vodflow.api.problems import Problem
from vodflow.catalog.database import acting_tenant
from vodflow.errors import CatalogUnavailable
from vodflow.settings import get_settings


class Wanted(BaseModel):
    """A body."""

    name: str = "x"


class Small:
    """Things that can be made, read and counted."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.version = 1
        self.streams_ended = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.router = APIRouter(tags=["things"])
        self._routes()

    def _routes(self) -> None:  # noqa: C901 - one after the other
        router = self.router

        @router.get("/things")
        def things(request: Request, response: Response, caller: JobsReader, paging: Pages) -> Page[int]:
            begin = (paging.after("up", int) or (0,))[0]
            items = list(range(begin + 1, min(begin + paging.limit, 10) + 1))
            return page(request, response, items, cursor_of("up", items[-1]) if items and items[-1] < 10 else None)

        @router.get("/things/{number}")
        def thing(request: Request, response: Response, number: int, caller: JobsReader) -> dict[str, Any]:
            etags.check(request, response, etags.etag_of("thing", number, self.version))
            return {"number": number, "version": self.version, "tenant": acting_tenant()}

        @router.put("/things/{number}", responses={412: {}})
        def change(request: Request, response: Response, number: int, caller: JobsWriter) -> dict[str, Any]:
            etags.check(request, response, etags.etag_of("thing", number, self.version))
            self.version += 1
            return {"version": self.version}

        @router.post("/things", status_code=201)
        def make(wanted: Wanted, response: Response, caller: JobsWriter) -> dict[str, Any]:
            self.entered.set()
            assert self.gate.wait(30)
            if wanted.name == "refused":
                raise Problem(409, "refused", "No.")
            if wanted.name == "away":
                raise CatalogUnavailable("away")
            if wanted.name == "broken":
                raise RuntimeError("broken")
            self.made.append(wanted.name)
            response.headers["Location"] = f"/things/{len(self.made)}"
            return {"made": len(self.made), "secret": f"secret of {wanted.name}"}

        @router.delete("/things")
        def clear(caller: JobsWriter) -> None:
            self.made.clear()

        @router.post("/hooks", dependencies=[Depends(Public("tests", own_proof=True)), Depends(AnyBody("tests"))])
        async def hook(request: Request) -> dict[str, Any]:
            caller = request.state.caller
            return {"caller": caller and caller.name, "body": (await request.body()).decode("latin-1")}

        @router.get("/stream")
        async def stream(caller: JobsReader) -> StreamingResponse:
            async def forever() -> AsyncIterator[str]:
                try:
                    while True:
                        yield "again\n"
                        await asyncio.sleep(0.01)
                finally:
                    self.streams_ended += 1

            return StreamingResponse(forever(), media_type="text/plain")

        @router.get("/open", dependencies=[Depends(Public("tests"))])
        def open_route(request: Request) -> dict[str, Any]:
            return {"caller": request.state.caller and request.state.caller.name}


@pytest.fixture
def small() -> Small:
    return Small()


@pytest.fixture
def call(api: Api, small: Small) -> Callable[..., TestClient]:
    """``call("acme")``: a client of the small application with every right in this tenant; ``call(proof=…)``."""

    def client(tenant: str | None = None, *, proof: str | None = None, **options: Any) -> TestClient:
        settings = get_settings()
        services = Services(settings, lambda _: pytest.fail("no Airflow here"))
        app = make_routes(services, [small.router])
        guarded = Guard(app, [ApiKeys(settings), ServiceTokens(settings)], services)
        token = api.token(tenant=tenant) if proof is None else proof
        return TestClient(guarded, headers={"Authorization": f"Bearer {token}"} if token else {}, **options)

    return client
