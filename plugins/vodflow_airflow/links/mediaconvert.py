"""Links into the MediaConvert console."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink
from airflow.sdk import BaseOperator, Context


class MediaConvertJobLink(BaseAwsLink):
    """The summary page of a job in the AWS console."""

    name = "MediaConvert Job"
    key = "mediaconvert_job"
    format_str = BASE_AWS_CONSOLE_LINK + "/mediaconvert/home?region={region_name}#/jobs/summary/{job_id}"

    @classmethod
    def persist_job(cls, context: Context, operator: BaseOperator, job_id: str, *, region: Any, partition: str) -> str:
        """Keep what the task's button is made of; returns its address.

        :param region: a Region's name, such as ``eu-west-1``
        :param partition: ``aws``, ``aws-cn``, ``aws-us-gov``
        """
        cls.persist(context=context, operator=operator, region_name=region, aws_partition=partition, job_id=job_id)
        return cls.format_str.format(aws_domain=cls.get_aws_domain(partition), region_name=region, job_id=job_id)
