"""Whose what is, who may call, and what they did: tenants' settings, API keys, the audit trail."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from vodflow.catalog.tables.base import identity, metadata, one_of, timestamp

tenant_configuration = Table(
    "tenant_configuration",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenant.id"), primary_key=True, autoincrement=False),
    Column("document", JSONB, nullable=False, comment="vodflow.tenancy.configuration.TenantConfiguration"),
    Column("secrets", JSONB(none_as_null=True), comment="its secrets by name, each encrypted"),
    Column("version", Integer, nullable=False, server_default=text("1"), comment="grows with each change"),
    timestamp("updated_at", nullable=False),
    Column("updated_by", Text, nullable=False),
    CheckConstraint("version > 0", name="version"),
    comment="What a tenant has otherwise than the installation: profiles, places, limits, channels.",
)

api_key = Table(
    "api_key",
    metadata,
    identity(),
    Column("prefix", Text, nullable=False, unique=True, comment="the key's public part, by which it is found"),
    Column("hash", Text, nullable=False, comment="hex of the SHA-256 of the whole key"),
    Column("tenant_id", BigInteger, ForeignKey("tenant.id"), comment="whose; none means the installation's"),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    timestamp("created_at", nullable=False),
    Column("created_by", Text, nullable=False),
    timestamp("expires_at"),
    timestamp("revoked_at"),
    timestamp("used_at", comment="about when it was used last"),
    Column("replaced_by", BigInteger, ForeignKey("api_key.id"), comment="its successor, once it is rotated"),
    CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash"),
    CheckConstraint("prefix ~ '^[A-Za-z0-9]{8,32}$'", name="prefix"),
    CheckConstraint("name <> ''", name="name"),
    Index("ix_api_key_tenant_id", "tenant_id"),
    comment="Keys of programs that call the API. The key itself is shown once and kept nowhere.",
)

audit_event = Table(
    "audit_event",
    metadata,
    identity(),
    timestamp("at", nullable=False),
    Column("actor", Text, nullable=False, comment="who: a user, an API key, a service"),
    Column("actor_kind", Text, nullable=False),
    Column("tenant", Text, nullable=False, server_default="", comment="slug; empty for what is not one tenant's"),
    Column("action", Text, nullable=False, comment="for example jobs.cancel"),
    Column("object", Text, nullable=False, comment="what was changed, for example job 12"),
    Column("request_id", Text, comment="of the HTTP request"),
    Column("address", Text, comment="network address that it came from"),
    Column("detail", JSONB(none_as_null=True), comment="what changed, without secrets"),
    one_of("actor_kind", ("service", "user", "api_key", "command", "sender")),
    CheckConstraint("action <> '' AND actor <> ''", name="named"),
    Index("ix_audit_event_at", "at"),
    Index("ix_audit_event_tenant", "tenant", "id"),
    comment="Every change that was made through the API or its commands. Never changed or deleted.",
)

idempotency_record = Table(
    "idempotency_record",
    metadata,
    identity(),
    Column("caller", Text, nullable=False, comment="who sent it: keys of others mean nothing to each other"),
    Column("key", Text, nullable=False, comment="hash of Idempotency-Key, with which the answer is encrypted"),
    Column("fingerprint", Text, nullable=False, comment="hex of the SHA-256 of method, path and body"),
    timestamp("created_at", nullable=False),
    timestamp("locked_until", comment="while the first request is carried out"),
    Column("status", Integer, comment="HTTP status of its answer; none while there is none"),
    Column("headers", JSONB(none_as_null=True)),
    Column("body", Text),
    UniqueConstraint("caller", "key"),
    CheckConstraint("(status IS NULL) = (body IS NULL)", name="answered"),
    Index("ix_idempotency_record_created_at", "created_at"),
    comment="Answers to requests that may be repeated, kept for a day.",
)

rate_counter = Table(
    "rate_counter",
    metadata,
    Column("key", Text, primary_key=True, comment="limit, caller and route"),
    Column("amount", BigInteger, nullable=False),
    timestamp("expires_at", nullable=False),
    Index("ix_rate_counter_expires_at", "expires_at"),
    comment="Counters of rate limits where there is no Redis. Not logged: a crash empties it.",
    prefixes=["UNLOGGED"],
)
