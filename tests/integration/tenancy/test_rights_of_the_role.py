"""What the role of tenants may do, asked of PostgreSQL's own catalog; and that no connection keeps the role."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text
from support.two_tenants import ASKS, OTHER, fill
from vodflow.api.rate_storage import PostgresStorage
from vodflow.catalog.database import acting_for, get_engine, transaction
from vodflow.errors import CatalogError
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

_WORDS = {
    "OURS": "relnamespace::regnamespace::text IN ('public', 'reporting')",
    "PRIVILEGES": "unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege",
}

#: What must not be there → a question that finds it. Nothing here is taken from the tables as the library has them.
HOLES = {
    "a table with tenants' rows that no policy guards": """
        WITH RECURSIVE own AS (
            SELECT 'tenant'::regclass::oid AS oid
             UNION
            SELECT attrelid FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
             WHERE attname IN ('tenant', 'tenant_id') AND attnum > 0 AND relkind IN ('r', 'p', 'm') AND OURS
             UNION
            SELECT conrelid FROM pg_constraint JOIN own ON confrelid = own.oid WHERE contype = 'f'
        )
        SELECT own.oid::regclass FROM own JOIN pg_class USING (oid)
         WHERE NOT relrowsecurity OR NOT EXISTS (
               SELECT FROM pg_policy
                WHERE polrelid = own.oid AND NOT polpermissive AND polcmd = '*' AND polqual IS NOT NULL
                  AND polwithcheck IS NOT NULL AND polroles = ARRAY['vodflow_tenant'::regrole::oid])""",
    "a right to what no policy guards": """
        SELECT oid::regclass, privilege FROM pg_class CROSS JOIN PRIVILEGES
         WHERE relkind IN ('r', 'p', 'f', 'm', 'v')
           AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
           AND has_table_privilege('vodflow_tenant', oid, privilege)
           AND NOT (relrowsecurity AND privilege IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
           AND NOT (privilege = 'SELECT' AND relkind = 'v' AND pg_get_viewdef(oid) LIKE '%current_tenant()%')
           AND NOT (privilege = 'SELECT' AND oid::regclass::text IN
                    ('price', 'alembic_version', 'reporting.partition', 'reporting.watermark'))""",
    "a foreign key to rows that may be another tenant's": """
        SELECT conname FROM pg_constraint
          JOIN pg_class ON pg_class.oid = conrelid
          JOIN pg_attribute AS mine ON mine.attrelid = conrelid AND mine.attnum = conkey[1]
          JOIN pg_policy ON polrelid = conrelid AND polname = 'own_tenant'
         WHERE contype = 'f' AND confrelid <> conrelid AND confrelid <> 'tenant'::regclass
           AND EXISTS (SELECT FROM pg_policy AS others WHERE others.polrelid = confrelid)
           AND pg_get_expr(polwithcheck, polrelid) NOT LIKE format('%% = %s.%s)%%', relname, mine.attname)""",
    "a function with its owner's rights": """
        SELECT oid::regprocedure FROM pg_proc
         WHERE pronamespace::regnamespace::text IN ('public', 'reporting')
           AND has_function_privilege('vodflow_tenant', oid, 'EXECUTE')
           AND (proname = 'protect_tenants'
                OR prosecdef AND (prorettype <> 'trigger'::regtype OR proconfig::text NOT LIKE '%search_path=%'))""",
    "a sequence": """
        SELECT oid::regclass FROM pg_class
         WHERE CASE WHEN relkind = 'S' AND OURS
                    THEN has_sequence_privilege('vodflow_tenant', oid, 'USAGE, SELECT, UPDATE') END""",
    "a schema to make things in": """
        SELECT nspname FROM pg_namespace
         WHERE nspname !~ '^pg_' AND has_schema_privilege('vodflow_tenant', oid, 'CREATE')""",
    "a role that is more": """
        SELECT rolname FROM pg_roles
         WHERE rolname = 'vodflow_tenant' AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolbypassrls
               OR rolreplication OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)
               OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid))""",
    "rights to whatever is made later": "SELECT 1 FROM pg_default_acl WHERE defaclacl::text LIKE '%vodflow_tenant%'",
}  # fmt: skip

#: What makes such a hole, so that the question is known to find it.
MADE = {
    "a table with tenants' rows that no policy guards": "CREATE TABLE note (video_id bigint REFERENCES video (id))",
    "a right to what no policy guards": "GRANT SELECT ON report_transcoding_daily TO vodflow_tenant",
    "a foreign key to rows that may be another tenant's":
        "ALTER TABLE course ADD COLUMN video_id bigint REFERENCES video (id)",
    "a function with its owner's rights": "CREATE FUNCTION slugs() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER"
                                          " RETURN (SELECT min(slug) FROM tenant)",
    "a sequence": "GRANT USAGE ON SEQUENCE video_id_seq TO vodflow_tenant",
    "a schema to make things in": "GRANT CREATE ON SCHEMA public TO vodflow_tenant",
    "a role that is more": "ALTER TABLE price OWNER TO vodflow_tenant",
    "rights to whatever is made later": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO vodflow_tenant",
}  # fmt: skip


@pytest.mark.parametrize("hole", HOLES)
def test_there_is_no(hole: str, catalog: Settings) -> None:
    question = HOLES[hole]
    for word, meant in _WORDS.items():
        question = question.replace(word, meant)
    with transaction("test") as connection:
        assert connection.execute(text(question)).all() == []
        made = connection.begin_nested()
        connection.execute(text(MADE[hole]))
        assert connection.execute(text(question)).all(), "the question finds nothing"
        made.rollback()


@pytest.fixture
def theirs(catalog: Settings, set_settings: Callable[..., Settings]) -> dict[str, int]:
    """Ids of another tenant's things; whoever asks has a course of its own."""
    set_settings(sealing_keys='["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]')
    fill(ASKS, "zebra", "gazelle")
    job = fill(OTHER, "quagga", "okapi")
    return {"video": job.video_id, "source": job.source_id, "job": job.id}


_OWN = "FROM tenant WHERE slug = 'acme'"
NAMING = {
    "video": (
        "INSERT INTO course_video (course_id, video_id) SELECT id, :id FROM course",
        f"INSERT INTO playback_revocation (tenant_id, video_id, created_by) SELECT id, :id, 't' {_OWN}",
        "UPDATE playback_revocation SET video_id = :id",
    ),
    "source": ("UPDATE upload SET source_id = :id", "UPDATE dead_letter SET source_id = :id"),
    "job": ("UPDATE notification_delivery SET job_id = :id",),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "statement"), [(kind, one) for kind, some in NAMING.items() for one in some])
def test_what_a_row_names_is_the_tenants(kind: str, statement: str, theirs: dict[str, int]) -> None:
    """Another's id is refused in the words for one that nobody has, so that nobody learns which there are."""
    told = []
    for named in (theirs[kind], 10**9):
        with acting_for(ASKS), pytest.raises(CatalogError) as caught, transaction("test") as connection:
            connection.execute(text(statement), {"id": named})
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert "row-level security" in told[0]
    with acting_for(ASKS), transaction("test") as connection:
        own = connection.scalar(text(f"SELECT min(id) FROM {kind}"))  # noqa: S608 - names of our own
        assert connection.execute(text(f"{statement} RETURNING 1"), {"id": own}).rowcount


def test_a_tenant_that_is_not_there_has_no_rows_of_its_name(theirs: dict[str, int]) -> None:
    with transaction("test") as connection:
        connection.execute(
            text(
                "INSERT INTO content_key (key_id, tenant, content_id, label, sealed_key)"
                " VALUES (gen_random_uuid(), 'ghost', 'x', 'all', 's')"
            )
        )
    for nobody in ("ghost", "", "Acme", "acme ", "аcme"):  # the last one begins in Cyrillic
        with acting_for(nobody), transaction("test") as connection:
            for table in ("content_key", "video", "audit_event", "notification_delivery"):
                assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # noqa: S608 - names of our own


def test_what_an_earlier_tenant_of_the_name_did_is_not_told(theirs: dict[str, int]) -> None:
    with transaction("test") as connection:
        connection.execute(
            text(
                "INSERT INTO audit_event (at, actor, actor_kind, tenant, action, object)"
                " VALUES (now() - interval '1 year', 'somebody', 'user', 'acme', 'a', 'o')"
            )
        )
    with acting_for(ASKS), transaction("test") as connection:
        actors = set(connection.scalars(text("SELECT actor FROM audit_event")))
    assert actors
    assert "somebody" not in actors


class _Stopped(BaseException):
    pass


def _fails(_: Any) -> None:
    raise RuntimeError


def _stops(_: Any) -> None:
    raise _Stopped


def _takes_too_long(connection: Any) -> None:
    connection.execute(text("SET LOCAL statement_timeout = 1"))
    connection.execute(text("SELECT pg_sleep(60)"))


def _is_wrong(connection: Any) -> None:
    connection.execute(text("SELECT nonsense"))


def _loses_its_connection(connection: Any) -> None:
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def _goes_on_after_an_error(connection: Any) -> None:
    with pytest.raises(Exception, match="nonsense"), connection.begin_nested():
        connection.execute(text("SELECT nonsense"))
    assert connection.scalar(text("SELECT current_user")) == "vodflow_tenant"


def _ends_in_a_task_that_is_cancelled(connection: Any) -> None:
    async def work() -> None:
        assert connection.scalar(text("SELECT current_user")) == "vodflow_tenant"
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    asyncio.run(work())


ENDINGS = (
    _fails, _stops, _takes_too_long, _is_wrong, _loses_its_connection, _goes_on_after_an_error,
    _ends_in_a_task_that_is_cancelled,
)  # fmt: skip


def _who() -> tuple[bool, str]:
    with transaction("test") as connection:
        query = "SELECT current_user = 'vodflow_tenant', coalesce(current_setting('vodflow.tenant', true), '')"
        return tuple(connection.execute(text(query)).one())


@pytest.fixture
def one_connection(theirs: dict[str, int], set_settings: Callable[..., Settings]) -> Settings:
    """A pool of one, so that whoever comes next has the same connection."""
    return set_settings(catalog_pool_size=1, catalog_pool_limit=1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_connection_keeps_the_role(ending: Callable[[Any], None], one_connection: Settings) -> None:
    try:
        with acting_for(ASKS), transaction("test") as connection:
            ending(connection)
    except (RuntimeError, CatalogError, _Stopped, asyncio.CancelledError):
        pass
    assert _who() == (False, "")
    with get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.scalar(text("SELECT current_user")) != "vodflow_tenant"


def test_what_counts_for_all_is_not_done_as_a_tenant(one_connection: Settings) -> None:
    """Rates are counted beside the transactions, on connections of the same pool."""
    storage = PostgresStorage(one_connection)
    with acting_for(ASKS):
        assert storage.incr("acme/x", 60) == 1
        with transaction("test") as connection:
            assert connection.scalar(text("SELECT current_user")) == "vodflow_tenant"
        assert storage.incr("acme/x", 60) == 2
    assert _who() == (False, "")


def test_a_generator_that_is_left_behind_keeps_nothing(one_connection: Settings) -> None:
    def rows() -> Iterator[Any]:
        with acting_for(ASKS), transaction("test") as connection:
            yield from connection.execute(text("SELECT id FROM video"))

    begun = rows()
    next(begun)
    begun.close()
    assert _who() == (False, "")


def test_threads_act_for_whom_they_were_begun_for(theirs: dict[str, int]) -> None:
    """A thread of its own begins as the installation; nobody's context leaks into another's."""
    seen: dict[str, set[str]] = {}

    def look(slug: str) -> None:
        for _ in range(5):
            with acting_for(slug), transaction("test") as connection:
                seen.setdefault(slug, set()).update(connection.scalars(text("SELECT slug FROM tenant")))

    threads = [threading.Thread(target=look, args=(slug,)) for slug in (ASKS, OTHER) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {ASKS: {ASKS}, OTHER: {OTHER}}
