"""Items of a tenant that goes."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.dialects.postgresql import distinct_on

from vodflow.catalog.database import transaction
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.source_rows import select_sources
from vodflow.catalog.tables import source
from vodflow.errors import EngineUnavailable
from vodflow.outcomes.dynamodb import items, updates
from vodflow.outcomes.dynamodb.sync import dynamodb_client
from vodflow.settings import Settings

_PAGE: Final = 500


def remove_items(tenant_id: int, *, settings: Settings) -> int:
    """Delete the item of each of the tenant's videos; returns how many videos there were. Safe to run twice.

    :raises EngineUnavailable: DynamoDB does not answer, or refuses
    """
    removed = after = 0
    while True:
        query = select_sources().where(source.c.tenant_id == tenant_id, source.c.video_id > after)
        query = query.ext(distinct_on(source.c.video_id)).order_by(source.c.video_id, source.c.id.desc()).limit(_PAGE)
        with transaction("tenants.delete", settings) as connection:
            page = [SourceRow.of(row) for row in connection.execute(query)]
        for row in page:
            key = updates.key(settings.dynamodb_key, items.key_values(row))
            try:
                dynamodb_client(settings).delete_item(TableName=str(settings.dynamodb_table), Key=key)
            except (ClientError, BotoCoreError) as error:
                raise EngineUnavailable(f"The item {key} of {settings.dynamodb_table} stays: {error}") from error
            after = row.video_id
        removed += len(page)
        if len(page) < _PAGE:
            return removed
