"""The parts of a divided plan in S3: which are there, getting them, and clearing them away."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import ValidationError

from vodflow.contract.parts import (
    PART_RECORD,
    WORK_PREFIX,
    Part,
    PartFile,
    PartRecord,
    files_folder,
    part_digest,
    parts,
    work_folder,
)
from vodflow.contract.plan import TranscodePlan
from vodflow.errors import EngineError, SourceNotFound
from vodflow.settings import Settings
from vodflow.storage.copies import Outputs
from vodflow.storage.download import download
from vodflow.storage.objects import list_objects, resolve_source
from vodflow.storage.upload import checksums, upload_tree

log = logging.getLogger(__name__)


def stored_record(
    plan: TranscodePlan, part: Part, bucket: str, prefix: str, settings: Settings | None = None
) -> PartRecord | None:
    """What a part has made before; none where it must be made, or made again.

    :raises EngineError: when S3 does not answer (retryable)
    """
    folder = work_folder(prefix, part)
    try:
        text = Outputs(bucket, folder, settings).read([PART_RECORD])[PART_RECORD]
        record = PartRecord.model_validate_json(text)
    except SourceNotFound:
        return None
    except ValidationError:
        log.warning("%s of s3://%s/%s cannot be read; it is made again", PART_RECORD, bucket, folder)
        return None
    sizes = list_objects(bucket, files_folder(prefix, part, record), settings=settings)
    whole = all(sizes.get(file.name) == file.size for file in record.files)
    return record if whole and record.digest == part_digest(plan, part) else None


def missing_parts(plan: TranscodePlan, bucket: str, prefix: str, settings: Settings | None = None) -> list[Part]:
    """The parts that are still to be made, in their order.

    :raises EngineError: when S3 does not answer (retryable)
    """
    return [part for part in parts(plan) if stored_record(plan, part, bucket, prefix, settings) is None]


def store_part(
    record: PartRecord, part: Part, folder: Path, bucket: str, prefix: str, settings: Settings | None = None
) -> PartRecord:
    """Upload a part's files, and then the record that says so.

    Each attempt has a folder of its own: whichever record is there names files that go together.

    :raises EngineError: when S3 does not take them
    """
    named = record.model_copy(update={"folder": secrets.token_hex(4)})
    objects = upload_tree(folder, bucket, files_folder(prefix, part, named), settings=settings)
    files = tuple(PartFile(name=item.name, size=item.size, checksum=item.checksum) for item in objects)
    stored = named.model_copy(update={"files": files})
    Outputs(bucket, work_folder(prefix, part), settings).write(PART_RECORD, stored.model_dump_json().encode())
    return stored


def fetch_parts(
    plan: TranscodePlan,
    bucket: str,
    prefix: str,
    folder: Path,
    progress: Callable[[float], None] = lambda _: None,
    settings: Settings | None = None,
) -> dict[str, PartRecord]:
    """Download the files of all parts, one folder a part; their records.

    :param progress: called with the share that is there, 0 to 1
    :raises EngineError: parts are missing or damaged (retryable: they are made again)
    """
    records = {part: stored_record(plan, part, bucket, prefix, settings) for part in parts(plan)}
    if missing := [part.title for part, record in records.items() if record is None]:
        raise EngineError(
            f"These parts are not made yet: {', '.join(missing)}. Make them first; of a run of transcode_video the "
            "next try of join_parts does.",
            code="missing_part",
            retryable=True,
        )
    wanted = [(part, record, file) for part, record in records.items() if record for file in record.files]
    with ThreadPoolExecutor(4, thread_name_prefix="vodflow-parts") as pool:
        futures = [pool.submit(_fetch, bucket, prefix, *one, folder, settings) for one in wanted]
        for number, future in enumerate(futures, 1):
            future.result()
            progress(number / len(futures))
    return {part.name: record for part, record in records.items() if record}


def _fetch(
    bucket: str,
    prefix: str,
    part: Part,
    record: PartRecord,
    file: PartFile,
    folder: Path,
    settings: Settings | None,
) -> None:
    place = files_folder(prefix, part, record)
    path = folder / part.name / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    download(resolve_source(bucket, f"{place}/{file.name}").ref, path, settings=settings)
    if path.stat().st_size != file.size or (file.checksum and checksums(path).whole != file.checksum):
        # Without its record the part counts as missing.
        Outputs(bucket, work_folder(prefix, part), settings).delete([PART_RECORD])
        raise EngineError(f"{file.name} of {part.title} is damaged; it is made again.", code="bad_part", retryable=True)


def fetch_reused(plan: TranscodePlan, folder: Path, settings: Settings | None = None) -> dict[str, Path]:
    """Download what older outputs have of a plan: MP4s by the names of the tracks that are in them, and pictures.

    :param folder: gets the MP4s, and the pictures below ``thumbnails``
    :raises SourceNotFound: the older outputs are gone; a forced run makes the video anew
    :raises EngineError: when S3 does not answer, or an MP4 is not the one that was made (retryable)
    """
    strategy = plan.strategy
    known = {folder / item.mp4: item.checksums for item in strategy.reused if item.checksums}
    wanted = {(item.bucket, f"{item.prefix}/{item.mp4}"): folder / item.mp4 for item in strategy.reused}
    if strategy.pictures:
        bucket = strategy.reused[0].bucket
        names = list_objects(bucket, f"{strategy.pictures}/thumbnails", settings=settings)
        wanted |= {(bucket, f"{strategy.pictures}/thumbnails/{name}"): folder / "thumbnails" / name for name in names}
    for (bucket, key), path in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        download(resolve_source(bucket, key).ref, path, settings=settings)
        if path in known and checksums(path).whole not in known[path]:
            raise EngineError(f"s3://{bucket}/{key} is not what was made; try again.", code="bad_part", retryable=True)
    return {item.track: folder / item.mp4 for item in strategy.reused}


def clear_parts(bucket: str, prefix: str, settings: Settings | None = None) -> None:
    """Remove what the parts of a joined plan have left.

    :raises EngineError: when S3 does not answer
    """
    place = f"{WORK_PREFIX}/{prefix}"
    Outputs(bucket, place, settings).delete(list_objects(bucket, place, settings=settings))
