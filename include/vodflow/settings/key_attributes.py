"""What an item's key is made of: the model of ``VODFLOW_DYNAMODB_KEY``. Pure."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: What a key's template may name.
PLACEHOLDERS: Final = ("tenant", "video", "video_id", "bucket", "key", "name", "stem")


def _known_placeholders(template: str) -> str:
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"is no template: {error}; write {{{{ and }}}} for braces") from error
    for _, field, format_spec, conversion in fields:
        if field is not None and (field not in PLACEHOLDERS or format_spec or conversion):
            raise ValueError(f"may name {', '.join('{' + name + '}' for name in PLACEHOLDERS)}, not {{{field}}}")
    return template


class KeyAttribute(BaseModel):
    """One attribute of the table's primary key.

    :param name: the attribute's name in the table
    :param value: its value; `{tenant}`, `{video}` (slug), `{video_id}` (in the catalog), `{bucket}`, `{key}`,
        `{name}` (last part of the key) and `{stem}` (that without suffix) are filled in
    :param type: S for text, N for a number
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=255)
    value: Annotated[str, AfterValidator(_known_placeholders)] = Field(min_length=1)
    type: str = Field(default="S", pattern="^[SN]$")

    def render(self, values: Mapping[str, object]) -> dict[str, str]:
        """The attribute value as DynamoDB's API takes it.

        :param values: one for each of :data:`PLACEHOLDERS`
        """
        return {self.type: self.value.format(**values)}
