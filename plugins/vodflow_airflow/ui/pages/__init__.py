"""The pages, a module each with an ``APIRouter`` of its own; the order is that of the navigation."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from vodflow_airflow.ui.pages import actions, failures, glance, one_video, reports, runs, static, videos

ROUTERS: Final[tuple[APIRouter, ...]] = (
    static.router,
    videos.router,
    one_video.router,
    actions.router,
    reports.router,
    failures.router,
    runs.router,
    glance.router,
)
