"""Automated ABR: a group that leaves its renditions to the service becomes one with a ladder of outputs. Pure.

MediaConvert measures how hard the pictures are; here, sizes and rates follow from the source's size and the group's
limits alone. Documents have boto3's names.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Document = dict[str, Any]

#: Short sides of the renditions below the top.
_SIDES: Final = (2160, 1440, 1080, 720, 540, 432, 360, 270)
#: The next rendition is at most this share of the one above, so that each is worth its bits.
_STEP: Final = 0.9
#: API reference, AutomatedAbrSettings: bits a second, and number of renditions.
_MAX_BITRATE: Final = 8_000_000
_MIN_BITRATE: Final = 600_000
_MAX_RENDITIONS: Final = 15
#: A picture of 1920×1080 gets this rate, bits a second; others by their pixels to this power.
_FULL_HD_RATE: Final = 8_000_000
_EXPONENT: Final = 0.75

_CODECS: Final = {"H_264": "H264Settings", "H_265": "H265Settings", "AV1": "Av1Settings"}


@dataclass(frozen=True)
class Rendition:
    """One rung: pixels, and bits a second at most."""

    width: int
    height: int
    bitrate: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


def is_automated(settings: Mapping[str, Any]) -> bool:
    """Whether any group of job settings leaves its renditions to the service."""
    return any(_abr(group) is not None for group in settings.get("OutputGroups", ()))


def with_ladders(settings: Mapping[str, Any], width: int, height: int) -> Document:
    """Job settings in which every such group has its outputs written out.

    :param width: of the source as it is shown, pixels
    :param height: of the source as it is shown, pixels
    """
    whole: Document = copy.deepcopy(dict(settings))
    for group in whole.get("OutputGroups", ()):
        abr = _abr(group)
        if abr is None:
            continue
        del group["AutomatedEncodingSettings"]
        group["Outputs"] = [
            made
            for place, output in enumerate(group.get("Outputs", ()))
            for made in _written_out(output, place, abr, (width, height))
        ]
    return whole


def ladder(abr: Mapping[str, Any], width: int, height: int) -> list[Rendition]:
    """Renditions from the largest to the smallest.

    :param abr: ``AutomatedAbrSettings``
    :param width: of the largest, pixels
    :param height: of the largest, pixels
    """
    least, most = abr.get("MinAbrBitrate", _MIN_BITRATE), abr.get("MaxAbrBitrate", _MAX_BITRATE)
    rules = {rule.get("Type"): rule for rule in abr.get("Rules", ())}
    forced = _sizes(rules.get("FORCE_INCLUDE_RENDITIONS", {}).get("ForceIncludeRenditions", ()))
    allowed = rules.get("ALLOWED_RENDITIONS", {}).get("AllowedRenditions", ())
    forced += _sizes(item for item in allowed if item.get("Required") == "ENABLED")
    sizes = _sizes(item for item in allowed if item["Width"] <= width and item["Height"] <= height)
    if not allowed:
        sizes = _even_steps(width, height)
        top = (
            _sizes([rules["MIN_TOP_RENDITION_SIZE"]["MinTopRenditionSize"]])
            if "MIN_TOP_RENDITION_SIZE" in rules
            else []
        )
        forced += [size for size in top if size[0] > width or size[1] > height]
    bottom = rules.get("MIN_BOTTOM_RENDITION_SIZE", {}).get("MinBottomRenditionSize", {"Width": 0, "Height": 0})
    kept = [size for size in sizes if size[0] >= bottom["Width"] and size[1] >= bottom["Height"]]
    rungs = [
        Rendition(*size, _bitrate(size, least, most)) for size in sorted({*kept, *forced}, key=_pixels, reverse=True)
    ]
    if not rungs:
        rungs = [Rendition(*_even(width, height), _bitrate((width, height), least, most))]
    return _thinned(_above_least(rungs, least, set(forced)), abr.get("MaxRenditions", _MAX_RENDITIONS), set(forced))


def _abr(group: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = group.get("AutomatedEncodingSettings", {}).get("AbrSettings")
    return found


def _written_out(output: Document, place: int, abr: Mapping[str, Any], source: tuple[int, int]) -> list[Document]:
    name = output.get("NameModifier", "")
    if "VideoDescription" not in output:
        kind = "audio" if output.get("AudioDescriptions") else "captions"
        return [{**output, "NameModifier": name or f"_{kind}{place}"}]
    described = output["VideoDescription"]
    width, height = _fitted(source, described.get("Width"), described.get("Height"))
    made = []
    for number, rung in enumerate(ladder(abr, width, height), 1):
        one = copy.deepcopy(output)
        one["NameModifier"] = f"{name}_{number}"
        one["VideoDescription"] |= {"Width": rung.width, "Height": rung.height}
        _set_rate(one["VideoDescription"].setdefault("CodecSettings", {"Codec": "H_264"}), rung.bitrate, abr)
        made.append(one)
    return made


def _set_rate(coding: Document, bitrate: int, abr: Mapping[str, Any]) -> None:
    name = _CODECS.get(coding.get("Codec", "H_264"))
    if name is None:  # the transcoder says that such a codec has no QVBR
        return
    settings = coding.setdefault(name, {})
    settings.pop("Bitrate", None)
    settings |= {"RateControlMode": "QVBR", "MaxBitrate": bitrate}
    settings.get("QvbrSettings", {}).pop("MaxAverageBitrate", None)
    if "MaxQualityLevel" in abr:
        settings["QvbrSettings"] = {"QvbrQualityLevel": int(abr["MaxQualityLevel"])}


def _fitted(source: tuple[int, int], width: int | None, height: int | None) -> tuple[int, int]:
    """The source's size, made smaller until it fits the largest size that the output allows."""
    shrink = min(1.0, (width or source[0]) / source[0], (height or source[1]) / source[1])
    return _even(source[0] * shrink, source[1] * shrink)


