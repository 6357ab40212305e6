"""The routes, one module for each kind of thing."""

from vodflow.api.routes import documents, health, metrics, whoami

ROUTERS = (
    documents.router,
    health.router,
    metrics.router,
    whoami.router,
)
