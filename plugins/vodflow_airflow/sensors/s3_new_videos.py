"""Wait for new videos in S3, in anybody's DAG. Needs no catalog and no queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils import validate_execute_complete_event
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import conf
from airflow.sdk import Context, PokeReturnValue
from vodflow.contract.video_objects import VIDEO_SUFFIXES
from vodflow.errors import ConfigurationError, EngineError
from vodflow.sensing.novelty import Marker, new_videos
from vodflow.settings.watch_rules import WatchRule
from vodflow.storage.objects import ListedObject, listed

from vodflow_airflow.triggers.s3_new_videos import S3NewVideosTrigger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3NewVideosSensor(AwsBaseSensor[S3Hook]):
    """Succeeds when new videos lie below a prefix, and returns them.

    The XCom is a list of ``{"uri", "bucket", "key", "size", "etag", "last_modified"}``, in key order.

    What is new:

    * with ``since``, objects modified at or after that time. Needs no memory, so a retry finds the same again; the
      choice for scheduled DAGs: ``since="{{ prev_start_date_success or data_interval_start }}"``.
    * without it, objects that were not there when the sensor began to look, overwritten ones included. It remembers
      what was there (up to 100,000 objects), across restarts of the triggerer but not across retries of the task.

    See docs/sensing.md for which to choose.

    :param bucket: name of the bucket (templated)
    :param prefix: only keys that begin with it (templated)
    :param suffixes: only keys that end with one of them, in any case; empty means every key (templated)
    :param since: ISO 8601 or datetime; without a zone it is UTC (templated)
    :param minimum_age: seconds since its last modification before an object counts
    :param minimum_size: bytes; smaller objects do not count
    :param maximum_size: bytes; larger objects do not count
    :param max_objects: most objects to return, so that the XCom stays small
    :param deferrable: wait in the triggerer and hold no worker slot
    :param aws_conn_id: the Airflow connection used for AWS credentials, with ``region_name``, ``verify`` and
        ``botocore_config`` as everywhere in the Amazon provider
    """

    aws_hook_class = S3Hook
    template_fields: Sequence[str] = aws_template_fields("bucket", "prefix", "suffixes", "since")

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        suffixes: Sequence[str] = VIDEO_SUFFIXES,
        since: str | datetime | None = None,
        minimum_age: float = 0.0,
        minimum_size: int = 1,
        maximum_size: int | None = None,
        max_objects: int = 1000,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.suffixes = suffixes
        self.since = since
        self.minimum_age = minimum_age
        self.minimum_size = minimum_size
        self.maximum_size = maximum_size
        self.max_objects = max_objects
        self.deferrable = deferrable
        self._marker: Marker | None = None
        if since is None and self.mode == "reschedule" and not deferrable:
            raise ValueError(
                f"Task {self.task_id}: mode='reschedule' forgets what was there at the start; give `since`, or use "
                "deferrable=True."
            )

    def execute(self, context: Context) -> Any:
        """Look once; then wait here, or defer.

        :raises ConfigurationError: when ``since`` is no time, or too many objects are there to remember
        """
        if not self.deferrable:
            return super().execute(context)
        looked = self.poke(context)
        if looked.is_done:
            return looked.xcom_value
        assert self._marker is not None  # noqa: S101  (poke made it)
        self.defer(
            trigger=S3NewVideosTrigger(
                rule=self._rule().model_dump(mode="json"),
                marker=self._marker.serialize(),
                max_objects=self.max_objects,
                poke_interval=self.poke_interval,
                aws_conn_id=self.aws_conn_id,
                region_name=self.region_name,
                verify=self.verify,
                botocore_config=self.botocore_config,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )
        return None

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002
        """List once; done when something is new."""
        if self._marker is None:
            since = _time(self.since)
            self._marker = Marker(since) if since else Marker.at_sight_of(self._present())
            if since is None:
                self.log.info("%d objects are there already", len(self._marker.known))
        rule, now, found = self._rule(), datetime.now(UTC), []
        for page in self._pages():
            found += new_videos(page, rule, self._marker, now)
            if len(found) >= self.max_objects:
                break
        return PokeReturnValue(is_done=bool(found), xcom_value=found[: self.max_objects])

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return what the trigger found.

        :raises EngineError: when S3 ended the waiting with an error (the task's retries apply)
        """
        validated = validate_execute_complete_event(event)
        if validated["status"] != "success":
            raise EngineError(validated["message"])
        objects: list[dict[str, Any]] = validated["objects"]
        self.log.info("Found %d new videos below s3://%s/%s", len(objects), self.bucket, self.prefix)
        return objects

    def _rule(self) -> WatchRule:
        return WatchRule(
            bucket=self.bucket,
            prefix=self.prefix,
            suffixes=tuple(self.suffixes),
            minimum_age=self.minimum_age,
            minimum_size=self.minimum_size,
            maximum_size=self.maximum_size,
        )

    def _present(self) -> Iterator[ListedObject]:
        for page in self._pages():
            yield from page

    def _pages(self) -> Iterator[list[ListedObject]]:
        client: S3Client = self.hook.get_conn()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix):
            yield [listed(item) for item in page.get("Contents", ())]


def _time(value: str | datetime | None) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ConfigurationError(f"since={value!r} is no time; write ISO 8601, as 2026-05-01T00:00:00Z.") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
