"""Telling others what became of videos: notification channels and the metadata table."""
