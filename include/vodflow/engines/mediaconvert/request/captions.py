"""Captions: selectors of the input and descriptions of the outputs."""

from __future__ import annotations

from typing import Any

from vodflow.engines.mediaconvert.request.languages import language_members, listed_code
from vodflow.settings.encode_options import Captions, EncodeOptions


def captions_name(captions: Captions) -> str:
    """The name of a captions track in paths: ``captions_eng``."""
    return f"captions_{captions.language.lower()}"


def caption_selectors(options: EncodeOptions) -> dict[str, Any]:
    """One selector for each captions track."""
    return {_selector(options, item): _source(item) for item in options.captions}


def caption_description(options: EncodeOptions, captions: Captions) -> dict[str, Any]:
    """One captions track as an output."""
    accessibility = {"Accessibility": "ENABLED" if captions.accessibility else "DISABLED"}
    if captions.format == "imsc":
        destination = {
            "DestinationType": "IMSC",
            "ImscDestinationSettings": {"StylePassthrough": "ENABLED", **accessibility},
        }
    else:
        destination = {
            "DestinationType": "WEBVTT",
            "WebvttDestinationSettings": {"StylePassthrough": "ENABLED", **accessibility},
        }
    return {
        "CaptionSelectorName": _selector(options, captions),
        **language_members(captions.language),
        "LanguageDescription": captions.label or captions.language,
        "DestinationSettings": destination,
    }


def _selector(options: EncodeOptions, captions: Captions) -> str:
    return f"Captions Selector {options.captions.index(captions) + 1}"


def _source(captions: Captions) -> dict[str, Any]:
    settings: dict[str, Any] = {"SourceType": captions.source_type}
    if captions.uri is not None:
        file: dict[str, Any] = {"SourceFile": captions.uri}
        if captions.offset:
            file |= {"TimeDelta": captions.offset, "TimeDeltaUnits": "MILLISECONDS"}
        settings["FileSourceSettings"] = file
    elif captions.track_format == "embedded":
        settings["EmbeddedSourceSettings"] = {"Source608ChannelNumber": captions.track}
    else:
        settings["TrackSourceSettings"] = {"TrackNumber": captions.track}
    # A selector takes three-letter codes only; the language that players see is the output's.
    code = listed_code(captions.language)
    return {**({"LanguageCode": code} if code else {}), "SourceSettings": settings}
