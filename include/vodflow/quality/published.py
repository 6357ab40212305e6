"""The file of one published rendition, put together from the segments that players get."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Final

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.errors import DiskSpaceError, EngineError
from vodflow.verification.store import ObjectStore, join_key

#: Bytes of one read.
_PIECE: Final = 16 * 1024**2
#: Suffix of what segments make one behind the other.
_WHOLE: Final = {".m4s": ".mp4"}


def fetch(
    plan: TranscodePlan,
    rendition: VideoRendition | AudioRendition,
    store: ObjectStore,
    bucket: str,
    prefix: str,
    folder: Path,
    *,
    seconds: float | None = None,
    reserve: int = 0,
) -> Path:
    """A rendition as one file in a folder: of its segments, or of its MP4 where there are none.

    :param prefix: key prefix of the outputs
    :param seconds: of it that are needed; none means all
    :param reserve: bytes that must stay free
    :raises EngineError: it is not there any more
    :raises DiskSpaceError: there is no room for it now
    """
    names, suffix = _names(plan, rendition, store, bucket, prefix, seconds)
    path = folder / f"{layout.track_name(rendition)}{suffix}"
    needed = sum(names.values())
    if (free := shutil.disk_usage(folder).free) < needed + reserve:
        raise DiskSpaceError(
            f"{folder} has {free / 1e9:.2f} GB free; {rendition.name} needs {needed / 1e9:.2f} GB "
            f"({reserve / 1e9:.2f} GB stay free). Free space there or set VODFLOW_WORK_DIR.",
            code="ENOSPC",
        )
    with path.open("wb") as file:
        for name, size in names.items():
            for data in _pieces(store, bucket, join_key(prefix, name), size):
                file.write(data)
    return path


def _names(
    plan: TranscodePlan,
    rendition: VideoRendition | AudioRendition,
    store: ObjectStore,
    bucket: str,
    prefix: str,
    seconds: float | None,
) -> tuple[dict[str, int], str]:
    """The objects that hold a rendition, with their sizes, in their order, and the suffix of the whole."""
    if rendition in layout.cmaf_tracks(plan):
        first, template = [layout.cmaf_init(rendition)], layout.cmaf_segments(rendition)
    elif rendition in layout.ts_tracks(plan):
        first, template = [], layout.ts_segments(rendition)
    else:
        rungs = [rung for rung in plan.renditions if rendition in {rung, _sound(plan, rung)}]
        if not rungs:
            raise EngineError(f"No output of this plan has {rendition.name}.", code="not-published", retryable=False)
        first, template = [layout.mp4_file(min(rungs, key=lambda rung: rung.bitrate))], ""
    below = (template or first[0]).rpartition("/")[0]
    sizes = {f"{below}/{name}": size for name, size in store.sizes(bucket, join_key(prefix, f"{below}/")).items()}
    head, _, tail = template.partition("$Number%05d$")
    segments = sorted(name for name in sizes if template and name.startswith(head) and name.endswith(tail))
    if seconds is not None:
        segments = segments[: ceil(seconds / plan.packaging.segment_duration) + 1]
    wanted = [*first, *segments]
    if missing := [name for name in wanted if name not in sizes] or (template and not segments and [template]):
        where = store.uri(bucket, join_key(prefix, missing[0]))
        raise EngineError(f"{where} is not there any more.", code="outputs-gone", retryable=False)
    suffix = Path(template or first[0]).suffix
    return {name: sizes[name] for name in wanted}, _WHOLE.get(suffix, suffix)


def _sound(plan: TranscodePlan, rung: VideoRendition) -> AudioRendition | None:
    return next((item for item in plan.audio if item.name == rung.audio), None)


def _pieces(store: ObjectStore, bucket: str, key: str, size: int) -> Iterator[bytes]:
    try:
        if size <= _PIECE:
            yield store.read(bucket, key)
            return
        for begin in range(0, size, _PIECE):
            yield store.read(bucket, key, begin, min(_PIECE, size - begin))
    except FileNotFoundError as error:
        raise EngineError(
            f"{store.uri(bucket, key)} is not there any more.", code="outputs-gone", retryable=False
        ) from error
