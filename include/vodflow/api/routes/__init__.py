"""The routes, one module for each kind of thing."""

from vodflow.api.routes import (
    api_keys,
    audit,
    courses,
    dash,
    documents,
    eventbridge,
    health,
    hls,
    licences,
    mediaconvert_webhook,
    metrics,
    playback,
    s3_events,
    tenants,
    whoami,
)

ROUTERS = (
    api_keys.router,
    audit.router,
    courses.router,
    dash.router,
    documents.router,
    eventbridge.router,
    health.router,
    hls.router,
    licences.router,
    mediaconvert_webhook.router,
    metrics.router,
    playback.router,
    s3_events.router,
    tenants.router,
    whoami.router,
)
