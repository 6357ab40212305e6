"""The UpdateItem request of one item: values as DynamoDB stores them, and the condition that keeps the order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from vodflow.errors import ConfigurationError
from vodflow.outcomes.dynamodb.items import EXPENDABLE, VERSION, without
from vodflow.settings.key_attributes import KeyAttribute

#: Bytes of our attributes at most. DynamoDB's limit is 400 KB an item, names included; the rest is left to the
#: attributes of others. (Amazon DynamoDB developer guide, "Quotas", "Item size".)
SIZE_LIMIT: Final = 300 * 1024

#: Bytes of a partition and of a sort key at most (same place).
_KEY_LIMITS: Final = (2048, 1024)

#: Numbers have up to 38 digits.
_DIGITS: Final = 12


def to_attribute(value: Any) -> dict[str, Any]:
    """A plain value as an attribute value; numbers keep their decimal form.

    :raises TypeError: for anything but None, bool, int, float, Decimal, str, lists and maps of these
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | float() | Decimal():
            return {"N": _number(value)}
        case str():
            return {"S": value}
        case Mapping():
            return {"M": {str(name): to_attribute(item) for name, item in value.items()}}
        case Sequence():
            return {"L": [to_attribute(item) for item in value]}
    raise TypeError(f"DynamoDB stores no {type(value).__name__}")


def _number(value: float | Decimal) -> str:
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not number.is_finite():
        raise TypeError(f"DynamoDB stores no {number}")
    return format(round(number, _DIGITS).normalize() if isinstance(value, float) else number, "f")


def size(attribute: Mapping[str, Any]) -> int:
    """Bytes that DynamoDB counts for an attribute value (developer guide, "DynamoDB item sizes and formats")."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return len(value) // 2 + 2
        case "M":
            return 3 + sum(1 + len(name.encode()) + size(item) for name, item in value.items())
        case "L":
            return 3 + sum(1 + size(item) for item in value)
    return 1


def fit(attributes: dict[str, Any], limit: int = SIZE_LIMIT) -> dict[str, Any]:
    """The attributes themselves, or without the largest dispensable ones when they would be over ``limit`` bytes."""
    for count in range(len(EXPENDABLE) + 1):
        tried = without(attributes, EXPENDABLE[:count]) if count else {**attributes, "incomplete": None}
        if _total(tried) <= limit:
            return tried
    return tried


def _total(attributes: Mapping[str, Any]) -> int:
    values = ((name, value) for name, value in attributes.items() if value is not None)
    return sum(len(name.encode()) + size(to_attribute(value)) for name, value in values)


def key(template: Sequence[KeyAttribute], values: Mapping[str, object]) -> dict[str, Any]:
    """The item's primary key.

    :raises ConfigurationError: when a value is empty, too long, or no number where one is asked for
    """
    found = {}
    for attribute, limit in zip(template, _KEY_LIMITS, strict=False):
        rendered = attribute.render(values)
        ((kind, text),) = rendered.items()
        if not text or len(text.encode()) > limit:
            raise ConfigurationError(
                f"VODFLOW_DYNAMODB_KEY: {attribute.name} is {len(text.encode())} bytes long; 1 to {limit} are allowed."
            )
        if kind == "N" and not text.isdecimal():
            raise ConfigurationError(f"VODFLOW_DYNAMODB_KEY: {attribute.name} is {text!r}, which is no number.")
        found[attribute.name] = rendered
    return found


def update_request(
    table: str, item_key: Mapping[str, Any], attributes: Mapping[str, Any], *, prefix: str = ""
) -> dict[str, Any]:
    """Arguments of UpdateItem: sets what has a value, removes what has none, if the item's version is older.

    Every name goes through ``ExpressionAttributeNames``: about 570 words are reserved, ``status`` among them.

    :param prefix: begins every attribute's name
    """
    names: dict[str, str] = {"#v": f"{prefix}{VERSION}"}
    values: dict[str, Any] = {}
    sets, removes = [], []
    for number, (name, value) in enumerate(attributes.items()):
        full = f"{prefix}{name}"
        if full in item_key:
            continue  # part of the key; DynamoDB refuses to set it, and it has its value already
        names[f"#a{number}"] = full
        if value is None:
            removes.append(f"#a{number}")
        else:
            values[f":a{number}"] = to_attribute(value)
            sets.append(f"#a{number} = :a{number}")
    values[":v"] = to_attribute(attributes[VERSION])
    expression = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else "")
    return {
        "TableName": table,
        "Key": dict(item_key),
        "UpdateExpression": expression,
        "ConditionExpression": "attribute_not_exists(#v) OR #v < :v",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
