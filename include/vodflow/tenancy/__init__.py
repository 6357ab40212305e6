"""Tenants: their settings, secrets, keys, limits, and how one comes and goes. See docs/tenants.md."""

from vodflow.tenancy.effective import Effective, effective, state

__all__ = ["Effective", "effective", "state"]
