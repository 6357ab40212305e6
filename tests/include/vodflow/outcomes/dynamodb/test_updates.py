"""UpdateItem requests: values, names, sizes, keys."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from vodflow.errors import ConfigurationError
from vodflow.outcomes.dynamodb import updates
from vodflow.outcomes.dynamodb.items import EXPENDABLE, VERSION
from vodflow.settings.key_attributes import KeyAttribute

ITEM = {VERSION: 7, "status": "PROGRESSING", "error": None, "progress": 12.5}


def plain(request: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """What the request sets, by the real names."""
    sets = request["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")[0]
    deserialize = TypeDeserializer().deserialize
    return {
        request["ExpressionAttributeNames"][name]: deserialize(request["ExpressionAttributeValues"][value])
        for name, _, value in (part.partition(" = ") for part in sets.split(", "))
    }


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (0, "0"),
        (100.0, "100"),
        (12.5, "12.5"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (-0.0, "-0"),
        (2**63, str(2**63)),
        (Decimal("3.140"), "3.140"),
        (29.97002997002997, "29.97002997003"),
    ],
)
def test_numbers_are_decimals_as_a_person_writes_them(value: float, stored: str) -> None:
    assert updates.to_attribute(value) == {"N": stored}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, object()])
def test_what_dynamodb_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="DynamoDB stores no"):
        updates.to_attribute(value)


def test_booleans_are_no_numbers_and_nesting_works() -> None:
    value = {"a": [True, None, "x", 1], "b": {}}
    assert TypeDeserializer().deserialize(updates.to_attribute(value)) == {"a": [True, None, "x", Decimal(1)], "b": {}}


def test_every_name_is_a_placeholder_and_what_has_no_value_is_removed() -> None:
    request = updates.update_request("videos", {"video_id": {"S": "a"}}, ITEM)
    assert plain(request) == {VERSION: 7, "status": "PROGRESSING", "progress": Decimal("12.5")}
    removed = request["UpdateExpression"].partition(" REMOVE ")[2].split(", ")
    assert [request["ExpressionAttributeNames"][name] for name in removed] == ["error"]
    words = request["UpdateExpression"] + request["ConditionExpression"]
    assert not any(name in words for name in ITEM)
    assert request["ConditionExpression"] == "attribute_not_exists(#v) OR #v < :v"
    assert request["ExpressionAttributeNames"]["#v"] == VERSION
    assert request["ExpressionAttributeValues"][":v"] == {"N": "7"}


def test_a_prefix_is_in_every_name_and_the_key_is_never_set() -> None:
    request = updates.update_request("videos", {"x_status": {"S": "a"}}, ITEM, prefix="x_")
    assert plain(request) == {f"x_{VERSION}": 7, "x_progress": Decimal("12.5")}


def test_an_item_that_fits_says_so_and_one_that_does_not_loses_the_dispensable_first() -> None:
    small = updates.fit(ITEM)
    assert small == {**ITEM, "incomplete": None}
    large = {
        **ITEM,
        "renditions": {"1080p": {"codec": "x" * 1000}},
        "outputs": {"hls": {"uri": "s3://" + "y" * 1000}},
        "error": {"message": "ü" * 300},
    }
    fitted = updates.fit(large, limit=2000)
    assert (fitted["renditions"], fitted["incomplete"]) == (None, True)
    assert fitted["outputs"] == large["outputs"]
    assert fitted["error"] == large["error"]
    least = updates.fit(large, limit=0)
    assert all(least[name] is None for name in EXPENDABLE)
    assert least["status"] == "PROGRESSING"


def test_sizes_are_dynamodbs() -> None:
    # Developer guide, "DynamoDB item sizes and formats": UTF-8 bytes; lists and maps 3 bytes and 1 a member.
    assert updates.size({"S": "äb"}) == 3
    assert updates.size({"M": {"ab": {"S": "xyz"}}}) == 3 + 1 + 2 + 3
    assert updates.size({"L": [{"BOOL": True}, {"NULL": True}]}) == 3 + 2 + 2


VALUES = {"tenant": "acme", "video": "a-123", "video_id": 12, "bucket": "b", "key": "acme/x/a.mp4"}
VALUES |= {"name": "a.mp4", "stem": "a"}


def test_keys_are_templates() -> None:
    template = [
        KeyAttribute(name="pk", value="VIDEO#{tenant}/{video}"),
        KeyAttribute(name="sk", value="{video_id}", type="N"),
    ]
    assert updates.key(template, VALUES) == {"pk": {"S": "VIDEO#acme/a-123"}, "sk": {"N": "12"}}


@pytest.mark.parametrize(
    ("attributes", "values", "message"),
    [
        ([KeyAttribute(name="pk", value="{stem}")], {"stem": ""}, "pk is 0 bytes long"),
        ([KeyAttribute(name="pk", value="{key}")], {"key": "ü" * 1100}, "pk is 2200 bytes long; 1 to 2048"),
        ([KeyAttribute(name="pk", value="{stem}", type="N")], {"stem": "abc"}, "'abc', which is no number"),
        (
            [KeyAttribute(name="pk", value="x"), KeyAttribute(name="sk", value="{key}")],
            {"key": "k" * 1025},
            "sk is 1025 bytes long; 1 to 1024",
        ),
    ],
)
def test_keys_that_dynamodb_would_refuse_name_the_setting(
    attributes: list[KeyAttribute], values: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        updates.key(attributes, {**VALUES, **values})
    assert "VODFLOW_DYNAMODB_KEY" in str(caught.value)


@pytest.mark.parametrize("template", ["{job}", "{tenant.__class__}", "{tenant!r}", "{0}", "{", "{tenant:>9}", "{}"])
def test_templates_name_known_values_only(template: str) -> None:
    with pytest.raises(ValueError, match=r"may name|is no template"):
        KeyAttribute(name="pk", value=template)
