"""What a tenant may have of its own, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from vodflow.errors import ConfigurationError
from vodflow.tenancy.configuration import MASK, Place, TenantConfiguration, differences, read, write

HOOK = {"type": "webhook", "name": "crm", "url": "https://hooks.example.com/a", "secret": "s3cret"}
PLACES = {"places": [{"bucket": "footage", "prefix": "acme/"}]}


def test_nothing_of_its_own() -> None:
    document, secrets = write(TenantConfiguration())
    assert read(document, secrets) == TenantConfiguration()
    assert not secrets
    assert read({}, {}) == TenantConfiguration()


def test_secrets_are_apart() -> None:
    found = read({"channels": [HOOK, {"type": "slack", "name": "team", "url": "https://slack.example.com/x"}]}, {})
    document, secrets = write(found)
    assert secrets == {
        "crm.url": "https://hooks.example.com/a", "crm.secret": "s3cret", "team.url": "https://slack.example.com/x"
    }  # fmt: skip
    assert [one["url"] for one in document["channels"]] == [MASK, MASK]
    assert document["channels"][0]["authorization"] is None
    assert "s3cret" not in str(document)
    assert read(document, secrets) == found


def test_a_mask_takes_a_stored_secret() -> None:
    with pytest.raises(ConfigurationError, match="Channel crm has no stored secret yet"):
        read({"channels": [HOOK | {"secret": MASK}]}, {})
    assert read({"channels": [HOOK | {"secret": MASK}]}, {"crm.secret": "kept"}).channels[0].name == "crm"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"profil": "sd"}, "profil: Extra inputs"),
        ({"assigned": {"profiles": ["sd"]}, "profile": "uhd"}, "profile uhd is none of those assigned: sd"),
        ({"assigned": {"profiles": []}}, "assigned.profiles"),
        ({"assigned": PLACES, "watch": [{"bucket": "footage", "prefix": "globex/"}]}, "lies in none of the assigned"),
        ({"assigned": PLACES, "watch": [{"bucket": "footage", "prefix": "acme"}]}, "lies in none of the assigned"),
        ({"assigned": {"places": [{"bucket": "footage", "prefix": "acme"}]}}, "assigned.places.0.prefix"),
        *(
            ({"assigned": PLACES, "watch": [{"bucket": "footage", "prefix": "acme/", **wrong}]}, says)
            for wrong, says in (
                ({"minimum_size": 2, "maximum_size": 1}, "watch.0: maximum_size must not be below minimum_size"),
                ({"minimum_age": float("inf")}, "watch.0.minimum_age"),
                ({"tenant_pattern": "{tenant}/"}, "watch.0.tenant_pattern"),
                ({"default_tenant": "globex"}, "watch.0.default_tenant"),
                ({"engine": "local"}, "watch.0.engine"),
            )
        ),
        ({"assigned": {"concurrency": 0}}, "assigned.concurrency"),
        ({"assigned": {"budget_day": "nan"}}, "assigned.budget_day"),
        ({"channels": [HOOK, HOOK]}, "channels names crm twice"),
        ({"channels": [HOOK | {"events": ["held"]}]}, "held concern all tenants"),
        ({"channels": [HOOK | {"tenants": ["globex"]}]}, "hears of that tenant alone"),
        ({"channels": [HOOK | {"secret": "env:VODFLOW_CATALOG_URL"}]}, "must be the value itself"),
        ({"channels": [HOOK | {"url": "file:/etc/passwd"}]}, "must be the value itself"),
        ({"channels": [HOOK | {"timeout": 60}]}, "timeout"),
        ({"channels": [{"type": "sns", "name": "x", "topic_arn": "arn:aws:sns:us-east-1:000000000000:t"}]}, "sns"),
        ({"channels": "crm"}, "channels"),
        ({"channels": ["crm"]}, "channels.0"),
        ({"access": "members"}, "access"),
        ({"playback": {"token_seconds": 1}}, "playback.token_seconds"),
    ],
)
def test_what_is_wrong_is_named(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        read(document, {})
    assert "s3cret" not in str(caught.value)


def test_own_rules_are_the_tenants() -> None:
    found = read({"assigned": PLACES, "watch": [{"bucket": "footage", "prefix": "acme/in/", "suffixes": [".mov"]}]}, {})
    rule = found.watch[0].rule("acme")
    assert (rule.default_tenant, rule.tenant_pattern, rule.suffixes) == ("acme", "", (".mov",))


@pytest.mark.parametrize(
    "more",
    [{}, {"maximum_size": 1}, {"minimum_size": 1, "maximum_size": 1}, {"suffixes": [""]}, {"minimum_age": 1e300}],
)
def test_what_is_taken_is_a_rule(more: dict[str, Any]) -> None:
    """All tenants' rules are read together: one that was taken must never be refused there."""
    found = read({"assigned": PLACES, "watch": [{"bucket": "footage", "prefix": "acme/", **more}]}, {})
    assert read(write(found)[0], {}).watch[0].rule("acme").bucket == "footage"


def test_places_that_meet() -> None:
    whole, part, other = Place(bucket="abc"), Place(bucket="abc", prefix="a/"), Place(bucket="abc", prefix="b/")
    assert whole.meets(part)
    assert part.meets(whole)
    assert not part.meets(other)
    assert not part.meets(Place(bucket="abd", prefix="a/"))


def test_differences() -> None:
    old, _ = write(TenantConfiguration())
    new, _ = write(read({"assigned": {"concurrency": 2}, "profile": "sd"}, {}))
    assert differences(old, new) == {
        "assigned.concurrency": {"old": None, "new": 2}, "profile": {"old": None, "new": "sd"}
    }  # fmt: skip
    assert differences(new, new) == {}
