"""Vodflow's domain library: video-on-demand pipelines without any workflow engine in sight."""

__version__ = "0.2.0"
