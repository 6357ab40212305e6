"""Failed DAG runs in a Slack channel, through Airflow's own Slack provider.

For runs, not for videos: a run that fails before anything of it is in the catalog, or for want of the catalog, is told
by nobody else. What became of a video is told by the channels of ``VODFLOW_NOTIFICATIONS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from vodflow.errors import ConfigurationError
from vodflow.settings import get_settings

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier

#: Seconds that Slack may take; the callback runs in the DAG processor, which must not wait long.
_TIMEOUT: Final = 10

#: Rendered with the run's context; run ids and reasons hold what Slack would take for its own markup.
_TEXT: Final = """\
{%- set name = run_id | string | replace('&', '&amp;') | replace('<', '&lt;') | replace('>', '&gt;') -%}
:x: *{{ dag.dag_id }}* failed: `{{ name }}`{% if reason is defined and reason %} ({{ reason }}){% endif %}"""


def slack_on_failure(conn_id: str | None = None, *, text: str = _TEXT) -> Sequence[BaseNotifier] | None:
    """What to give a DAG as ``on_failure_callback``; none when no connection is named.

    :param conn_id: an Airflow connection of type ``slackwebhook``; none means ``VODFLOW_SLACK_CONN_ID``
    :param text: the message, a template
    :raises ConfigurationError: a connection is named and the Slack provider is not installed
    """
    used = conn_id or get_settings().slack_conn_id
    if not used:
        return None
    try:
        from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            f"VODFLOW_SLACK_CONN_ID names {used}, but apache-airflow-providers-slack is not installed."
        ) from error
    arguments: dict[str, Any] = {"slack_webhook_conn_id": used, "text": text, "timeout": _TIMEOUT}
    return [SlackWebhookNotifier(**arguments, unfurl_links=False)]
