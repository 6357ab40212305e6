"""What the pages tell people to type is accepted, and what they promise is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from vodflow.catalog.video_states import PublicOutputs, VideoState
from vodflow.outcomes.dynamodb import items
from vodflow.outcomes.notifications import messages, senders
from vodflow.settings.channels import Channel
from vodflow.settings.key_attributes import PLACEHOLDERS, KeyAttribute

DOCS = Path(__file__).resolve().parents[5] / "docs"


def exported(page: str, variable: str) -> str:
    found = re.search(rf"export {variable}='(.+?)'", (DOCS / page).read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_example_channels_are_channels() -> None:
    channels = TypeAdapter(list[Channel]).validate_json(exported("notifications.md", "VODFLOW_NOTIFICATIONS"))
    assert [channel.type for channel in channels] == ["sns", "slack", "webhook"]


def test_the_example_key_is_a_key_and_every_placeholder_is_explained() -> None:
    page = (DOCS / "metadata.md").read_text()
    assert len(TypeAdapter(list[KeyAttribute]).validate_json(exported("metadata.md", "VODFLOW_DYNAMODB_KEY"))) == 2
    assert all(f"`{{{name}}}`" in page for name in PLACEHOLDERS)


def test_the_example_document_can_be_sent() -> None:
    found = re.search(r"```json\n(.+?)```", (DOCS / "notifications.md").read_text(), re.DOTALL)
    assert found
    document: dict[str, Any] = json.loads(found[1])
    assert messages.slack(document)["text"] == "Published: trailer.mp4 (acme)"
    assert messages.sns(document, fifo=True)["MessageGroupId"] == "video-3"


def test_the_table_of_answers_is_the_codes() -> None:
    (line,) = [line for line in (DOCS / "notifications.md").read_text().splitlines() if line.startswith("| 408")]
    assert {int(code) for code in re.findall(r"\b4\d\d\b", line)} == senders._TRY_AGAIN


def test_every_attribute_is_described() -> None:
    from support.fixtures.values import MOMENT, media_info, new_source  # noqa: PLC0415
    from vodflow.catalog.rows import SourceRow  # noqa: PLC0415

    new = new_source().model_dump()
    row = SourceRow(
        **{name: new.get(name) for name in SourceRow.__dataclass_fields__}
        | {"id": 1, "video_id": 2, "size_bytes": 3, "status": "PROBED", "media_info": media_info()}
        | {"registered_at": MOMENT}
    )
    state = VideoState(2, 1, 0, row, None, PublicOutputs(1, "s3://m/x", MOMENT, "m", "p", (), ()))
    names = {*items.item(state, None), "incomplete"}
    page = (DOCS / "metadata.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in page) == []
