"""The pages, a module each with an ``APIRouter`` of its own; the order is that of the navigation."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from vodflow_airflow.ui.pages import failures, glance, reports, runs, static, videos

ROUTERS: Final[tuple[APIRouter, ...]] = (
    static.router,
    videos.router,
    reports.router,
    failures.router,
    runs.router,
    glance.router,
)
