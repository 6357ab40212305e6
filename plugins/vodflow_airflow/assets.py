"""What Vodflow's pipelines tell other DAGs, which can be scheduled on it."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

#: Changes whenever ``publish`` has published a video. The event's ``extra`` has the fields of
#: :class:`vodflow.pipeline.asset_event.PublishedVideo`. Publishing the same job again tells of it again.
PUBLISHED_VIDEO = Asset("vodflow_published_video")

#: By it ``ingest`` changes that asset, for any number of videos or none: those whose key has bytes again that are
#: published already.
PUBLIC_AGAIN = AssetAlias("vodflow_public_again")

#: Changes when quality was measured, or found out not to be measurable: reports take it in.
MEASURED_QUALITY = Asset("vodflow_measured_quality")

#: By it ``measure`` changes that asset, and leaves it alone when it had nothing to do.
MEASURED = AssetAlias("vodflow_measured")
