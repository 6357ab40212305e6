"""The routes, one module for each kind of thing."""

from vodflow.api.routes import (
    api_keys,
    audit,
    courses,
    dash,
    documents,
    health,
    hls,
    metrics,
    playback,
    tenants,
    whoami,
)

ROUTERS = (
    api_keys.router,
    audit.router,
    courses.router,
    dash.router,
    documents.router,
    health.router,
    hls.router,
    metrics.router,
    playback.router,
    tenants.router,
    whoami.router,
)
