"""The keys of one video, on their way from a key service to whoever encrypts or checks it. Never part of a plan.

Their ``repr`` shows no key, so that neither logs nor tracebacks do.
"""

from __future__ import annotations

import uuid
from functools import cached_property
from math import ceil
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.contract.protection import DrmSystem, Encryption

#: Where players fetch a key, and send ClearKey's licence requests, as playlists and MPDs name it: beside their folders,
#: below the address that serves the video to who shows a token.
KEYS: Final = "../keys"
LICENCES: Final = "../licence/clearkey"

#: Keys of one licence, and so of one video: its player asks for all of them at once.
MOST_KEYS: Final = 1000

_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_NAMESPACE: Final = uuid.UUID("6d1c3d4e-5f0a-5a51-9b7e-3f6b8a1d2c90")


class _Value(BaseModel):
    # Without inputs in errors: those would be keys.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ContentKey(_Value):
    """One key.

    :param key_id: KID, 32 hex digits
    :param key: 32 hex digits
    :param label: which tracks it is for, see :meth:`vodflow.contract.protection.Encryption.label`
    :param period: 0, 1, … where keys are rotated
    :param iv: 32 hex digits, where the key service insists on one (FairPlay)
    """

    key_id: _Hex
    key: _Hex = Field(repr=False)
    label: str
    period: int = Field(default=0, ge=0)
    iv: _Hex | None = None


class Signal(_Value):
    """What a DRM provider wants manifests and headers to say of a key.

    :param pssh: the whole box, base64
    :param hls_uri: of ``EXT-X-KEY``
    """

    key_id: _Hex
    system: DrmSystem
    pssh: str | None = None
    hls_uri: str | None = None


class ContentKeys(_Value):
    """All keys of one video.

    :param signals: of a DRM provider; without them packager and manifests use what is standard
    """

    keys: tuple[ContentKey, ...] = Field(min_length=1)
    signals: tuple[Signal, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, bytes]:
        """Keys by KID."""
        return {item.key_id: bytes.fromhex(item.key) for item in self.keys}

    def of(self, label: str, period: int = 0) -> ContentKey:
        """The key of tracks with that label; the last one behind the last period.

        :raises KeyError: there is none
        """
        known = {item.period: item for item in self.keys if item.label == label}
        if not known:
            raise KeyError(label)
        return known[min(period, max(known))]


def labels(plan: TranscodePlan) -> tuple[str, ...]:
    """The labels of all keys that a plan needs, each once."""
    used = _encryption(plan)
    return tuple(dict.fromkeys(label_of(used, track) for track in [*plan.renditions, *plan.audio]))


def label_of(encryption: Encryption, track: object) -> str:
    """The label of a rendition's key."""
    return encryption.label(min(track.width, track.height) if isinstance(track, VideoRendition) else None)


def periods(plan: TranscodePlan) -> int:
    """How many keys follow one another in each track."""
    rotation = _encryption(plan).rotation
    # One more: outputs may end up to two frames behind their source, and segments round periods.
    return 1 if rotation is None else ceil(plan.media.duration / rotation) + 1


def key_id(content_id: str, label: str, period: int) -> str:
    """The KID of a key: whoever asks again for the same gets the same, from any key service."""
    return uuid.uuid5(_NAMESPACE, f"{content_id}\n{label}\n{period}").hex


def _encryption(plan: TranscodePlan) -> Encryption:
    if plan.packaging.encryption is None:
        raise ValueError("the plan asks for no encryption")
    return plan.packaging.encryption
