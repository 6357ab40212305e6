"""Telling others what became of a video: SNS, Slack, signed webhooks. See ``docs/notifications.md``."""
