"""What is asked and answered about tenants, their configurations, API keys and the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, StringConstraints

from vodflow.api.callers import Scope
from vodflow.api.models.common import Answer, Asked, AskedList
from vodflow.api.parameters import LongText, ShortText, TenantName
from vodflow.catalog.audit import AuditRow
from vodflow.catalog.states import TenantStatus
from vodflow.jobs.tenant_export import Exported
from vodflow.jobs.tenant_removal import Removed
from vodflow.tenancy.api_keys import ApiKey, NewApiKey
from vodflow.tenancy.registry import Configured


class NewTenant(Asked):
    """A tenant to be made."""

    slug: TenantName = Field(description="first part of every output path; stays for ever")
    name: Annotated[LongText, StringConstraints(max_length=255)] = Field(default="", description="for people")


class Renamed(Asked):
    """What may be changed of a tenant."""

    name: Annotated[LongText, StringConstraints(max_length=255)] = Field(description="for people")


class Suspension(Asked):
    """Why nothing new of a tenant may start."""

    reason: ShortText = Field(description="shown to whoever is refused")


class ExportRequest(Asked):
    """Where everything of a tenant is to be written."""

    target: Annotated[str, StringConstraints(pattern=r"^s3://[a-z0-9][a-z0-9.-]{2,62}(/[^\s]*)?$", max_length=1024)] = (
        Field(description="`s3://bucket/prefix`")
    )
    with_bytes: bool = Field(default=False, description="whether its objects are copied, too")


class TenantDocument(Answer):
    """One tenant."""

    slug: str
    name: str
    status: TenantStatus
    status_reason: str | None = Field(description="why it is suspended")
    status_at: datetime | None = Field(description="since when it has this status; null for the first one")
    created_at: datetime


class ConfigurationDocument(Answer):
    """What a tenant has otherwise than the installation."""

    version: int = Field(description="grows with each change; 0 while it has nothing of its own")
    configuration: dict[str, Any] = Field(description="see docs/tenants.md; `********` stands for a secret")
    updated_by: str | None

    @classmethod
    def of(cls, found: Configured) -> Self:
        """From the library's value."""
        return cls(version=found.version, configuration=found.document, updated_by=found.updated_by)


class ExportedDocument(Answer):
    """What an export holds."""

    target: str
    rows: int
    objects: int
    size: int = Field(description="bytes of the tenant's objects")
    files: list[str]

    @classmethod
    def of(cls, done: Exported) -> Self:
        """From the library's value."""
        return cls.model_validate(done)


class RemovedDocument(Answer):
    """What was removed with a tenant."""

    objects: int
    items: int = Field(description="of DynamoDB")
    rows: int
    exported_days: list[str] = Field(description="whose exports in S3 name the tenant until they are written again")

    @classmethod
    def of(cls, done: Removed) -> Self:
        """From the library's value."""
        return cls(
            objects=done.objects, items=done.items, rows=done.rows, exported_days=[str(day) for day in done.days]
        )


class NewKey(Asked):
    """An API key to be made."""

    name: ShortText = Field(description="which program has it")
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope), description="no more than the caller's own")
    tenant: TenantName | None = Field(default=None, description="whose; null means the caller's tenant, or none")
    expires_at: AwareDatetime | None = Field(default=None, description="null means never")


class Rotation(Asked):
    """How a key is replaced."""

    grace_seconds: int = Field(
        default=7 * 86_400, ge=0, le=90 * 86_400, description="for which the old key still holds"
    )


class KeyDocument(Answer):
    """An API key without what is secret of it."""

    id: int
    prefix: str = Field(description="its public part, as in `vf_<prefix>_…`")
    tenant: str | None = Field(description="whose; null means the installation's")
    name: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None = Field(description="about when it was used last")
    replaced_by: int | None = Field(description="id of its successor, once it is rotated")

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """From the library's value."""
        return cls.model_validate(key)


class NewKeyDocument(KeyDocument):
    """A key that was just made: the only time that it is shown."""

    key: str = Field(description="the key itself; it is kept nowhere")

    @classmethod
    def shown(cls, made: NewApiKey) -> Self:
        """From the library's value."""
        return cls(**KeyDocument.of(made.key).model_dump(), key=made.text)


class AuditQuery(AskedList):
    """Which changes are wanted; none means all."""

    tenant: TenantName | None = Field(default=None, description="of one tenant")
    action: ShortText | None = Field(default=None, description="for example `jobs.cancel`")
    actor: ShortText | None = Field(default=None, description="who made it")


class AuditDocument(Answer):
    """One change."""

    id: int
    at: datetime
    actor: str
    actor_kind: str
    tenant: str | None = Field(description="whose thing it was; null for what is not one tenant's")
    action: str
    object: str
    request_id: str | None
    address: str | None
    detail: dict[str, Any] | None

    @classmethod
    def of(cls, row: AuditRow) -> Self:
        """From the catalog's row."""
        return cls.model_validate(row)
