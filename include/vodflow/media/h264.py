"""What H.264 parameter sets say (ITU-T H.264, 7.3.2.1 and Annex E), and Annex B conversion."""

from __future__ import annotations

from dataclasses import dataclass

START_CODE = b"\x00\x00\x00\x01"
NAL_IDR, NAL_SEI, NAL_SPS = 5, 6, 7

#: Country and provider (ATSC) of registered user data, its identifier, and the type of captions.
_CC_DATA = b"\xb5\x00\x31GA94\x03"

#: Profiles whose SPS carries chroma format and bit depth (7.3.2.1.1).
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


@dataclass(frozen=True)
class Sps:
    """A sequence parameter set.

    :param width: cropped width in pixels
    :param height: cropped height in pixels
    """

    profile: int
    constraints: int
    level: int
    width: int
    height: int

    @property
    def codec(self) -> str:
        """RFC 6381 name, for example ``avc1.64001f``."""
        return f"avc1.{self.profile:02x}{self.constraints:02x}{self.level:02x}"


class _Bits:
    """Reads bits and Exp-Golomb codes (9.1)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def u(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the sequence parameter set is cut off")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def parse_sps(nal: bytes) -> Sps:
    """Read an SPS NAL unit, header byte included.

    :raises ValueError: when it is no SPS or is cut off
    """
    if not nal or nal[0] & 0x1F != NAL_SPS:
        raise ValueError("there is no sequence parameter set")
    bits = _Bits(nal[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue()  # seq_parameter_set_id
    chroma = _skip_high_profile_fields(bits) if profile in _HIGH_PROFILES else 1
    _skip_order_count_fields(bits)
    width = (bits.ue() + 1) * 16
    map_units = bits.ue() + 1
    frames_only = bits.u(1)
    if not frames_only:
        bits.u(1)
    bits.u(1)  # direct_8x8_inference_flag
    left = right = top = bottom = 0
    if bits.u(1):
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
    crop_x, crop_y = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}[chroma]  # table 6-1
    crop_y *= 2 - frames_only
    height = map_units * 16 * (2 - frames_only) - (top + bottom) * crop_y
    return Sps(profile, constraints, level, width - (left + right) * crop_x, height)


def _skip_high_profile_fields(bits: _Bits) -> int:
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    bits.ue()
    bits.ue()
    bits.u(1)
    if bits.u(1):
        for index in range(8 if chroma != 3 else 12):
            if bits.u(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_order_count_fields(bits: _Bits) -> None:
    bits.ue()  # log2_max_frame_num_minus4
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()
    bits.ue()  # max_num_ref_frames
    bits.u(1)


def has_captions(stream: bytes) -> bool:
    """Whether a byte stream carries CEA-608 or CEA-708 (ANSI/SCTE 128-1, 8.1: user data of ATSC, ``cc_data``)."""
    return any(unit[0] & 0x1F == NAL_SEI and _CC_DATA in unit for unit in split_annex_b(stream) if unit)


def parameter_sets(avcc: bytes) -> tuple[list[bytes], int]:
    """The SPS and PPS NAL units of an ``avcC`` record, and its NAL length size (ISO/IEC 14496-15, 5.3.3).

    :raises ValueError: when the record is cut off or empty
    """
    if len(avcc) < 7:
        raise ValueError("the avcC box is cut off")
    units, offset = [], 5
    for mask in (0x1F, 0xFF):
        if offset >= len(avcc):
            break
        count, offset = avcc[offset] & mask, offset + 1
        for _ in range(count):
            length = int.from_bytes(avcc[offset : offset + 2], "big")
            units.append(avcc[offset + 2 : offset + 2 + length])
            offset += 2 + length
    if not units or offset > len(avcc):
        raise ValueError("the avcC box has no complete parameter sets")
    return units, (avcc[4] & 3) + 1


def annex_b(sample: bytes, length_size: int) -> bytes:
    """A length-prefixed sample as an Annex B byte stream.

    :raises ValueError: when a NAL unit reaches over the sample's end
    """
    out, offset = bytearray(), 0
    while offset < len(sample):
        length = int.from_bytes(sample[offset : offset + length_size], "big")
        offset += length_size
        if not length or offset + length > len(sample):
            raise ValueError("a NAL unit reaches over the end of its sample")
        out += START_CODE + sample[offset : offset + length]
        offset += length
    return bytes(out)


def split_annex_b(stream: bytes) -> list[bytes]:
    """The NAL units of an Annex B byte stream."""
    parts = stream.split(b"\x00\x00\x01")[1:]
    return [part.rstrip(b"\x00") for part in parts]
