"""The routes, one module for each kind of thing."""

from vodflow.api.routes import api_keys, audit, documents, health, metrics, tenants, whoami

ROUTERS = (
    api_keys.router,
    audit.router,
    documents.router,
    health.router,
    metrics.router,
    tenants.router,
    whoami.router,
)
