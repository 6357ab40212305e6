"""The waiting half of :class:`~vodflow_airflow.sensors.s3_new_videos.S3NewVideosSensor`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.triggers.base import BaseTrigger, TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError
from vodflow.sensing.novelty import Marker, new_videos
from vodflow.settings.watch_rules import WatchRule
from vodflow.storage.objects import listed


class S3NewVideosTrigger(BaseTrigger):
    """Lists a prefix until something new is there, then fires with what it found.

    All its state is in its arguments, so a restarted triggerer goes on with the same marker.

    :param rule: a :class:`~vodflow.settings.WatchRule` as a dictionary
    :param marker: a :class:`~vodflow.sensing.novelty.Marker`, serialised
    :param max_objects: most objects of one event
    :param poke_interval: seconds between two listings
    """

    def __init__(
        self,
        *,
        rule: dict[str, Any],
        marker: dict[str, Any],
        max_objects: int,
        poke_interval: float,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rule = rule
        self.marker = marker
        self.max_objects = max_objects
        self.poke_interval = poke_interval
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as the triggerer's database keeps them."""
        return (
            "vodflow_airflow.triggers.s3_new_videos.S3NewVideosTrigger",
            {
                "rule": self.rule,
                "marker": self.marker,
                "max_objects": self.max_objects,
                "poke_interval": self.poke_interval,
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
                "verify": self.verify,
                "botocore_config": self.botocore_config,
            },
        )

    @property
    def hook(self) -> S3Hook:
        return S3Hook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            config=self.botocore_config,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once: with the new objects, or with the error of S3 that ended the waiting."""
        rule, marker = WatchRule.model_validate(self.rule), Marker.deserialize(self.marker)
        try:
            async with await self.hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
                while not (found := await self._look(client, rule, marker)):
                    self.log.info(
                        "Nothing new below s3://%s/%s; looking again in %s s",
                        rule.bucket,
                        rule.prefix,
                        self.poke_interval,
                    )
                    await asyncio.sleep(self.poke_interval)
        except (ClientError, BotoCoreError) as error:
            message = f"Could not list s3://{rule.bucket}/{rule.prefix}: {error}"
            yield TriggerEvent({"status": "error", "message": message})  # type: ignore[no-untyped-call]
            return
        yield TriggerEvent({"status": "success", "objects": found})  # type: ignore[no-untyped-call]

    async def _look(self, client: Any, rule: WatchRule, marker: Marker) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=rule.bucket, Prefix=rule.prefix)
        async for page in pages:
            found += new_videos(map(listed, page.get("Contents", ())), rule, marker, datetime.now(UTC))
            if len(found) >= self.max_objects:
                break
        return found[: self.max_objects]
