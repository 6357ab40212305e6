"""Tenants: their settings, secrets, keys, limits, and how one comes and goes."""
