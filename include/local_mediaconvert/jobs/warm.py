"""What the fork server imports once for all workers; importing it again costs nothing."""

import gc

from local_mediaconvert import transcode
from local_mediaconvert.aws import client
from local_mediaconvert.jobs import worker
from local_mediaconvert.transcode import upload

__all__ = ["client", "transcode", "upload", "worker"]

# Forks share what is there now: the collector never writes to it again.
gc.collect()
gc.freeze()
