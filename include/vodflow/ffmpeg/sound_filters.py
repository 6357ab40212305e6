"""The sound's way from the decoder to the outputs, as FFmpeg filters.

Two graphs, one behind the other. The first makes one sample rate and one set of channels of whatever the decoder gives.
FFmpeg sets it up anew where a recording changes from 5.1 to stereo or from 44.1 to 48 kHz, so that each part is
converted by itself; it must not know the time, which would begin at 0 again. The second keeps the time line and is
never set up anew. Between them stands FFmpeg's loopback decoder (``-dec``) and not a bare link of graphs, behind which
FFmpeg 9.0 leaves out what filters still hold at the end, such as the silence of ``apad``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import ffmpeg

from vodflow.ffmpeg.downmix import LAYOUTS, downmix

#: Options of an input that is read so: graphs of pictures are never set up anew.
INPUT_OPTIONS: Final[Mapping[str, Any]] = {"reinit_filter:v": 0}

#: Options of ``aresample`` by which sound begins at time 0 and stays where its time stamps say (libswresample's
#: ``swr_next_pts``): silence where packets are missing or begin late, and samples are cut where they overlap or come
#: before time 0, as soon as the difference is more than 20 ms, about a packet. What is less is as often jitter of a
#: recorder's clock, and cutting would make it audible: it is made up for, as are time stamps that drift, by playing up
#: to 2 % faster or slower, proportional to the difference; drift of 1 % stands 10 ms off. Below 5 ms nobody hears
#: anything, and the samples stay as they are.
KEEP_TIME: Final[Mapping[str, Any]] = {
    "async": 1,
    "first_pts": 0,
    "min_comp": 0.005,
    "min_hard_comp": 0.02,
    "max_soft_comp": 0.02,
}

#: Filters of one more output of each second graph, which gets nothing before the end. FFmpeg 9.0 takes it for the one
#: that is behind, and so never tells the graph to wait for the pictures. It would where a filled gap puts the sound
#: ahead; and as it does not look behind loopback decoders for who waits for whom, all would wait for ever.
_NOTHING: Final = "aselect=0,apad=pad_len=1"
#: FFmpeg's ``-progress`` is silent until every output has begun, which this one does at the end. So the first output
#: says how far it is by itself, for each packet that it has encoded.
_REPORTED: Final = ("-stats_enc_post", "pipe:1", "-stats_enc_post_fmt", "encoded={t}")
_LABEL: Final = re.compile(r"\[([^][]+)\]")


def to_stereo(layout: str, channels: int, sample_rate: int) -> str:
    """Filters of the first graph for a track that is heard in stereo.

    :param layout: ffprobe's channel layout of the track's beginning
    :param sample_rate: of the output, samples a second
    """
    return f"aresample={sample_rate},pan={downmix(layout, channels)},{to_layout('stereo')}"


def to_channel(sample_rate: int) -> str:
    """Filters of the first graph for a mono track, whatever side its channel is labelled to be."""
    return f"aresample={sample_rate},pan=mono|c0=c0,{to_layout('mono')}"


def to_layout(layout: str) -> str:
    """The last filter of a first graph: which channels the second one gets, as FFmpeg names them."""
    return f"aformat=channel_layouts={layout}"


def joined(channels: Sequence[Any], layout: str) -> Any:
    """One stream of several mono ones, as ffmpeg-python's nodes.

    :param channels: in the order of the layout
    """
    names = LAYOUTS[layout].split()
    places = "|".join(f"{place}.0-{name}" for place, name in enumerate(names))
    stream = ffmpeg.filter(channels, "join", inputs=len(names), channel_layout=layout, map=places)
    return stream if layout == "stereo" else stream.filter("pan", downmix(layout, len(names)))


def with_steady_sound(argv: list[str], first: Mapping[str, str], outputs: int) -> list[str]:
    """The command with a graph before its own for each track of sound.

    Pictures and sound get graphs of their own: FFmpeg starts none before every input of it has begun, and would keep
    all pictures before a late sound in memory.

    :param argv: as ffmpeg-python writes it: one ``-filter_complex``, and ``-y`` at the end
    :param first: filters of the first graphs, ending in :func:`to_layout`, by the tracks they take, for example
        ``0:1`` for stream 1 of input 0
    :param outputs: how many outputs the command has
    """
    if "-filter_complex" not in argv:
        return argv
    place = argv.index("-filter_complex")
    graph, tail, watched = argv[place + 1], list[str](), list[str]()
    for number, (track, filters) in enumerate(first.items()):
        # The layout once more, and behind the split: FFmpeg would choose one that suits all branches.
        layout = filters.rpartition(",")[2]
        for use in range(graph.count(f"[{track}]")):
            name = f"{number}_{use}"
            graph = graph.replace(f"[{track}]", f"[d{name}]", 1)
            graph += f";[dec:{number}]asplit[s{name}][k{name}];[s{name}]{layout}[d{name}]"
            graph += f";[k{name}]{layout},{_NOTHING}[n{name}]"
            watched += ["-map", f"[n{name}]", "-f", "null", "-"]
        # One sample more: no loopback decoder begins without any, and a track may turn out to be empty.
        tail += ["-map", track, "-filter:a", f"{filters},apad=pad_len=1", "-c:a", "pcm_f32le", "-f", "null", "-"]
        tail += ["-dec", f"{outputs + number}:0"]
    graphs = [word for part in _separate(graph) for word in ("-filter_complex", part)]
    reported = _REPORTED if watched else ()
    return [*argv[:place], *graphs, *reported, *argv[place + 2 : -1], *tail, *watched, argv[-1]]


def _separate(graph: str) -> list[str]:
    """The parts of a graph that share no label, in the order of their beginnings."""
    parts: list[tuple[set[str], list[str]]] = []
    for chain in graph.split(";"):
        labels = set(_LABEL.findall(chain))
        joined = [part for part in parts if part[0] & labels]
        kept = joined[0] if joined else (set[str](), list[str]())
        for part in joined[1:]:
            kept[0].update(part[0])
            kept[1].extend(part[1])
            parts.remove(part)
        kept[0].update(labels)
        kept[1].append(chain)
        if not joined:
            parts.append(kept)
    return [";".join(chains) for _, chains in parts]
