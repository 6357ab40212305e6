"""The last task of a video's run: verify what the engine wrote, then publish it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from vodflow_airflow.assets import PUBLISHED_VIDEO
from vodflow_airflow.links.published import ManifestLink, PlayerLink
from vodflow_airflow.operators.video_step import VideoStepOperator

if TYPE_CHECKING:
    from vodflow.pipeline.asset_event import PublishedVideo


class PublishOperator(VideoStepOperator):
    """Verify a job's outputs and publish them in one transaction, ``manifest.json`` last.

    Tells of it by an event of the asset :data:`~vodflow_airflow.assets.PUBLISHED_VIDEO`.

    :param job_id: id of the job in the catalog (templated)
    """

    template_fields: Sequence[str] = ("job_id",)
    operator_extra_links = (PlayerLink(), ManifestLink())
    ui_color = "#cdeac0"

    def __init__(self, *, job_id: Any, **kwargs: Any) -> None:
        super().__init__(outlets=[PUBLISHED_VIDEO], **kwargs)
        self.job_id = job_id
        self.published: PublishedVideo | None = None

    def execute(self, context: Context) -> str:
        """Verify and publish; returns the ``s3://`` URI of ``manifest.json``.

        :raises AirflowSkipException: the engine found the input to be at fault
        :raises AirflowFailException: a rule is broken; nothing is published
        """
        from vodflow.pipeline.publish import verify_and_publish  # noqa: PLC0415

        with self.step(context):
            self.published = verify_and_publish(int(self.job_id))
        context["outlet_events"][PUBLISHED_VIDEO].extra = dataclasses.asdict(self.published)
        return self.published.manifest