def _even_steps(width: int, height: int) -> list[tuple[int, int]]:
    short = min(width, height)
    sizes = [_even(width, height)]
    for side in _SIDES:
        if side <= min(sizes[-1]) * _STEP:
            sizes.append(_even(width * side / short, height * side / short))
    return sizes


def _even(width: float, height: float) -> tuple[int, int]:
    return max(32, round(width / 2) * 2), max(32, round(height / 2) * 2)


def _sizes(items: Any) -> list[tuple[int, int]]:
    return [_even(item["Width"], item["Height"]) for item in items]


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _bitrate(size: tuple[int, int], least: int, most: int) -> int:
    natural: float = _FULL_HD_RATE * (_pixels(size) / (1920 * 1080)) ** _EXPONENT
    return round(min(most, max(least, natural)) / 1000) * 1000


def _above_least(rungs: list[Rendition], least: int, forced: set[tuple[int, int]]) -> list[Rendition]:
    """Without renditions below the first that has the lowest rate: they would cost the same."""
    first = next((place for place, rung in enumerate(rungs) if rung.bitrate <= least), len(rungs) - 1)
    return [rung for place, rung in enumerate(rungs) if place <= first or rung.size in forced]


def _thinned(rungs: list[Rendition], most: int, forced: set[tuple[int, int]]) -> list[Rendition]:
    """At most so many: the first, the last, those that must be there, and others at even distances."""
    while len(rungs) > most:
        inner = [place for place in range(1, len(rungs) - 1) if rungs[place].size not in forced]
        if not inner:
            return rungs[:most]
        # The one that is closest to its neighbour above.
        closest = min(inner, key=lambda place: rungs[place - 1].bitrate / max(1, rungs[place].bitrate))
        rungs = [*rungs[:closest], *rungs[closest + 1 :]]
    return rungs
