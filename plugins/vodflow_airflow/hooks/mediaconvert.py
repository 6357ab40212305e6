"""AWS Elemental MediaConvert through an Airflow connection."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from vodflow.engines.mediaconvert import snapshot as states
from vodflow.engines.mediaconvert.client import MediaConvert
from vodflow.engines.mediaconvert.failures import api_failure, job_failure, time_limit_failure
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.submission_rate import SubmissionLimiter, configured_limiter
from vodflow.errors import ConfigurationError, VodflowError

#: Environment variables, the first that is set wins; all go before the connection.
ENDPOINT_VARIABLES: Final = ("AWS_MEDIACONVERT_ENDPOINT", "MEDIACONVERT_ENDPOINT")
ROLE_VARIABLES: Final = ("AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN")
QUEUE_VARIABLES: Final = ("AWS_MEDIACONVERT_QUEUE_ARN", "MEDIACONVERT_QUEUE_ARN", "MEDIACONVERT_QUEUE")
DISCOVERY_VARIABLE: Final = "MEDIACONVERT_ENDPOINT_DISCOVERY"

#: Below what an operator or a connection says. "adaptive" adds a client-side rate to backoff with jitter.
_DEFAULTS: Final = Config(
    connect_timeout=10, read_timeout=60, retries={"mode": "adaptive", "total_max_attempts": 10}, tcp_keepalive=True
)


class MediaConvertHook(AwsBaseHook):
    """Interact with AWS Elemental MediaConvert.

    A thin wrapper around ``boto3.client("mediaconvert")`` (``hook.conn``), with methods for what needs care. Those
    raise the errors of :mod:`vodflow.errors`: with the job's id (``external_id``), AWS's code (``code``) and message,
    and whether a retry can help (``retryable``).

    Endpoint: ``AWS_MEDIACONVERT_ENDPOINT`` or ``MEDIACONVERT_ENDPOINT``; then, in the connection's extra,
    ``service_config.mediaconvert.endpoint_url`` or ``endpoint_url``; then the regional endpoint. DescribeEndpoints is
    asked only where ``MEDIACONVERT_ENDPOINT_DISCOVERY`` or ``service_config.mediaconvert.endpoint_discovery`` is true,
    and once a process.

    Additional arguments (such as ``aws_conn_id``) go to :class:`AwsBaseHook`.
    """

    INTERMEDIATE_STATES: tuple[str, ...] = states.INTERMEDIATE_STATES
    FAILURE_STATES: tuple[str, ...] = states.FAILURE_STATES
    SUCCESS_STATES: tuple[str, ...] = states.SUCCESS_STATES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "mediaconvert"
        super().__init__(*args, **kwargs)

    # Configuration

    @cached_property
    def conn_config(self) -> AwsConnectionWrapper:
        """The connection, with the endpoint and the defaults of this hook in it."""
        wrapper: AwsConnectionWrapper = super().conn_config
        wrapper.botocore_config = _DEFAULTS.merge(wrapper.botocore_config or Config())
        endpoint = _environment(ENDPOINT_VARIABLES)
        if endpoint:
            wrapper.service_config = _with_endpoint(wrapper, endpoint)
        return wrapper

    def get_client_type(
        self,
        region_name: str | None = None,
        config: Config | None = None,
        deferrable: bool = False,  # noqa: FBT001, FBT002  (the provider's signature)
    ) -> Any:
        """A client; see the class for its endpoint."""
        wrapper = self.conn_config
        if self._asks_for_discovery() and wrapper.get_service_endpoint_url("mediaconvert") is None:
            key = (str(self.aws_conn_id), str(region_name or self.region_name))
            client = super().get_client_type
            endpoint = _discovered(key, lambda: client(region_name=region_name, config=config))
            wrapper.service_config = _with_endpoint(wrapper, endpoint)
        return super().get_client_type(region_name=region_name, config=config, deferrable=deferrable)

    @cached_property
    def waiter_path(self) -> os.PathLike[str] | None:
        """Our own waiters; the provider has none for MediaConvert."""
        return Path(__file__).parents[1] / "waiters" / "mediaconvert.json"

    @cached_property
    def conn(self) -> Any:
        """``boto3.client("mediaconvert")``; refuses when nothing names a region."""
        try:
            return super().conn
        except BotoCoreError as error:
            raise api_failure(error, "client") from error

    @property
    def place(self) -> dict[str, str]:
        """``region`` and ``partition`` of the connection, for links."""
        return {"region": str(self.conn_region_name), "partition": self.conn_partition}

    def resolve_role(self, role: str | None = None) -> str:
        """The IAM role's ARN: the argument, the environment, or ``service_config.mediaconvert.role_arn``.

        A name without ``/`` is looked up in IAM.

        :raises ConfigurationError: when there is none, or IAM does not know its name
        :raises EngineError: when IAM does not answer (retryable)
        """
        role = given(role) or _environment(ROLE_VARIABLES) or self.service_config.get("role_arn")
        if not role:
            raise ConfigurationError(
                "MediaConvert needs an IAM role: give role_arn, set MEDIACONVERT_ROLE_ARN, or add "
                '{"service_config": {"mediaconvert": {"role_arn": "arn:aws:iam::…:role/…"}}} to the extra of '
                f"connection {self.aws_conn_id}"
            )
        try:
            return str(self.expand_role(role))
        except (ClientError, BotoCoreError) as error:
            raise api_failure(error, f"GetRole of {role}", service="IAM") from error

    def resolve_queue(self, queue: str | None = None) -> str | None:
        """A queue's name or ARN, found like the role; none means MediaConvert's default queue."""
        return given(queue) or _environment(QUEUE_VARIABLES) or self.service_config.get("queue")

    # Jobs

    @property
    def service(self) -> MediaConvert:
        """The calls that need care, with the errors of :mod:`vodflow.errors`."""
        return MediaConvert(self.conn)

    def create_job(self, **request: Any) -> dict[str, Any]:
        """Submit a job at the shared rate; returns the new job, or the one that has the same client request token.

        :raises JobSettingsError: for settings that MediaConvert refuses, with its messages
        """
        self.limiter.acquire(f"{self.aws_conn_id}|{self.conn_region_name}|{self.conn_client_meta.endpoint_url}")
        return self.service.create(request)

    def get_job(self, job_id: str) -> dict[str, Any]:
        """One job, as boto3 returns it.

        :raises EngineError: when there is none (not retryable), or MediaConvert does not answer (retryable)
        """
        return self.service.get(job_id)

    def get_job_state(self, job_id: str) -> str:
        """The status of one job."""
        return str(self.get_job(job_id)["Status"])

    def cancel_job(self, job_id: str) -> bool:
        """Cancel a job; false when it has ended already or is unknown. Cancelling twice is fine."""
        cancelled = self.service.cancel(job_id)
        if not cancelled:
            self.log.info("MediaConvert job %s has ended already or is unknown; nothing to cancel", job_id)
        return cancelled

    def iterate_jobs(self, *, max_pages: int = 50, **query: Any) -> Iterator[dict[str, Any]]:
        """Jobs, newest first: of SearchJobs where ``InputFile`` is given, else of ListJobs.

        :param max_pages: most calls, twenty jobs each
        :param query: ``InputFile``, ``Queue``, ``Status``
        """
        return self.service.jobs(max_pages=max_pages, **query)

    def find_job(
        self,
        metadata: Mapping[str, str],
        *,
        input_file: str | None = None,
        statuses: Sequence[str] | None = None,
        max_pages: int = 50,
    ) -> dict[str, Any] | None:
        """The newest job whose ``UserMetadata`` has all these entries.

        :param input_file: an input of the job; it makes the search short
        :param statuses: only jobs in one of them; none means any
        """
        found = self.service.find(metadata, input_file=input_file, max_pages=max_pages)
        return next((job for job in found if job["Status"] in (statuses or job["Status"])), None)

    def wait_for_job(
        self,
        job_id: str,
        *,
        delay: float,
        max_attempts: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> dict[str, Any]:
        """Wait until a job is COMPLETE, logging its progress; returns it.

        Throttling and lost connections are waited out.

        :param delay: seconds between two looks
        :raises VodflowError: that of the job, see :func:`vodflow.engines.mediaconvert.failures.job_failure`
        """
        last: Snapshot | None = None
        for _ in range(max_attempts):
            try:
                job = self.get_job(job_id)
            except VodflowError as error:
                if not error.retryable:
                    raise
                self.log.warning("%s; looking again in %s s", error, delay)
            else:
                current = Snapshot.of(job)
                if current != last:
                    self.log.info("%s", progress_line(current))
                if current.ended:
                    return self.checked(job)
                last = current
            sleep(delay)
        raise time_limit_failure(job_id, delay * max_attempts, retryable=True)

    def checked(self, job: dict[str, Any]) -> dict[str, Any]:
        """The same job when it did not fail.

        :raises VodflowError: that of a job in ERROR or CANCELED
        """
        if job["Status"] in self.FAILURE_STATES:
            raise job_failure(job["Id"], job["Status"], code=job.get("ErrorCode"), message=job.get("ErrorMessage"))
        return job

    @cached_property
    def limiter(self) -> SubmissionLimiter:
        """What makes submissions wait: one file for all processes of the machine, or what the environment or
        ``service_config.mediaconvert`` (``submission_limiter``, ``submit_rate``) say.
        """
        own = self.service_config
        return configured_limiter(own.get("submission_limiter"), own.get("submit_rate"))

    def _asks_for_discovery(self) -> bool:
        asked = os.environ.get(DISCOVERY_VARIABLE) or self.service_config.get("endpoint_discovery")
        return str(asked).lower() in {"1", "true", "yes", "on"}


def progress_line(snapshot: Snapshot) -> str:
    """One line for a log."""
    parts = [f"MediaConvert job {snapshot.job_id}: {snapshot.status}"]
    if snapshot.status == "PROGRESSING":
        parts += [snapshot.phase] if snapshot.phase else []
        parts += [f"{snapshot.percent} %"] if snapshot.percent is not None else []
    return " ".join(parts)


_endpoints: dict[tuple[str, str], str] = {}
_endpoints_lock = threading.Lock()


def _discovered(key: tuple[str, str], client: Callable[[], Any]) -> str:
    """The account's endpoint, asked for once in a process: DescribeEndpoints is throttled hard."""
    with _endpoints_lock:
        if key not in _endpoints:
            try:
                _endpoints[key] = client().describe_endpoints(MaxResults=1)["Endpoints"][0]["Url"]
            except (ClientError, BotoCoreError) as error:
                raise api_failure(error, "DescribeEndpoints") from error
        return _endpoints[key]


def _with_endpoint(wrapper: AwsConnectionWrapper, endpoint: str) -> dict[str, dict[str, Any]]:
    own = {**wrapper.get_service_config("mediaconvert"), "endpoint_url": endpoint}
    return {**wrapper.service_config, "mediaconvert": own}


def _environment(names: Sequence[str]) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def given(value: str | None) -> str | None:
    """A template of an empty Param gives "None" or nothing; both mean that nothing was given."""
    return value if value and value != "None" else None
