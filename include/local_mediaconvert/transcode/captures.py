"""Frame captures: which pictures are taken, and how they are written. Pure."""

from __future__ import annotations

from fractions import Fraction

from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.encoding import Options


def capture_options(settings: Document, rate: Fraction) -> tuple[str, Options]:
    """What selects the frames of a frame capture, and how they are written.

    The first frame, then one every denominator/numerator seconds, at most ``MaxCaptures``.

    :param rate: frames a second of the pictures
    :return: expression of FFmpeg's ``select``, and the options of the output
    """
    period = Fraction(int(settings.get("FramerateDenominator", 1)), int(settings.get("FramerateNumerator", 1)))
    # Half a frame early, because times are rounded.
    half = float(1 / rate) / 2
    every = f"eq(n,0)+gt(floor((t+{half:.6g})/{float(period):.9g}),floor((prev_t+{half:.6g})/{float(period):.9g}))"
    quality = int(settings.get("Quality", 80))
    options: Options = {
        "c:v": "mjpeg",
        # FFmpeg's quantiser goes from 2 (best) to 31; JPEG quality 90 is about 3.
        "q:v": max(2, min(31, round(2 + (100 - quality) * 0.13))),
        "frames:v": int(settings.get("MaxCaptures", 10_000_000)),
        "fps_mode": "passthrough",
        "start_number": 0,
        "threads:v": 1,
        "map_metadata": -1,
        "f": "image2",
    }
    return every, options
