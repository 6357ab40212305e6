from __future__ import annotations

from vodflow.ffmpeg.sound_filters import to_layout, with_steady_sound


def split(name: str, layout: str) -> str:
    kept = f"aformat=channel_layouts={layout}"
    return f"asplit[s{name}][k{name}];[s{name}]{kept}[d{name}];[k{name}]{kept},aselect=0,apad=pad_len=1[n{name}]"


def test_each_track_passes_a_graph_and_a_loopback_decoder_of_its_own() -> None:
    argv = ["ffmpeg", "-i", "in", "-filter_complex", "[0:0]fps[v];[0:2]apad[a];[0:1]asplit[b][c]", "-map", "[v]", "-y"]
    first = {"0:1": f"aresample=48000,{to_layout('5.1')}", "0:2": f"aresample=44100,{to_layout('mono')}"}
    assert with_steady_sound(argv, first, 3) == [
        "ffmpeg", "-i", "in",
        "-filter_complex", "[0:0]fps[v]",
        "-filter_complex", f"[d1_0]apad[a];[dec:1]{split('1_0', 'mono')}",
        "-filter_complex", f"[d0_0]asplit[b][c];[dec:0]{split('0_0', '5.1')}",
        "-stats_enc_post", "pipe:1", "-stats_enc_post_fmt", "encoded={t}",
        "-map", "[v]",
        "-map", "0:1", "-filter:a", "aresample=48000,aformat=channel_layouts=5.1,apad=pad_len=1",
        "-c:a", "pcm_f32le", "-f", "null", "-", "-dec", "3:0",
        "-map", "0:2", "-filter:a", "aresample=44100,aformat=channel_layouts=mono,apad=pad_len=1",
        "-c:a", "pcm_f32le", "-f", "null", "-", "-dec", "4:0",
        "-map", "[n0_0]", "-f", "null", "-", "-map", "[n1_0]", "-f", "null", "-",
        "-y",
    ]  # fmt: skip


def test_a_track_may_be_used_several_times() -> None:
    argv = ["ffmpeg", "-filter_complex", "[0:1]a[x];[0:1][0:2]amerge[y]", "-y"]
    graphs = [
        f"[d0_0]a[x];[dec:0]{split('0_0', 'mono')}",
        f"[d0_1][0:2]amerge[y];[dec:0]{split('0_1', 'mono')}",
    ]
    made = with_steady_sound(argv, {"0:1": to_layout("mono")}, 2)[2]
    assert sorted(made.split(";")) == sorted(";".join(graphs).split(";"))


def test_what_shares_a_label_stays_together() -> None:
    argv = ["ffmpeg", "-filter_complex", "[0:0]a[x];[0:1]b[y];[x][y]c[z]", "-y"]
    assert with_steady_sound(argv, {}, 1) == argv


def test_a_command_without_filters_stays_as_it_is() -> None:
    assert with_steady_sound(["ffmpeg", "-i", "in", "-y"], {"0:1": "aresample=48000"}, 1) == [
        "ffmpeg",
        "-i",
        "in",
        "-y",
    ]
