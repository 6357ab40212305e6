"""Channels: which events belong there, what is refused, where secrets come from."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError
from vodflow.errors import ConfigurationError
from vodflow.settings import Settings
from vodflow.settings.channels import Channel, EventKind, reveal

CHANNEL: TypeAdapter[Channel] = TypeAdapter(Channel)
HOOK: dict[str, Any] = {"type": "webhook", "name": "crm", "url": "https://crm.example/hook", "secret": "s"}


def test_events_and_tenants_choose() -> None:
    channel = CHANNEL.validate_python(HOOK | {"tenants": ["acme", "globex-*"]})
    assert channel.wants(EventKind.PUBLISHED, "acme")
    assert channel.wants(EventKind.REJECTED, "globex-eu")
    assert not channel.wants(EventKind.PUBLISHED, "acme2")
    assert not channel.wants(EventKind.CANCELED, "acme"), "only on demand"
    assert CHANNEL.validate_python(HOOK | {"events": ["canceled"]}).wants(EventKind.CANCELED, "anybody")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "ftp://crm.example"}, "http:// or https://"),
        ({"url": "https:///hook"}, "with a host"),
        ({"url": "https://crm .example/topsecret"}, "spaces or control"),
        ({"url": "https://user:topsecret@crm.example"}, "user or password"),
        ({"url": "https://crm.example/#topsecret"}, "#fragment"),
        ({"url": "https://crm.example:topsecret/"}, "is no URL"),
        ({"secret": " "}, "must not be empty"),
        ({"name": "CRM"}, "pattern"),
        ({"attempts": 0}, "greater than or equal to 1"),
        ({"type": "teams"}, "does not match any of the expected tags"),
        ({"retries": 3}, "Extra inputs"),
    ],
)
def test_wrong_channels_are_refused_without_their_secrets(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CHANNEL.validate_python(HOOK | change)
    told = "; ".join(item["msg"] for item in caught.value.errors())
    assert message in told
    assert "topsecret" not in told


@pytest.mark.parametrize("arn", ["arn:aws:sqs:us-east-1:123456789012:q", "vodflow", "arn:aws:sns:us-east-1::t"])
def test_only_topics_are_topics(arn: str) -> None:
    with pytest.raises(ValidationError, match="topic_arn"):
        CHANNEL.validate_python({"type": "sns", "name": "n", "topic_arn": arn})


def test_secrets_may_stand_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("from-file\n")
    monkeypatch.setenv("HOOK_SECRET", "from-env")
    assert reveal(SecretStr(f"file:{path}")) == "from-file"
    assert reveal(SecretStr("env:HOOK_SECRET")) == "from-env"
    assert reveal(SecretStr("https://hooks.slack.com/services/T/B/x")).startswith("https:")


@pytest.mark.parametrize("secret", ["env:NOT_THERE", "file:/not/there", "file:/proc/self/mem"])
def test_a_secret_that_is_not_there_names_its_place(secret: str) -> None:
    with pytest.raises(ConfigurationError, match=secret):
        reveal(SecretStr(secret))


def test_settings_hide_secrets_and_refuse_two_channels_of_one_name() -> None:
    settings = Settings(notifications=(CHANNEL.validate_python(HOOK | {"secret": "hidden-one"}),))
    assert "hidden-one" not in repr(settings)
    assert "crm.example" not in repr(settings)
    with pytest.raises(ValidationError, match="notifications names crm twice"):
        Settings(notifications=(CHANNEL.validate_python(HOOK), CHANNEL.validate_python(HOOK)))


def test_not_even_a_traceback_shows_a_secret(set_settings: Callable[..., Settings]) -> None:
    secret = "-".join(["top", "secret"])  # not as a literal: tracebacks show the lines of code, too
    with pytest.raises(ConfigurationError) as caught:
        set_settings(notifications=json.dumps([HOOK | {"url": f"https://user:{secret}@crm.example", "secret": ""}]))
    assert "VODFLOW_NOTIFICATIONS.0.webhook.url" in str(caught.value)
    assert secret not in "".join(traceback.format_exception(caught.value))
