"""What the packager's MPD lacks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lxml import etree

_NAMESPACE: Final = "{urn:mpeg:dash:schema:mpd:2011}"
#: Bits a second that a caption file may be said to need.
_CAPTION_RATE: Final = 256


def with_captions(manifest: bytes, files: Mapping[str, str | None]) -> bytes:
    """The MPD with WebVTT files beside it as text tracks, instead of those in segments.

    :param files: language by name
    """
    root = etree.fromstring(manifest, etree.XMLParser(resolve_entities=False, no_network=True))
    for period in root.iterfind(f"{_NAMESPACE}Period"):
        for adaptation in period.findall(f"{_NAMESPACE}AdaptationSet[@contentType='text']"):
            if adaptation.find(f"{_NAMESPACE}Representation[@mimeType='text/vtt']") is not None:
                period.remove(adaptation)
        for number, (name, language) in enumerate(files.items()):
            adaptation = etree.SubElement(period, f"{_NAMESPACE}AdaptationSet", contentType="text", mimeType="text/vtt")
            if language:
                adaptation.set("lang", language)
            etree.SubElement(adaptation, f"{_NAMESPACE}Role", schemeIdUri="urn:mpeg:dash:role:2011", value="subtitle")
            representation = etree.SubElement(
                adaptation, f"{_NAMESPACE}Representation", id=f"text{number}", bandwidth=str(_CAPTION_RATE)
            )
            etree.SubElement(representation, f"{_NAMESPACE}BaseURL").text = name
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
