"""The routes, one module for each kind of thing."""

from vodflow.api.routes import health

ROUTERS = (health.router,)
