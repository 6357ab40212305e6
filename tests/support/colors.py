"""Videos of one colour in any standard, and what a player makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from vodflow.ffmpeg.tools import ffmpeg_path

#: A colour that all of these standards can show, red, green and blue in BT.709.
COLOR = (180, 60, 60)
#: Rounding of samples, of the encoder's quantisers, and of this measurement.
TOLERANCE = 5


def paint(
    path: Path, pixels: str, primaries: str, transfer: str, matrix: str, samples: str, *,
    size: str = "322x182", marked: bool = True,
) -> None:  # fmt: skip
    """A lossless video of one colour, which zscale brings from BT.709 to another standard."""
    to = f"primaries={primaries}:transfer={transfer}:matrix={matrix}:range={samples}:npl=100"
    said = (primaries, transfer, matrix) if marked else ("unknown", "unknown", "unknown")
    chain = f"format=gbrp,zscale=primariesin=709:transferin=709:matrixin=gbr:rangein=full:{to},format={pixels},"
    chain += f"setparams=color_primaries={said[0]}:color_trc={said[1]}:colorspace={said[2]}"
    chain += f":range={'pc' if samples == 'full' else 'tv'}"
    _ffmpeg("-f", "lavfi", "-i", f"color=c=0x{bytes(COLOR).hex()}:size={size}:rate=25:duration=0.2", "-vf", chain,
            "-c:v", "ffv1", str(path))  # fmt: skip


def shown(path: Path) -> list[int]:
    """Red, green and blue in the middle of the first picture, as a player shows BT.709."""
    to_rgb = "crop=2:2,scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int,format=rgb24"
    return list(_ffmpeg("-i", str(path), "-frames:v", "1", "-vf", to_rgb, "-f", "rawvideo", "-")[:3])


def _ffmpeg(*arguments: str) -> bytes:
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", *arguments]
    return subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout
