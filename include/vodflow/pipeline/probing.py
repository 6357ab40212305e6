"""First step: find out what came in, and refuse by name what nobody can transcode."""

from __future__ import annotations

from vodflow.catalog import sources
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import NewSource, SourceRow
from vodflow.catalog.states import DiscoveredBy, SourceStatus
from vodflow.errors import CatalogError, InputRejected, RejectionReason, SourceNotFound
from vodflow.media.preflight import check_limits, check_size
from vodflow.media.probe import probe
from vodflow.outcomes.announce import announce
from vodflow.pipeline.request import TranscodeRequest
from vodflow.sensing.rules import Places, Taken, judge
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import parse_s3_uri, presigned_get, resolve_source

#: The tenant of objects that no watch rule covers.
DEFAULT_TENANT = "default"


def probe_source(request: TranscodeRequest, run_id: str) -> int:
    """Probe a source, once for each version of an object.

    :param run_id: who asks, for the catalog's records
    :return: the source's id
    :raises InputRejected: recorded with its reason; no engine will see this source
    :raises SourceNotFound: a person named an object that does not exist
    """
    settings = get_settings()
    actor = f"probe:{run_id}"
    source = _find_or_register(request, run_id, settings)
    if not request.force:
        if source.status == SourceStatus.REJECTED:
            raise InputRejected(RejectionReason(str(source.rejection_reason)), str(source.rejection_detail))
        if source.media_info is not None:
            return source.id
    try:
        check_size(source.size_bytes, settings)
        _require_current(source)
        info = probe(presigned_get(source.ref), source.ref.size, settings.probe_timeout)
        check_limits(info, settings)
    except SourceNotFound as error:
        gone = InputRejected(RejectionReason.GONE, f"{source.ref.uri} was overwritten or deleted before it was read")
        _reject(source, gone, actor)
        raise gone from error
    except InputRejected as error:
        _reject(source, error, actor)
        raise
    with transaction(actor) as connection:
        sources.mark_probed(connection, source.id, info)
    return source.id


def _require_current(source: SourceRow) -> None:
    found = resolve_source(source.bucket, source.key, source.version_id)
    if found.ref.version != source.version:
        raise SourceNotFound(f"{source.ref.uri} has another version now: {found.ref.version}, not {source.version}")


def _reject(source: SourceRow, rejection: InputRejected, actor: str) -> None:
    with transaction(actor) as connection:
        sources.reject_source(connection, source.id, rejection.reason, rejection.detail)
    announce(source_id=source.id, video_id=source.video_id)


def _find_or_register(request: TranscodeRequest, run_id: str, settings: Settings) -> SourceRow:
    actor = f"probe:{run_id}"
    if request.source_id is not None:
        with transaction(actor) as connection:
            return sources.get_source(connection, request.source_id)
    bucket, key = parse_s3_uri(str(request.source_uri))
    found = resolve_source(bucket, key)
    # A person may name any object; a watch rule that covers it says whose it is.
    verdict = judge(Places.of(settings), bucket, key)
    new = NewSource(
        tenant=verdict.tenant if isinstance(verdict, Taken) else DEFAULT_TENANT,
        bucket=bucket,
        key=key,
        version=found.ref.version,
        version_id=found.ref.version_id,
        etag=found.etag,
        size=found.ref.size,
        last_modified=found.last_modified,
        discovered_by=DiscoveredBy.MANUAL,
        profile=request.profile,
        engine=verdict.rule.engine if isinstance(verdict, Taken) else None,
    )
    with transaction(actor) as connection:
        # The run that asks is the run that transcodes: the ingest pipeline must not start a second one.
        sources.mark_dispatched(connection, sources.register_sources(connection, [new]), run_id)
        source = sources.find_source(connection, bucket, key, found.ref.version)
    if source is None:
        raise CatalogError(f"{found.ref.uri} was registered but cannot be found; run this task again")
    return source
