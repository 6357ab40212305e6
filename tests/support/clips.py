"""A corpus of small generated sources, good and bad: ``clip("plain") -> Path``.

Each clip is made once by FFmpeg from test patterns and tones and kept under ``.vodflow/cache/clips``; a changed
recipe makes a new file. Names and what is special about each: :data:`RECIPES`.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import random
import struct
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from vodflow.ffmpeg.tools import ffmpeg_path

_ROOT = Path(__file__).resolve().parents[2]
_X264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
_AAC = ["-c:a", "aac", "-b:a", "128k"]

Recipe = Callable[[Path], None]


@cache
def clip(name: str) -> Path:
    """The file of that name, made now if need be.

    :raises KeyError: for a name without a recipe
    """
    suffix, recipe = RECIPES[name]
    digest = hashlib.sha256(inspect.getsource(recipe).encode()).hexdigest()[:8]
    path = _folder() / f"{name}-{digest}{suffix}"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as work:
            made = Path(work) / path.name
            recipe(made)
            made.replace(path)
    return path


def _folder() -> Path:
    folder = _ROOT / ".vodflow" / "cache" / "clips"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except PermissionError:
        pass
    folder = Path(tempfile.gettempdir()) / f"vodflow-clips-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return folder


def _ffmpeg(*arguments: str | Path) -> None:
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")


def _picture(size: str, rate: str, seconds: float) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]


def _tone(frequency: int, seconds: float) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency={frequency}:sample_rate=48000:duration={seconds}"]


def _plain(path: Path) -> None:
    _ffmpeg(*_picture("1280x720", "25", 4), *_tone(440, 4), *_X264, *_AAC, "-ac", "2", "-movflags", "+faststart", path)


def _surround(path: Path) -> None:
    tones = "|".join(f"0.1*sin(2*PI*{frequency}*t)" for frequency in (300, 400, 500, 60, 600, 700))
    sound = ["-f", "lavfi", "-i", f"aevalsrc='{tones}':channel_layout=5.1:sample_rate=48000:duration=3"]
    _ffmpeg(*_picture("1920x1080", "24", 3), *sound, *_X264, "-c:a", "aac", "-b:a", "320k", path)


def _portrait(path: Path) -> None:
    _ffmpeg("-display_rotation", "-90", "-i", clip("small"), "-c", "copy", path)


def _upside_down(path: Path) -> None:
    _ffmpeg("-display_rotation", "180", "-i", clip("small"), "-c", "copy", path)


def _small(path: Path) -> None:
    _ffmpeg(*_picture("640x360", "25", 2), *_tone(440, 2), *_X264, *_AAC, path)


def _long(path: Path) -> None:
    _ffmpeg(*_picture("640x360", "25", 7), *_tone(440, 7), *_X264, *_AAC, path)


def _moving(path: Path) -> None:
    parts = ["testsrc2=size=640x360:rate=25:duration=4", "mandelbrot=size=640x360:rate=25,trim=end=4"]
    parts += ["testsrc=size=640x360:rate=25:duration=4,hue=h=t*90"]
    picture = [word for part in parts for word in ("-f", "lavfi", "-i", part)]
    sound = ["-f", "lavfi", "-i", "aevalsrc=0.2*sin(2*PI*(300+50*t)*t):sample_rate=48000:duration=12"]
    joined = "".join(f"[{number}:v]format=yuv420p,setsar=1[p{number}];" for number in range(3))
    graph = f"{joined}[p0][p1][p2]concat=n=3:v=1:a=0[v]"
    maps = ["-filter_complex", graph, "-map", "[v]", "-map", "3:a"]
    _ffmpeg(*picture, *sound, *maps, *_X264, "-g", "50", *_AAC, path)


def _moving_twice(path: Path) -> None:
    sources = ["-i", clip("moving"), "-i", clip("moving")]
    graph = "[0:v][0:a][1:v][1:a]concat=n=2:v=1:a=1[v][a];[a]apad=whole_dur=24[s]"
    _ffmpeg(*sources, "-filter_complex", graph, "-map", "[v]", "-map", "[s]", *_X264, "-g", "50", *_AAC, path)


def _two_minutes(path: Path) -> None:
    sound = ["-f", "lavfi", "-i", "aevalsrc=0.2*sin(2*PI*(300+5*t)*t):sample_rate=48000:duration=120"]
    small = ["-preset", "ultrafast", "-g", "50", "-b:v", "1M"]
    _ffmpeg(*_picture("640x360", "25", 120), *sound, *_X264, *small, *_AAC, path)


def _uhd(path: Path) -> None:
    _ffmpeg(*_picture("3840x2160", "25", 1), *_tone(440, 1), *_X264, "-preset", "ultrafast", *_AAC, path)


def _vfr(path: Path) -> None:
    drop = "select='lt(t,1)+not(mod(n,3))'"
    _ffmpeg(*_picture("640x360", "30", 4), *_tone(440, 4), "-vf", drop, "-fps_mode", "vfr", *_X264, *_AAC, path)


def _interlaced(path: Path) -> None:
    fields = ["-vf", "tinterlace=mode=interleave_top,setfield=tff", "-flags", "+ilme+ildct"]
    _ffmpeg(*_picture("720x576", "50", 2), *_tone(440, 2), *fields, "-c:v", "mpeg2video", "-b:v", "4M", *_AAC, path)


def _mono(path: Path) -> None:
    _ffmpeg(*_picture("640x360", "25", 2), *_tone(440, 2), *_X264, *_AAC, "-ac", "1", path)


def _silent(path: Path) -> None:
    _ffmpeg(*_picture("640x360", "30000/1001", 2), *_X264, path)


def _audio_only(path: Path) -> None:
    _ffmpeg(*_tone(440, 2), *_AAC, path)


def _anamorphic(path: Path) -> None:
    _ffmpeg(*_picture("720x576", "25", 2), *_tone(440, 2), "-vf", "setsar=64/45", *_X264, *_AAC, path)


def _odd(path: Path) -> None:
    vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k"]
    picture = ["-f", "lavfi", "-i", "testsrc=size=853x479:rate=25:duration=2"]  # testsrc2 rounds to even sizes
    _ffmpeg(*picture, *_tone(440, 2), *vp9, "-pix_fmt", "yuv420p", "-c:a", "libopus", path)


def _fast(path: Path) -> None:
    _ffmpeg(*_picture("1280x720", "60", 2), *_tone(440, 2), *_X264, *_AAC, path)


def _hdr(path: Path) -> None:
    color = ["-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc", "-tag:v", "hvc1"]
    light = "log-level=error:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", light]
    _ffmpeg(*_picture("640x360", "25", 2), *_tone(440, 2), *x265, *color, *_AAC, path)


def _two_languages(path: Path) -> None:
    captions = path.with_suffix(".srt")
    captions.write_text("1\n00:00:00,500 --> 00:00:01,500\nBonjour\n", encoding="utf-8")
    inputs = [*_picture("640x360", "25", 2), *_tone(440, 2), *_tone(880, 2), "-i", captions]
    maps = ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s"]
    languages = [
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=fra",
        "-metadata:s:s:0",
        "language=fra",
    ]
    _ffmpeg(
        *inputs, *maps, *_X264, *_AAC, "-c:s", "srt", *languages, "-metadata:s:a:1", "title=Version française", path
    )


def _timecode(path: Path) -> None:
    _ffmpeg(*_picture("640x360", "25", 2), *_tone(440, 2), *_X264, *_AAC, "-timecode", "10:00:00:00", path)


def _late_start(path: Path) -> None:
    _ffmpeg("-i", clip("small"), "-c", "copy", "-output_ts_offset", "3600", path)


def _no_duration(path: Path) -> None:
    _ffmpeg("-i", clip("small"), "-c", "copy", "-f", "matroska", "-live", "1", path)


def _stream(path: Path) -> None:
    _ffmpeg("-i", clip("plain"), "-c", "copy", path)


def _index_last(path: Path) -> None:
    _ffmpeg("-i", clip("plain"), "-c", "copy", path)


def _open_ended(path: Path) -> None:
    # A media box of length 0 reaches to the end of the file: only the sample table knows how much there should be.
    data = bytearray(clip("plain").read_bytes())
    box = data.index(b"mdat") - 4
    data[box : box + 4] = bytes(4)
    path.write_bytes(data[: len(data) * 6 // 10])


def _truncated(path: Path) -> None:
    _cut("plain", path)


def _truncated_no_index(path: Path) -> None:
    _cut("index_last", path)


def _truncated_mkv(path: Path) -> None:
    _cut("two_languages", path)


def _truncated_ts(path: Path) -> None:
    _cut("stream", path)


def _flv(path: Path) -> None:
    _ffmpeg("-i", clip("plain"), "-c", "copy", path)


def _truncated_flv(path: Path) -> None:
    _cut("flv", path)


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("This is not a video.\n" * 50, encoding="ascii")


def _picture_file(path: Path) -> None:
    picture = path.with_suffix(".jpg")
    _ffmpeg(*_picture("640x360", "25", 1), "-frames:v", "1", picture)
    picture.replace(path)


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "not a video " * 500)


def _playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "ascii")


def _cover_art(path: Path) -> None:
    cover = path.with_suffix(".png")
    _ffmpeg(*_picture("320x320", "25", 1), "-frames:v", "1", cover)
    art = ["-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic"]
    _ffmpeg(*_tone(440, 2), "-i", cover, *art, *_AAC, path)


def _undecodable(path: Path) -> None:
    # The structure stays whole; the coded pictures become noise.
    data = bytearray(clip("silent").read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = random.Random(1).randbytes(end - start)
    path.write_bytes(data)


def _unknown_codec(path: Path) -> None:
    path.write_bytes(clip("silent").read_bytes().replace(b"avc1", b"zzzz"))


def _flashing(size: str, seconds: float, rate: str = "25") -> list[str]:
    """Black pictures with a white flash of 0.1 s in the middle of every second."""
    flash = "drawbox=c=white:t=fill:enable='between(mod(t,1),0.499,0.599)'"
    return ["-f", "lavfi", "-i", f"color=black:size={size}:rate={rate}:duration={seconds},{flash}"]


def _beeping(seconds: float, layout: str = "mono") -> list[str]:
    """The sound to :func:`_flashing`."""
    beep = "if(between(mod(t,1),0.5,0.6),0.5*sin(2*PI*1000*t),0)"
    return ["-f", "lavfi", "-i", f"aevalsrc='{beep}':channel_layout={layout}:sample_rate=48000:duration={seconds}"]


def _long_sound(path: Path) -> None:
    _ffmpeg(*_flashing("320x180", 2), *_beeping(4), *_X264, *_AAC, path)


def _short_sound(path: Path) -> None:
    _ffmpeg(*_flashing("320x180", 3), *_beeping(1.2), *_X264, *_AAC, path)


def _empty_sound(path: Path) -> None:
    _ffmpeg("-i", clip("small"), "-c", "copy", "-bsf:a", "noise=drop=1", path)


def _late_picture(path: Path) -> None:
    _ffmpeg("-itsoffset", "1", *_flashing("320x180", 2), *_beeping(3), *_X264, *_AAC, path)


def _late_clock(path: Path) -> None:
    _ffmpeg(*_flashing("320x180", 2), *_beeping(2), *_X264, *_AAC, "-output_ts_offset", "10", path)


def _parts(path: Path, *parts: list[str]) -> None:
    """Transport streams of 2 s, put one after the other as recorders do; the clock of each begins anew."""
    part = path.with_name("part.ts")
    with path.open("wb") as whole:
        for sources in parts:
            _ffmpeg(*sources, *_X264, *_AAC, part)
            whole.write(part.read_bytes())


def _joined(path: Path) -> None:
    _parts(path, [*_flashing("320x180", 2), *_beeping(2)], [*_flashing("480x360", 2), *_beeping(2)])


def _two_programs(path: Path) -> None:
    inputs = [*_picture("320x180", "25", 2), *_tone(440, 2), *_picture("640x360", "25", 2), *_tone(880, 2)]
    maps = [word for stream in range(4) for word in ("-map", str(stream))]
    programs = ["-program", "program_num=1:title=Small:st=0:st=1", "-program", "program_num=2:title=Large:st=2:st=3"]
    _ffmpeg(*inputs, *maps, "-c:v", "mpeg2video", "-b:v", "1M", "-c:a", "mp2", *programs, path)


def _mono_pairs(path: Path) -> None:
    inputs = [*_picture("640x360", "25", 2), *(word for tone in (440, 880, 1320, 1760) for word in _tone(tone, 2))]
    maps = [word for stream in range(5) for word in ("-map", str(stream))]
    _ffmpeg(*inputs, *maps, "-c:v", "mpeg2video", "-b:v", "2M", "-c:a", "pcm_s16le", path)


def _sound_changes(path: Path) -> None:
    _parts(path, [*_flashing("320x180", 2), *_beeping(2)], [*_flashing("320x180", 2), *_beeping(2), "-ac", "2"])


def _synced(path: Path) -> None:
    _ffmpeg(*_flashing("320x180", 6), *_beeping(6), *_X264, *_AAC, path)


def _kept(path: Path, *options: str | Path) -> None:
    """The pictures and the sound of ``synced`` as they are, in another container or at other times."""
    _ffmpeg("-i", clip("synced"), "-c", "copy", *options, path)


def _lost(path: Path) -> None:
    _kept(path, "-bsf:a", "noise=drop='between(n,24,27)'")


def _lost_often(path: Path) -> None:
    _kept(path, "-bsf:a", "noise=drop='eq(mod(n,29),3)+between(n,120,135)'")


def _paused(path: Path, kind: str) -> None:
    """15 s of which pictures or sound lack 11 s."""
    _ffmpeg(*_flashing("320x180", 15), *_beeping(15), "-c:v", "mpeg2video", "-g", "1", *_AAC, f"-bsf:{kind}",
            f"noise=drop='between(n*{1 if kind == 'v' else 25 * 1024 / 48000},47,327)'", path)  # fmt: skip


def _paused_sound(path: Path) -> None:
    _paused(path, "a")


def _paused_pictures(path: Path) -> None:
    _paused(path, "v")


def _very_late_sound(path: Path) -> None:
    _ffmpeg(*_flashing("320x180", 14), *_beeping(14), *_X264, *_AAC, "-bsf:a", "noise=drop='lt(n,520)'", path)


def _fragmented(path: Path) -> None:
    _kept(path, "-movflags", "frag_keyframe")


def _with_text(path: Path, kind: str, offset: float) -> None:
    text = path.with_suffix(".srt")
    text.write_text("1\n00:00:00,000 --> 00:00:01,500\nBonjour\n", encoding="utf-8")
    _ffmpeg("-itsoffset", str(offset), "-i", clip("synced"), "-i", text, "-map", "0", "-map", "1", "-c", "copy",
            "-c:s", kind, path)  # fmt: skip


def _text_first(path: Path) -> None:
    _with_text(path, "srt", 0.6)


def _text_before(path: Path) -> None:
    _with_text(path, "srt", 0.3)


def _text_long_before(path: Path) -> None:
    _with_text(path, "srt", 3.0)


def _text_after(path: Path) -> None:
    _with_text(path, "srt", -0.4)


def _timed_text_first(path: Path) -> None:
    _with_text(path, "mov_text", 0.6)


def _timecode_first(path: Path) -> None:
    _ffmpeg("-itsoffset", "0.6", "-i", clip("synced"), "-map", "0", "-c", "copy", "-timecode", "10:00:00:00", path)


def _unused_sound_first(path: Path) -> None:
    _ffmpeg("-itsoffset", "0.7", "-i", clip("synced"), *_tone(300, 6), "-map", "0", "-map", "1", "-c:v", "copy", *_AAC,
            "-disposition:a:0", "default", "-disposition:a:1", "0", path)  # fmt: skip


def _stale_flv(path: Path) -> None:
    _kept(path)
    _declare(path, b"\x00\x08duration\x00", struct.pack(">d", 1.0))


def _stale_mkv(path: Path, seconds: float = 1.0) -> None:
    _kept(path)
    _declare(path, b"\x44\x89\x88", struct.pack(">d", seconds * 1000))


def _stale_long_mkv(path: Path) -> None:
    _stale_mkv(path, 100.0)


def _stale_mp4(path: Path) -> None:
    path.write_bytes(clip("synced").read_bytes())
    for media, timescale in ((b"vide", 12_800), (b"soun", 48_000)):
        data = path.read_bytes()
        header = data.rindex(b"mdhd", 0, data.index(b"hdlr" + bytes(8) + media))
        path.write_bytes(data[: header + 20] + struct.pack(">I", timescale) + data[header + 24 :])


def _stale_avi(path: Path) -> None:
    _kept(path)
    data = path.read_bytes()
    header = data.index(b"strh") + 8
    _declare(path, data[data.index(b"avih") + 8 :][:16], struct.pack("<I", 25))
    _declare(path, data[header : header + 32], struct.pack("<I", 25))


def _declare(path: Path, before: bytes, value: bytes) -> None:
    """Other bytes behind the first place of some."""
    data = bytearray(path.read_bytes())
    start = data.index(before) + len(before)
    data[start : start + len(value)] = value
    path.write_bytes(data)


def _screen(path: Path) -> None:
    lively = ["-vf", "select='lt(t,0.1)+between(mod(t,1),0.45,0.7)'", "-fps_mode", "vfr"]
    _ffmpeg(*_flashing("320x180", 4, "30"), *_beeping(4), *lively, *_X264, *_AAC, path)


def _lively(path: Path) -> None:
    """A recording of a screen whose clock of 90 kHz jitters: 2 s of 30 frames/s, then one a second."""
    alive = "select='lt(t,2)+not(mod(n,30))',settb=1/90000,setpts='PTS+floor(random(0)*1500)'"
    exact = ["-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-video_track_timescale", "90000", "-bf", "0"]
    _ffmpeg(*_picture("320x180", "30", 12), "-vf", alive, *_X264, *exact, path)


def _slides(path: Path) -> None:
    """A slide every 5 s and, late, one second of 30 frames."""
    shown = ["-vf", "select='not(mod(n,150))+between(n,600,630)'", "-fps_mode", "passthrough"]
    _ffmpeg(*_picture("320x180", "30", 30), *shown, *_X264, path)


def _jittered(path: Path) -> None:
    """29.97 frames/s in milliseconds that jitter, one frame missing, some doubled a millisecond later."""
    times = "settb=1/1000,setpts='floor((N-gt(N,60))*1001/30)+floor(random(1)*4)+gt(N,60)'"
    exact = ["-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-bf", "0"]
    _ffmpeg(*_picture("320x180", "30000/1001", 6), "-vf", f"select='not(eq(n,30))',{times}", *_X264, *exact, path)


def _program_stream(path: Path) -> None:
    _ffmpeg(*_flashing("352x288", 2), *_beeping(2), "-c:v", "mpeg1video", "-c:a", "mp2", path)


def _bare_dv(path: Path) -> None:
    _ffmpeg(*_flashing("720x576", 1), *_beeping(1, "stereo"), "-c:v", "dvvideo", "-pix_fmt", "yuv420p", path)


def _unmarked_cover(path: Path) -> None:
    cover = path.with_suffix(".jpg")
    _ffmpeg(*_picture("640x640", "25", 1), "-frames:v", "1", cover)
    _ffmpeg("-i", cover, *_flashing("320x180", 2), *_beeping(2), "-map", "0", "-map", "1", "-map", "2",
            "-c:v:0", "copy", "-c:v:1", "libx264", "-pix_fmt", "yuv420p", *_AAC, path)  # fmt: skip


def _one_frame(path: Path) -> None:
    _ffmpeg(*_picture("320x180", "25", 1), "-frames:v", "1", *_X264, path)


def _tiny(path: Path) -> None:
    _ffmpeg(*_picture("16x16", "12", 1), *_tone(440, 1), *_X264, *_AAC, path)


def _rare_matrix(path: Path) -> None:
    _ffmpeg(*_picture("320x180", "25", 1), "-vf", "setparams=colorspace=ycgco", *_X264, path)


def _captioned(path: Path) -> None:
    """H.264 whose every picture carries CEA-608, as ANSI/SCTE 128-1 has it: user data of ATSC in an SEI message."""
    bare, told = path.with_suffix(".h264"), path.with_name("captioned.h264")
    _ffmpeg(*_picture("640x360", "25", 2), *_X264, "-bf", "0", "-aud", "1", bare)
    pair = b"\x41\xff\xfc\x94\x2c\xff"  # one pair of bytes: erase displayed memory
    message = b"\xb5\x00\x31GA94\x03" + pair
    sei = b"\0\0\0\1\x06\x04" + bytes([len(message)]) + message + b"\x80"
    delimiter = b"\0\0\0\1\x09"
    units = bare.read_bytes().split(delimiter)[1:]
    told.write_bytes(b"".join(delimiter + unit[:1] + sei + unit[1:] for unit in units))
    _ffmpeg("-r", "25", "-i", told, *_tone(440, 2), "-map", "0:v", "-map", "1:a", "-c:v", "copy", *_AAC, path)


def _stretches(path: Path) -> None:
    """Moving pictures, black ones from 3 to 5 s, moving ones, still from 7 to 11 s; silence from 4 to 8."""
    moving = "testsrc2=size=320x180:rate=25:duration="
    graph = (
        f"{moving}3[a];color=black:size=320x180:rate=25:duration=2[b];{moving}2,tpad=stop_mode=clone:stop_duration=4[c]"
    )
    graph += ";[a][b][c]concat=n=3:v=1:a=0,format=yuv420p[v]"
    graph += ";sine=frequency=440:sample_rate=48000:duration=11,volume=0:enable='between(t,4,8)'[s]"
    _ffmpeg("-filter_complex", graph, "-map", "[v]", "-map", "[s]", *_X264, *_AAC, path)


def _cut(name: str, path: Path) -> None:
    data = clip(name).read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])


#: Name → suffix and recipe.
RECIPES: dict[str, tuple[str, Recipe]] = {
    # Whole ones
    "plain": (".mp4", _plain),  # 1280x720, 25 frames/s, stereo, 4 s, index first
    "index_last": (".mp4", _index_last),  # the same, index last
    "stream": (".ts", _stream),  # the same as MPEG-TS
    "flv": (".flv", _flv),  # the same as FLV
    "small": (".mp4", _small),  # 640x360, 25 frames/s, mono tone, 2 s
    "long": (".mp4", _long),  # the same, 7 s: more than one segment
    "moving": (".mp4", _moving),  # 640x360, 25 frames/s, 12 s of pictures that are easy and difficult in turn, a sweep
    "moving_twice": (".mp4", _moving_twice),  # the same again, 24 s in all
    "surround": (".mp4", _surround),  # 1920x1080, 24 frames/s, 5.1, 3 s
    "portrait": (".mp4", _portrait),  # 640x360 shown as 360x640 by a display matrix
    "upside_down": (".mp4", _upside_down),  # display matrix of 180 degrees
    "vfr": (".mp4", _vfr),  # 30 frames/s, after 1 s only every third frame
    "interlaced": (".ts", _interlaced),  # MPEG-2 720x576, 25 frames/s, top field first
    "mono": (".mp4", _mono),
    "silent": (".mp4", _silent),  # no audio, 29.97 frames/s
    "anamorphic": (".mp4", _anamorphic),  # 720x576 shown as 1024x576
    "odd": (".webm", _odd),  # VP9 853x479, Opus
    "fast": (".mp4", _fast),  # 1280x720, 60 frames/s
    "hdr": (".mp4", _hdr),  # HEVC 10 bit, PQ, BT.2020
    "two_languages": (".mkv", _two_languages),  # eng and fra audio, fra captions
    "timecode": (".mov", _timecode),  # a tmcd data track
    "late_start": (".ts", _late_start),  # first timestamp about 3600 s
    "no_duration": (".mkv", _no_duration),  # as browsers record: no duration, no index
    "two_minutes": (".mp4", _two_minutes),  # a keyframe every 2 s
    "uhd": (".mp4", _uhd),  # 2160 lines, 1 s
    # Odd ones; where there are flashes, they come with a beep
    "long_sound": (".mp4", _long_sound),  # pictures of 2 s, sound of 4 s
    "short_sound": (".mp4", _short_sound),  # pictures of 3 s, sound of 1.2 s
    "empty_sound": (".mkv", _empty_sound),  # a sound track without a packet, as recorders without a microphone make
    "late_picture": (".ts", _late_picture),  # sound of 3 s, pictures from 1 s on
    "late_clock": (".mkv", _late_clock),  # 2 s from 10 s on: Matroska's durations count from 0
    "joined": (".ts", _joined),  # two recordings of 2 s, 320x180 and 480x360
    "two_programs": (".ts", _two_programs),
    "mono_pairs": (".mxf", _mono_pairs),
    "sound_changes": (".ts", _sound_changes),  # two recordings of 2 s, mono and stereo
    "synced": (".mp4", _synced),  # 6 s
    "lost_mkv": (".mkv", _lost),  # the same without four packets of sound, 85 ms
    "lost_ts": (".ts", _lost),
    "lost_often_mkv": (".mkv", _lost_often),  # gaps all over, one of 360 ms
    "lost_often_ts": (".ts", _lost_often),
    "paused_sound": (".ts", _paused_sound),  # 15 s, 11 of them without sound, or without pictures
    "paused_pictures": (".ts", _paused_pictures),
    "very_late_sound": (".ts", _very_late_sound),  # 14 s, sound after 11 s
    "fragmented": (".mp4", _fragmented),
    "text_first": (".mkv", _text_first),  # subtitles 0.6 s before pictures and sound
    "text_before": (".mkv", _text_before),  # 0.3 s
    "text_long_before": (".mkv", _text_long_before),  # 3 s
    "text_after": (".mkv", _text_after),  # pictures and sound from -0.4 s on
    "timed_text_first": (".mp4", _timed_text_first),
    "timecode_first": (".mov", _timecode_first),
    "unused_sound_first_mkv": (".mkv", _unused_sound_first),  # another track of sound 0.7 s before the one that is used
    "unused_sound_first_ts": (".ts", _unused_sound_first),
    "stale_flv": (".flv", _stale_flv),  # 6 s that declare 1 s
    "stale_mkv": (".mkv", _stale_mkv),
    "stale_long_mkv": (".mkv", _stale_long_mkv),  # 6 s that declare 100 s
    "stale_mp4": (".mp4", _stale_mp4),
    "stale_avi": (".avi", _stale_avi),
    "screen": (".mkv", _screen),  # 4 s, bursts of 30 frames/s
    "lively": (".mp4", _lively),  # 12 s, 30 frames/s for 2 s, then 1
    "slides": (".mkv", _slides),  # 30 s, one lively second
    "jittered": (".mkv", _jittered),  # 29.97 frames/s, 6 s
    "program_stream": (".mpg", _program_stream),  # MPEG-1, 2 s
    "bare_dv": (".dv", _bare_dv),  # PAL, 1 s
    "unmarked_cover": (".mkv", _unmarked_cover),  # a JPEG as the first video track
    "one_frame": (".mp4", _one_frame),
    "tiny": (".mp4", _tiny),  # 16x16, 12 frames/s
    "rare_matrix": (".mp4", _rare_matrix),  # YCgCo, which scale refuses
    "stretches": (".mp4", _stretches),  # 11 s: black from 3 to 5, still from 7 on, silent from 4 to 8
    "captioned": (".mp4", _captioned),  # CEA-608 in every picture
    # Broken ones
    "truncated": (".mp4", _truncated),  # index first, 60 % of the bytes
    "truncated_no_index": (".mp4", _truncated_no_index),
    "open_ended": (".mp4", _open_ended),  # cut, with a media box that claims no length
    "truncated_mkv": (".mkv", _truncated_mkv),
    "truncated_flv": (".flv", _truncated_flv),
    "truncated_ts": (".ts", _truncated_ts),  # a shorter, whole video by the rules of MPEG-TS
    "undecodable": (".mp4", _undecodable),
    "unknown_codec": (".mp4", _unknown_codec),
    "empty": (".mp4", _empty),
    "text": (".mp4", _text),
    "picture": (".mp4", _picture_file),  # a JPEG
    "archive": (".mp4", _archive),  # a ZIP
    "playlist": (".mp4", _playlist),  # HLS that points at a local file
    "audio_only": (".m4a", _audio_only),
    "cover_art": (".m4a", _cover_art),
}
