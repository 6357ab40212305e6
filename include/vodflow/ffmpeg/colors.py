"""What a source's colours are, and the zscale options that bring them to BT.709. Pure.

Primaries, transfer and matrix are those of ITU-T H.273, by ffprobe's names. Tags are believed; what is not marked is
guessed by the picture's size, as players do.
"""

from __future__ import annotations

from typing import Any, Final

from vodflow.contract.media_info import VideoTrack

#: SDR reference white in nits for zscale's linear light (ITU-R BT.2408 would say 203 for graphics; 100 keeps
#: the brightness of film-like material).
_NOMINAL_PEAK: Final = 100

_MATRICES: Final = {
    "bt709": "bt709",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
    "ictcp": "bt2020",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "smpte240m": "smpte240m",
    "fcc": "fcc",
}

#: Matrices that ``scale`` refuses and ``zscale`` converts, as ffprobe names them.
ZSCALE_ONLY: Final = {"bt2020c", "ycgco", "ictcp", "chroma-derived-nc", "chroma-derived-c"}


#: Curves that are not BT.709's up to rounding, as ffprobe and as zscale name them. What is not marked has BT.709's.
_CURVES: Final = {"gamma22": "bt470m", "gamma28": "bt470bg"} | {
    name: name
    for name in (
        "bt470m", "bt470bg", "smpte240m", "linear", "log100", "log316", "iec61966-2-1", "smpte2084", "arib-std-b67",
    )
}  # fmt: skip
_PRIMARIES: Final = {
    "bt709", "bt470m", "bt470bg", "smpte170m", "smpte240m", "film", "bt2020", "smpte431", "smpte432", "ebu3213",
    "jedec-p22",
}  # fmt: skip
#: Primaries of unmarked television in standard definition, by its lines; other unmarked pictures have BT.709's.
_PRIMARIES_OF_LINES: Final = {480: "smpte170m", 486: "smpte170m", 576: "bt470bg"}
_WIDTHS_OF_TELEVISION: Final = range(702, 769)


def light_to(track: VideoTrack, target: str = "bt709") -> dict[str, str]:
    """Options of zscale that bring SDR to the primaries and the transfer of another standard.

    None where it has them and ``scale`` can do the rest. The light that a display shows stays the same: zscale takes
    BT.709's curve for what BT.1886 displays make of it.

    :param target: ``bt709``, or ``smpte170m`` (BT.601)
    """
    primaries, curve = source_primaries(track), _CURVES.get(track.color_transfer or "")
    same = primaries == target and curve is None and track.color_space not in ZSCALE_ONLY
    if same or track.pixel_format.startswith("xyz"):
        return {}
    return {
        "matrixin": _zscale_matrix(track),
        "primariesin": primaries,
        "transferin": curve or "bt709",
        "rangein": _range(track),
        "matrix": target,
        "primaries": target,
        "transfer": target,
        "range": "limited",
        "dither": "ordered",
    }


def zscale_format(track: VideoTrack) -> str | None:
    """What zscale must be given instead of pixels whose chroma needs widths of four (DV in NTSC, Cinepak)."""
    return "yuv422p" if track.pixel_format in {"yuv410p", "yuv411p", "yuvj411p"} else None


def source_primaries(track: VideoTrack) -> str:
    """The primaries of the source as ffprobe and zscale name them."""
    if track.color_primaries in _PRIMARIES:
        return str(track.color_primaries)
    if (track.color_space or "").startswith("bt2020"):
        return "bt2020"
    television = track.width in _WIDTHS_OF_TELEVISION and not _is_rgb(track)
    return _PRIMARIES_OF_LINES.get(track.height, "bt709") if television else "bt709"


def full_range(track: VideoTrack) -> bool:
    """Whether samples go from 0 to 255, as JPEG's do."""
    return track.color_range == "pc" or track.pixel_format.startswith("yuvj")


def _range(track: VideoTrack) -> str:
    return "full" if full_range(track) or _is_rgb(track) else "limited"


def _is_rgb(track: VideoTrack) -> bool:
    return any(name in track.pixel_format for name in ("rgb", "bgr", "gbr"))


def _zscale_matrix(track: VideoTrack) -> str:
    if _is_rgb(track):
        return "gbr"
    if track.color_space in ZSCALE_ONLY and (track.hdr or track.color_space != "ictcp"):
        return str(track.color_space)
    matrix = source_matrix(track)
    return {"bt601": "smpte170m", "bt2020": "bt2020nc"}.get(matrix, matrix)


def source_matrix(track: VideoTrack) -> str:
    """The YUV matrix of the source as ``scale`` names it; unmarked pictures below 720 lines are BT.601."""
    named = _MATRICES.get(track.color_space or "")
    return named or ("bt709" if track.height >= 720 or track.width >= 1280 else "bt601")


def linear_light(track: VideoTrack) -> dict[str, Any]:
    """Options of zscale from the PQ or HLG of a source to linear light."""
    # Nobody leaves HDR unmarked in another matrix than this one, and constant luminance knows neither PQ nor HLG.
    unnamed = track.color_space in {None, "bt2020c"} and not _is_rgb(track)
    primaries = track.color_primaries if track.color_primaries in _PRIMARIES else "bt2020"
    return {
        "transferin": track.color_transfer,
        "matrixin": "bt2020nc" if unnamed else _zscale_matrix(track),
        "primariesin": primaries,
        "primaries": primaries,
        "rangein": _range(track),
        "transfer": "linear",
        "npl": _NOMINAL_PEAK,
    }


#: Filters from linear light of any primaries to 8-bit BT.709: name, arguments, options.
TO_SDR: Final[tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...]] = (
    ("format", ("gbrpf32le",), {}),
    ("zscale", (), {"primaries": "709"}),
    ("tonemap", (), {"tonemap": "hable", "desat": 0}),
    ("zscale", (), {"transfer": "709", "matrix": "709", "range": "limited"}),
    ("format", ("yuv420p",), {}),
)
