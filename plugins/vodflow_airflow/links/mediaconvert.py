"""Links into the MediaConvert console."""

from __future__ import annotations

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink


class MediaConvertJobLink(BaseAwsLink):
    """The summary page of a job in the AWS console."""

    name = "MediaConvert Job"
    key = "mediaconvert_job"
    format_str = BASE_AWS_CONSOLE_LINK + "/mediaconvert/home?region={region_name}#/jobs/summary/{job_id}"
