"""One programme of a transport stream that carries several (ISO/IEC 13818-1, clause 2.4.4): pure.

A recording of a whole multiplex holds the pictures and the sound of many programmes; what is published must be of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vodflow.media.facts import declared_duration, picture_rank, usable_audio
from vodflow.media.ffprobe_fields import Stream

#: What ffprobe is asked for, besides format and streams.
PROGRAMS = ("-show_entries", "program=program_num:program_tags=service_name:program_stream=index")


def of_one_program(document: Mapping[str, Any], wanted: int | None = None) -> Mapping[str, Any]:
    """An answer of ffprobe without other programmes' streams; ``program`` and ``left_programs`` say what was done.

    The programme with the best picture is taken; of equal ones one with sound, and then the first. A programme without
    pictures, radio for example, is taken only where it is wanted. Streams that belong to no programme are taken where
    the programme has none of their kind.

    :param wanted: number of the programme; none, or one that is not there, means the best
    """
    programs = document.get("programs", ())
    streams: Sequence[Stream] = document.get("streams", ())
    members = [{item["index"] for item in program.get("streams", ())} for program in programs]
    total = declared_duration(document) or 0.0
    contents = [_content([item for item in streams if item["index"] in of], total) for of in members]
    alive = [place for place, content in enumerate(contents) if any(content)]
    best = max(alive, key=lambda place: contents[place], default=None)
    chosen = next((place for place in alive if programs[place].get("program_num") == wanted), best)
    if chosen is None or (not contents[chosen][0] and wanted is None):
        return document
    taken = [item for item in streams if item["index"] in members[chosen]]
    kinds = {item.get("codec_type") for item in taken if picture_rank(item, total) or usable_audio(item)}
    belonging = set[int]().union(*members)
    strays = [item for item in streams if item["index"] not in belonging]
    welcome = [item for item in strays if item.get("codec_type") not in kinds]
    others = [programs[place] for place in alive if place != chosen]
    if not others and len(welcome) == len(strays):
        return document
    return {
        **document,
        "streams": sorted([*taken, *welcome], key=lambda item: int(item["index"])),
        "program": programs[chosen],
        "left_programs": others,
    }


def _content(streams: Sequence[Stream], total: float) -> tuple[tuple[int, ...], bool]:
    ranks = [rank for item in streams if (rank := picture_rank(item, total))]
    return max(ranks, default=()), any(usable_audio(item) for item in streams)
