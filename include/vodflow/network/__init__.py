"""Connections to places that somebody else names."""
