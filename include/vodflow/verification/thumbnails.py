"""The rules of thumbnails and poster."""

from __future__ import annotations

from vodflow.contract import layout
from vodflow.contract.plan import Thumbnails, TranscodePlan
from vodflow.planning import span
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import segment_names

#: JPEG markers (ITU-T T.81, table B.1).
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
#: SOF0..SOF15 without DHT, JPG and DAC.
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check_thumbnails(outputs: Outputs, plan: TranscodePlan) -> list[str]:
    """Check poster and thumbnails; the thumbnails' names in order.

    :raises VerificationError: at the first broken rule
    """
    if plan.thumbnails is None:
        return []
    names = segment_names(outputs, layout.THUMBNAIL_PATTERN.replace("%05d", "$Number%05d$"))
    seconds = span.picture_seconds(plan)
    wanted = seconds / plan.thumbnails.interval
    # Encoders take the frame nearest to each interval: the last picture may fall on either side of the end.
    outputs.require(
        abs(len(names) - wanted) <= 1,
        names[-1],
        Rule.THUMBNAIL_COUNT,
        f"it is the last of {len(names)} thumbnails, but {seconds:.3f} s at one every"
        f" {plan.thumbnails.interval:g} s make {max(1, round(wanted))}",
    )
    outputs.size(layout.POSTER)
    sizes = outputs.map(lambda name: _measure(outputs, name), [layout.POSTER, *names])
    for name, size in zip(names, sizes[1:], strict=True):
        _check_size(outputs, name, size, plan.thumbnails)
    return names


def _measure(outputs: Outputs, name: str) -> tuple[int, int]:
    with outputs.parsing(name, Rule.THUMBNAIL_IMAGE):
        return jpeg_size(outputs.fetch(name))


def _check_size(outputs: Outputs, name: str, size: tuple[int, int], planned: Thumbnails) -> None:
    outputs.require(
        size == (planned.width, planned.height),
        name,
        Rule.THUMBNAIL_IMAGE,
        f"it is {size[0]}x{size[1]} instead of {planned.width}x{planned.height}",
    )


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of a complete JPEG.

    :raises ValueError: when it is no JPEG or is cut off
    """
    if not data.startswith(_SOI) or not data.rstrip(b"\x00").endswith(_EOI):
        raise ValueError("it is not a complete JPEG")
    offset = 2
    while offset + 9 <= len(data):
        if data[offset] != 0xFF:
            break
        if data[offset + 1] in _FRAME_HEADERS:
            return int.from_bytes(data[offset + 7 : offset + 9], "big"), int.from_bytes(
                data[offset + 5 : offset + 7], "big"
            )
        offset += 2 + int.from_bytes(data[offset + 2 : offset + 4], "big")
    raise ValueError("it has no frame header")
