"""AAC configuration (ISO/IEC 14496-3, 1.6.2.1) and ADTS framing (1.A.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: Samples of an AAC-LC frame.
FRAME_SAMPLES = 1024

#: Table 1.18, sampling frequency index.
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
#: Table 1.19, channel configuration.
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
_ADTS_HEADER = 7


@dataclass(frozen=True)
class AacConfig:
    """An AudioSpecificConfig.

    :param object_type: 2 is AAC-LC
    """

    object_type: int
    sample_rate: int
    channels: int

    @property
    def codec(self) -> str:
        """RFC 6381 name, for example ``mp4a.40.2``."""
        return f"mp4a.40.{self.object_type}"

    def adts_header(self, payload: int) -> bytes:
        """The ADTS header of one raw frame of ``payload`` bytes."""
        length = payload + _ADTS_HEADER
        channels = _CHANNELS.index(self.channels)
        value = (0xFFF << 44) | (1 << 40) | ((self.object_type - 1) << 38) | (_RATES.index(self.sample_rate) << 34)
        value |= (channels << 30) | (length << 13) | (0x7FF << 2)
        return value.to_bytes(_ADTS_HEADER, "big")


def parse_audio_config(data: bytes) -> AacConfig:
    """Read an AudioSpecificConfig of the kinds that encoders of AAC write.

    :raises ValueError: for other object types, explicit rates and cut-off records
    """
    if len(data) < 2:
        raise ValueError("the AudioSpecificConfig is cut off")
    bits = int.from_bytes(data[:2], "big")
    object_type, rate, channels = bits >> 11, (bits >> 7) & 15, (bits >> 3) & 15
    if rate >= len(_RATES) or not 0 < channels < len(_CHANNELS):
        raise ValueError(f"unknown AudioSpecificConfig {data.hex()}")
    return AacConfig(object_type, _RATES[rate], _CHANNELS[channels])


def parse_adts(data: bytes) -> tuple[AacConfig, int]:
    """Configuration and number of frames of a whole ADTS stream.

    :raises ValueError: where a frame does not begin with the sync word or is cut off
    """
    config, count = None, 0
    for header in _adts_headers(data):
        count += 1
        config = config or AacConfig(
            (header[2] >> 6) + 1,
            _RATES[(header[2] >> 2) & 15],
            _CHANNELS[((header[2] & 1) << 2) | (header[3] >> 6)],
        )
    if config is None:
        raise ValueError("there is no ADTS frame")
    return config, count


def _adts_headers(data: bytes) -> Iterator[bytes]:
    offset = 0
    while offset < len(data):
        header = data[offset : offset + _ADTS_HEADER]
        if len(header) < _ADTS_HEADER or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
            raise ValueError(f"no ADTS frame begins at byte {offset}")
        length = ((header[3] & 3) << 11) | (header[4] << 3) | (header[5] >> 5)
        if length < _ADTS_HEADER or offset + length > len(data):
            raise ValueError(f"the ADTS frame at byte {offset} is cut off")
        yield header
        offset += length
