"""Playlists and manifests after their segments were renamed. Pure.

Only names change: rates, durations and byte ranges are MediaConvert's. (The master playlist is made anew by
:func:`vodflow.packaging.master.master_playlist` from the measured rates, as for every engine.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from posixpath import dirname, normpath, relpath
from typing import Final

from lxml import etree

from vodflow.engines.mediaconvert.files.renaming import NameRule
from vodflow.errors import EngineError

_URI: Final = re.compile(r'(?<=[:,]URI=")[^"]*(?=")')
_DASH: Final = "{urn:mpeg:dash:schema:mpd:2011}"
#: Where an MPD names files (ISO/IEC 23009-1): attributes by element.
_NAMING: Final = {
    f"{_DASH}SegmentTemplate": ("media", "initialization"),
    f"{_DASH}SegmentURL": ("media",),
    f"{_DASH}Initialization": ("sourceURL",),
}
_BASE_URL: Final = f"{_DASH}BaseURL"


def rewrite_playlist(text: str, name: str, renamed: Mapping[str, str]) -> str:
    """An HLS playlist that names its files as they are called now.

    :param name: the playlist's old name below the job's prefix
    :param renamed: old name → new name, the playlist's own included
    :raises EngineError: when the playlist names a file that was not renamed
    """
    lines = []
    for line in text.splitlines():
        if line.startswith("#"):
            lines.append(_URI.sub(lambda match: _moved(match[0], name, renamed), line))
        else:
            lines.append(_moved(line, name, renamed) if line.strip() else line)
    return "\n".join(lines) + "\n"


def rewrite_manifest(text: bytes, name: str, rules: Sequence[NameRule], renamed: Mapping[str, str]) -> bytes:
    """An MPD that names its files, and templates of names, as they are called now.

    :param name: the manifest's old name below the job's prefix
    :param rules: of the plan, for templates such as ``master_video_1080p_$Number%09d$.cmfv``
    :param renamed: old name → new name, the manifest's own included
    :raises EngineError: when the MPD does not parse, or names a file that was not renamed
    """
    templates = {rule.template: rule.target for rule in rules if rule.template and rule.target}
    known = {**templates, **renamed}
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise EngineError(f"{name} is not valid XML: {error}", retryable=False) from error
    for element in root.iter():
        for attribute in _NAMING.get(str(element.tag), ()):
            value = element.get(attribute)
            if value is not None:
                element.set(attribute, _moved(value, name, known))
        if element.tag == _BASE_URL and element.text:
            element.text = _moved(element.text.strip(), name, known)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _moved(reference: str, name: str, renamed: Mapping[str, str]) -> str:
    if "://" in reference:  # keys of an encrypted package
        return reference
    old = normpath(f"{dirname(name)}/{reference}")
    new = renamed.get(old)
    if new is None:
        raise EngineError(f"{name} names {reference}, which the job did not write or nothing knows.", retryable=False)
    return relpath(new, dirname(renamed[name]))
