"""A MediaConvert on this machine: AWS's HTTP API in front of a transcoder that writes real files.

``python -m local_mediaconvert --port 4571 --state DIR``; any AWS SDK speaks to it through ``endpoint_url``.
"""
