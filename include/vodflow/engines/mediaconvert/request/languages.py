"""Language codes as MediaConvert wants them: ISO 639-2/T in capitals where it knows them, else any code as it is."""

from __future__ import annotations

from typing import Final

from vodflow.engines.mediaconvert.request import service_model

#: ISO 639-2: bibliographic codes, which containers carry, and their terminological ones.
_TERMINOLOGICAL: Final = {
    "ALB": "SQI", "ARM": "HYE", "BAQ": "EUS", "BUR": "MYA", "CHI": "ZHO", "CZE": "CES", "DUT": "NLD", "FRE": "FRA",
    "GEO": "KAT", "GER": "DEU", "GRE": "ELL", "ICE": "ISL", "MAC": "MKD", "MAY": "MSA", "PER": "FAS", "RUM": "RON",
    "SLO": "SLK", "TIB": "BOD", "WEL": "CYM",
}  # fmt: skip


def language_members(code: str) -> dict[str, str]:
    """``LanguageCode`` for a code that MediaConvert lists, else ``CustomLanguageCode``.

    :param code: ISO 639 code with or without region, as ffprobe gives it
    """
    listed = listed_code(code)
    return {"LanguageCode": listed} if listed else {"CustomLanguageCode": code}


def listed_code(code: str) -> str | None:
    """MediaConvert's own code of a language; none when it has none (two letters, or with a region)."""
    upper = code.upper()
    upper = _TERMINOLOGICAL.get(upper, upper)
    return upper if upper in service_model.choices("LanguageCode") else None
