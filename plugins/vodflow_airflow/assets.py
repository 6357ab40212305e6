"""What Vodflow's pipelines tell other DAGs, which can be scheduled on it."""

from __future__ import annotations

from airflow.sdk import Asset

#: Changes whenever ``publish`` has published a video. The event's ``extra`` has the fields of
#: :class:`vodflow.pipeline.publish.PublishedVideo`. Publishing the same job again tells of it again.
PUBLISHED_VIDEO = Asset("vodflow_published_video")
