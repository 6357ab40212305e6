"""The stack's DynamoDB table and SNS topics, made when the settings name them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from vodflow.settings import Settings
from vodflow.settings.channels import SnsChannel
from vodflow.stack.policies import queue_policy

#: What the demo switches on; anybody else may name tables and topics of his own.
DEMO_TABLE: Final = "vodflow-videos"
DEMO_TOPIC: Final = "vodflow-outcomes"


def demo_settings(account: str, region: str) -> dict[str, str]:
    """Variables that switch metadata and notifications on: a table, and a topic with a queue behind it."""
    events = ["published", "failed", "rejected", "canceled"]
    arn = f"arn:aws:sns:{region}:{account}:{DEMO_TOPIC}"
    channel = {"type": "sns", "name": "outcomes", "topic_arn": arn, "events": events}
    return {"VODFLOW_DYNAMODB_TABLE": DEMO_TABLE, "VODFLOW_NOTIFICATIONS": json.dumps([channel])}


class OutcomeResources:
    """Tables and topics; each topic has a queue of its name that receives all its messages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = sorted(
            channel.topic_arn for channel in settings.notifications if isinstance(channel, SnsChannel)
        )

    def complete(self, client: Callable[[str], Any]) -> bool:
        """Whether everything is there.

        :raises botocore.exceptions.ClientError: something is not
        """
        if self._settings.dynamodb_table:
            client("dynamodb").describe_table(TableName=self._settings.dynamodb_table)
        return all(client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] for arn in self._topics)

    def make(self, client: Callable[[str], Any]) -> None:
        """Create what is missing. Safe to run twice."""
        if self._settings.dynamodb_table:
            self._make_table(client("dynamodb"))
        for arn in self._topics:
            _make_topic(client("sns"), client("sqs"), arn)

    def _make_table(self, dynamodb: Any) -> None:
        key = self._settings.dynamodb_key
        kinds = ("HASH", "RANGE")
        try:
            dynamodb.create_table(
                TableName=self._settings.dynamodb_table,
                KeySchema=[
                    {"AttributeName": part.name, "KeyType": kind} for part, kind in zip(key, kinds, strict=False)
                ],
                AttributeDefinitions=[{"AttributeName": part.name, "AttributeType": part.type} for part in key],
                BillingMode="PAY_PER_REQUEST",
            )
        except dynamodb.exceptions.ResourceInUseException:
            return


def _make_topic(sns: Any, sqs: Any, arn: str) -> None:
    name = arn.rpartition(":")[2]
    fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
    sns.create_topic(Name=name, Attributes=fifo)
    queue = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": queue_policy(name)})
    if not sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
        endpoint = arn.replace(":sns:", ":sqs:")
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint, Attributes={"RawMessageDelivery": "true"})
