"""Who may fetch a video's outputs, and how they are encrypted: part of the plan, without any key.

What combinations mean anything is said here once, as sentences; profiles and plans are held against them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Access(StrEnum):
    """Who may fetch outputs: everybody, or who shows a playback token."""

    PUBLIC = "public"
    TOKEN = "token"  # noqa: S105 - a word of profiles


class Scheme(StrEnum):
    """How segments are encrypted.

    ``cenc`` (AES-CTR) and ``cbcs`` (AES-CBC with a pattern) are those of ISO/IEC 23001-7, for EME; ``aes-128`` encrypts
    whole HLS segments (RFC 8216, 4.3.2.4), for players without EME.
    """

    CENC = "cenc"
    CBCS = "cbcs"
    AES_128 = "aes-128"


class DrmSystem(StrEnum):
    """Who hands keys to players: declared in manifests and headers."""

    WIDEVINE = "widevine"
    PLAYREADY = "playready"
    FAIRPLAY = "fairplay"
    CLEARKEY = "clearkey"


#: System IDs as manifests and ``pssh`` boxes have them (https://dashif.org/identifiers/content_protection/). That of
#: ClearKey is the common ``pssh`` box's, https://www.w3.org/TR/eme-initdata-cenc/.
SYSTEM_IDS: Final = {
    DrmSystem.WIDEVINE: "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
    DrmSystem.PLAYREADY: "9a04f079-9840-4286-ab92-e65be0885f95",
    DrmSystem.FAIRPLAY: "94ce86fb-07ff-4f43-adb8-93d2fa968ca2",
    DrmSystem.CLEARKEY: "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b",
}
#: Labels of keys by the most lines of a picture that they are for; ``audio`` is the sound's, ``all`` everything's.
_LINES: Final = (("sd", 576), ("hd", 1080), ("uhd", 8640))
ALL: Final = "all"
AUDIO: Final = "audio"


class Encryption(BaseModel):
    """How a video's segments are encrypted.

    :param systems: for ``cenc`` and ``cbcs``, at least one; none for ``aes-128``
    :param keys: one key for ``everything``, or one for each of sound, SD, HD and UHD (``kinds``), so that a licence can
        leave out what a device may not show
    :param rotation: seconds after which the next key holds, rounded to whole segments; none means one for the whole
    :param clear_lead: seconds at the beginning that stay in the clear, rounded up to whole segments
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: Scheme = Scheme.CENC
    systems: tuple[DrmSystem, ...] = ()
    keys: Literal["everything", "kinds"] = "everything"
    rotation: int | None = Field(default=None, ge=1)
    clear_lead: float = Field(default=0.0, ge=0.0, le=60.0)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if problem := next(self._problems(), None):
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        if len(set(self.systems)) != len(self.systems):
            yield "systems must not repeat"
        if self.scheme == Scheme.AES_128:
            if self.systems:
                yield "aes-128 has no DRM systems: leave systems out"
            if self.keys != "everything" or self.clear_lead:
                yield "aes-128 has one key for everything and no clear lead"
            return
        if not self.systems:
            yield f"{self.scheme} needs systems: at least one of {', '.join(DrmSystem)}"
        if DrmSystem.FAIRPLAY in self.systems and self.scheme != Scheme.CBCS:
            yield "FairPlay takes the scheme cbcs only"
        if self.rotation is not None and set(self.systems) != {DrmSystem.CLEARKEY}:
            yield "rotation of keys works with aes-128, and with clearkey as the only system"

    @property
    def by_segment(self) -> bool:
        """Whether segments are encrypted as a whole."""
        return self.scheme == Scheme.AES_128

    @property
    def has_fairplay_twins(self) -> bool:
        """Whether HLS needs playlists of their own for FairPlay, beside those for the other systems."""
        return DrmSystem.FAIRPLAY in self.systems and len(self.systems) > 1

    def label(self, lines: int | None) -> str:
        """Which key a track has.

        :param lines: of its picture, the shorter side; none for sound
        """
        if self.keys == "everything":
            return ALL
        return AUDIO if lines is None else next(name for name, most in _LINES if lines <= most)


def obstacles(
    access: Access,
    encryption: Encryption | None,
    outputs: Collection[str],
    hls_segments: str,
    segment_seconds: float = 0.0,
) -> Iterator[str]:
    """Why outputs cannot be protected like this; nothing when they can.

    :param outputs: ``hls``, ``dash``, ``mp4``
    :param hls_segments: ``fmp4`` or ``ts``
    :param segment_seconds: as a profile asks; those of a plan are whole frames, and may be longer than a period by some
    """
    if encryption is None:
        return
    if access != Access.TOKEN:
        yield "encryption goes with access: token, or pictures and unfinished parts would be everybody's"
    if "mp4" in outputs:
        yield "an encrypted video has no MP4s, which would be in the clear: leave mp4 out of outputs"
    if encryption.by_segment and "dash" in outputs:
        yield "DASH has no aes-128: leave dash out of outputs, or choose cenc or cbcs"
    if not encryption.by_segment and "hls" in outputs and hls_segments == "ts":
        yield f"{encryption.scheme} needs hls_segments: fmp4; MPEG-TS has aes-128 only"
    if encryption.rotation is not None and not encryption.by_segment and "hls" in outputs:
        yield f"no player follows rotated keys of {encryption.scheme} in HLS: leave hls out of outputs, or rotation"
    if encryption.rotation is not None and encryption.rotation < segment_seconds:
        yield "rotation must not be shorter than segment_duration"
