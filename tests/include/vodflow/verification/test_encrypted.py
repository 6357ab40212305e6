"""Encrypted outputs keep the same rules as others, and some of their own: each broken by at least one change."""

from __future__ import annotations

import base64
import re
import shutil
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from support.protected import keys_of, make_tracks, package, protected_plan
from vodflow.contract.content_keys import ContentKeys, Signal, labels
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.contract.protection import SYSTEM_IDS, DrmSystem
from vodflow.errors import ConfigurationError, VerificationError
from vodflow.media import cenc
from vodflow.media.pssh import make_pssh
from vodflow.packaging.protect import encrypted
from vodflow.quality.published import fetch
from vodflow.verification import DirectoryStore, Rule, Verification, verify
from vodflow.verification.clear_store import ClearStore

pytestmark = pytest.mark.integration

PLANS = {
    "cenc": protected_plan(scheme="cenc", systems=["clearkey"]),
    "cbcs": protected_plan(
        scheme="cbcs", systems=["widevine", "playready", "fairplay", "clearkey"], keys="kinds", clear_lead=2
    ),
    "fairplay": protected_plan(Output.HLS, scheme="cbcs", systems=["fairplay"]),
    "rotated": protected_plan(Output.DASH, scheme="cenc", systems=["clearkey"], rotation=2),
    "aes": protected_plan(Output.HLS, scheme="aes-128", rotation=2),
    "aes_ts": protected_plan(Output.HLS, scheme="aes-128", hls_segments="ts"),
}


@dataclass
class Tree:
    plan: TranscodePlan
    keys: ContentKeys
    root: Path

    def verify(self, keys: ContentKeys | None = None) -> Verification:
        return verify(self.plan, "", "", DirectoryStore(self.root), keys=keys or self.keys)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tree]:
    tracks = make_tracks(tmp_path_factory.mktemp("tracks"))
    made = {}
    for name, plan in PLANS.items():
        keys = keys_of(plan)
        made[name] = Tree(plan, keys, package(plan, keys, tracks, tmp_path_factory.mktemp(name)))
    plan = PLANS["cenc"]
    clear = plan.model_copy(update={"packaging": plan.packaging.model_copy(update={"encryption": None})})
    made["clear"] = Tree(clear, keys_of(plan), package(clear, None, tracks, tmp_path_factory.mktemp("clear")))
    return made


@pytest.fixture
def tree(request: pytest.FixtureRequest, trees: dict[str, Tree], tmp_path: Path) -> Tree:
    good = trees[request.param]
    shutil.copytree(good.root, tmp_path / "copy")
    return Tree(good.plan, good.keys, tmp_path / "copy")


@pytest.mark.parametrize("name", PLANS)
def test_good_outputs_pass_and_measure_as_in_the_clear(trees: dict[str, Tree], name: str) -> None:
    found, clear = trees[name].verify(), trees["clear"]
    assert "encrypted" in found.rules
    assert ("encryption-keys" in found.rules) == (not name.startswith("aes"))
    plain = verify(clear.plan, "", "", DirectoryStore(clear.root))
    assert [(item.name, item.codec, item.segments) for item in found.renditions] == [
        (item.name, item.codec, item.segments) for item in plain.renditions
    ]
    assert found.duration == pytest.approx(plain.duration, abs=0.01)


def test_what_is_in_the_clear_has_none_of_these_rules(trees: dict[str, Tree]) -> None:
    clear = trees["clear"]
    assert not [rule for rule in verify(clear.plan, "", "", DirectoryStore(clear.root)).rules if "encrypt" in rule]


@pytest.mark.parametrize("name", PLANS)
def test_opened_outputs_are_those_that_were_encrypted(trees: dict[str, Tree], name: str, tmp_path: Path) -> None:
    """Every byte of sound and pictures: what a player with the right keys sees is what the encoder made."""
    one, clear = trees[name], trees["clear"]
    stores = [
        (one.plan, ClearStore(DirectoryStore(one.root), one.plan, one.keys, "", "")),
        (clear.plan, DirectoryStore(clear.root)),
    ]
    if one.plan.packaging.hls_segments == "ts":
        data = stores[0][1].read("", "hls/video_360p/00002.ts")
        assert len(data) % 188 == 0
        assert set(data[::188]) == {0x47}
        return
    seen = []
    for number, (plan, store) in enumerate(stores):
        folder = tmp_path / str(number)
        folder.mkdir()
        whole = fetch(plan, plan.renditions[0], store, "", "", folder).read_bytes()
        seen.append(whole.split(b"mdat")[1:])
    assert [part.partition(b"styp")[0][:-4] for part in seen[0]] == [
        part.partition(b"styp")[0][:-4] for part in seen[1]
    ]


@pytest.mark.parametrize("name", ["cenc", "aes", "aes_ts"])
def test_nothing_of_the_encrypted_bytes_is_in_the_clear(trees: dict[str, Tree], name: str) -> None:
    one = trees[name]
    folder = "hls/video_360p/00002.ts" if name == "aes_ts" else "cmaf/video_360p/00002.m4s"
    stored = (one.root / folder).read_bytes()
    opened = ClearStore(DirectoryStore(one.root), one.plan, one.keys, "", "").read("", folder)
    places = range(len(opened) // 2, len(opened) - 64, 997)
    assert not [place for place in places if opened[place : place + 48] in stored]


def swap(name: str, other: str) -> Callable[[Tree, dict[str, Tree]], None]:
    """An object as it would be without encryption."""
    return lambda tree, trees: shutil.copy(trees[other].root / name, tree.root / name) and None


def edit(name: str, pattern: str, new: str) -> Callable[[Tree, dict[str, Tree]], None]:
    def change(tree: Tree, _: dict[str, Tree]) -> None:
        path = tree.root / name
        text = path.read_text()
        assert re.search(pattern, text), f"{pattern} is not in {name}:\n{text}"
        path.write_text(re.sub(pattern, new, text, count=1))

    return change


def flip(name: str, marker: bytes, skip: int) -> Callable[[Tree, dict[str, Tree]], None]:
    """Another bit behind a marker in a header."""

    def change(tree: Tree, _: dict[str, Tree]) -> None:
        path = tree.root / name
        data = bytearray(path.read_bytes())
        data[data.index(marker) + len(marker) + skip] ^= 1
        path.write_bytes(data)

    return change


def only_says_so(name: str) -> Callable[[Tree, dict[str, Tree]], None]:
    """A segment whose boxes say that it is encrypted, and whose samples are in the clear."""

    def change(tree: Tree, _: dict[str, Tree]) -> None:
        path = tree.root / name
        stored, store = path.read_bytes(), ClearStore(DirectoryStore(tree.root), tree.plan, tree.keys, "", "")
        place = stored.index(b"mdat")
        path.write_bytes(stored[:place] + store.read("", name)[place:])

    return change


def renumber(name: str, number: int) -> Callable[[Tree, dict[str, Tree]], None]:
    """The second segment encrypted as if it had another number."""

    def change(tree: Tree, _: dict[str, Tree]) -> None:
        store = ClearStore(DirectoryStore(tree.root), tree.plan, tree.keys, "", "")
        key = tree.keys.of("all", 1)
        (tree.root / name).write_bytes(encrypted(store.read("", name), bytes.fromhex(key.key), number))

    return change


def write(name: str, marker: bytes, skip: int, value: int) -> Callable[[Tree, dict[str, Tree]], None]:
    """Another byte behind a marker in a header."""

    def change(tree: Tree, _: dict[str, Tree]) -> None:
        data = bytearray((tree.root / name).read_bytes())
        data[data.index(marker) + len(marker) + skip] = value
        (tree.root / name).write_bytes(data)

    return change


MPD, VIDEO, TWIN, TS = "dash/manifest.mpd", "hls/video_360p.m3u8", "hls/fairplay_audio.m3u8", "hls/video_180p/00002.ts"
SEGMENT, INIT = "cmaf/video_360p/00002.m4s", "cmaf/video_360p/init.mp4"
SOUND, MASTER, TWINS = "cmaf/audio/00002.m4s", "hls/master.m3u8", "hls/fairplay.m3u8"
BROKEN: dict[str, tuple[str, Any, str]] = {
    "a segment in the clear": ("cenc", swap(SEGMENT, "clear"), "encrypted"),
    "sound in the clear": ("cbcs", swap("cmaf/audio/00003.m4s", "clear"), "encrypted"),
    "a header in the clear": ("cenc", swap(INIT, "clear"), "encrypted"),
    "a whole segment in the clear": ("aes", swap("cmaf/audio/00002.m4s", "clear"), "encrypted"),
    "pictures that only say that they are encrypted": ("cenc", only_says_so(SEGMENT), "encrypted"),
    "the same of the smallest rung in cbcs": ("cbcs", only_says_so("cmaf/video_180p/00002.m4s"), "encrypted"),
    "sound that only says so": ("cenc", only_says_so(SOUND), "encrypted"),
    "sound that only says so in cbcs": ("cbcs", only_says_so(SOUND), "encrypted"),
    "rotated pictures that only say so": ("rotated", only_says_so(SEGMENT), "encrypted"),
    "no vector in a header": ("cbcs", write(INIT, b"tenc", 24, 0), "encrypted"),
    "another vector in a header": ("cbcs", flip(INIT, b"tenc", 25), "decodes"),
    "another vector of one segment": ("cenc", flip(SEGMENT, b"senc", 8), "encrypted"),
    "vectors of fewer samples": ("cenc", flip(SEGMENT, b"senc", 7), "encrypted"),
    "other sizes in saiz": ("cenc", flip(SEGMENT, b"saiz", 8), "encrypted"),
    "saio leads elsewhere": ("cenc", flip(SEGMENT, b"saio", 11), "encrypted"),
    "no saio": ("cenc", lambda tree, _: replace_bytes(tree.root / SEGMENT, b"saio", b"free"), "encrypted"),
    "a segment of another period": ("rotated", flip(SEGMENT, b"sgpd", 20), "encryption-keys"),
    "a vector of its own in the playlist": ("aes", edit(VIDEO, "(#EXT-X-KEY.*)", rf"\1,IV=0x{'0' * 32}"), "encrypted"),
    "other numbers, and so vectors": ("aes", edit(VIDEO, "#EXTINF", "#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF"), "encrypted"),
    "another number as vector": ("aes", renumber(SEGMENT, 2), "encrypted"),
    "the same of sound": ("aes", renumber(SOUND, 3), "encrypted"),
    "the same in MPEG-TS": ("aes_ts", renumber(TS, 0), "encrypted"),
    "the same of packed sound": ("aes_ts", renumber("hls/audio/00002.aac", 2), "encrypted"),
    "half a segment": ("aes_ts", lambda tree, _: (tree.root / TS).write_bytes(b"x" * 40), "encrypted"),
    "another KID in a header": ("cenc", flip(INIT, b"tenc", 10), "encryption-keys"),
    "another scheme in a header": ("cenc", flip(INIT, b"schm", 7), "encrypted"),
    "another key in a pssh box": ("cenc", flip(INIT, b"pssh", 24), "encryption-keys"),
    "a system less in a header": ("cbcs", lambda tree, _: rename_box(tree.root / INIT), "encryption-signals"),
    "another default_KID": ("cenc", edit(MPD, r'default_KID="(.)', 'default_KID="f'), "encryption-keys"),
    "a system less in the MPD": ("cbcs", edit(MPD, "urn:uuid:edef8ba9", "urn:uuid:00000000"), "encryption-signals"),
    "another key in Widevine's box": ("cbcs", flip(INIT, b"pssh", 28), "encryption-keys"),
    "another box in the MPD": ("cbcs", edit(MPD, "pssh>AAAA(...)", r"pssh>AAAB\1"), "encryption-signals"),
    "another object for PlayReady": ("cbcs", edit(MPD, "pro>(....)", "pro>AAAA"), "encryption-signals"),
    "another box in HLS": ("cbcs", edit(VIDEO, "base64,AAAA(...)", r"base64,AAAB\1"), "encryption-signals"),
    "another method in HLS": ("cenc", edit(VIDEO, "SAMPLE-AES-CTR", "SAMPLE-AES"), "encryption-signals"),
    "another session key": ("cenc", edit(MASTER, "(SESSION-KEY.*)keys/.", r"\1keys/f"), "encryption-keys"),
    "a session key of another system": ("cenc", edit(MASTER, '"identity"', '"nobody"'), "encryption-signals"),
    "FairPlay's master lists less": ("cbcs", edit(TWINS, "#EXT-X-STREAM-INF.*\n.*\n", ""), "encryption-signals"),
    "another scheme in the MPD": ("cenc", edit(MPD, 'value="cenc"', 'value="cbcs"'), "encryption-signals"),
    "no key line": ("cenc", edit(VIDEO, "#EXT-X-KEY.*\n", ""), "encryption-signals"),
    "a system less in HLS": ("cbcs", edit(VIDEO, "#EXT-X-KEY.*microsoft.*\n", ""), "encryption-signals"),
    "another key in HLS": ("cenc", edit(VIDEO, "keys/.", "keys/f"), "encryption-keys"),
    "FairPlay's twin lists less": ("cbcs", edit(TWIN, "#EXTINF.*\n.*\n", ""), "encryption-signals"),
    "a key of nobody": ("aes", edit(VIDEO, "keys/[0-9a-f]{32}", f"keys/{'0' * 32}"), "encrypted"),
    "a missing twin": ("cbcs", lambda tree, _: (tree.root / "hls/fairplay.m3u8").unlink(), "object-present"),
}  # fmt: skip


def test_every_rule_of_encryption_is_broken_by_a_test() -> None:
    assert {rule for _, _, rule in BROKEN.values()} >= {rule for rule in Rule if "encrypt" in rule}


def replace_bytes(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def rename_box(path: Path) -> None:
    """The Widevine box becomes that of nobody."""
    data = path.read_bytes()
    widevine = next(box for box in cenc.read_header(data).pssh if box.system.startswith("edef8ba9"))
    path.write_bytes(data.replace(widevine.box, widevine.box[:12] + bytes(16) + widevine.box[28:]))


@pytest.mark.parametrize(("tree", "change", "rule"), BROKEN.values(), ids=list(BROKEN), indirect=["tree"])
def test_each_change_breaks_its_rule(tree: Tree, trees: dict[str, Tree], change: Any, rule: str) -> None:
    change(tree, trees)
    with pytest.raises(VerificationError) as refused:
        tree.verify()
    assert refused.value.rule == rule, refused.value


@pytest.mark.parametrize(("name", "rule"), [("cenc", "decodes"), ("cbcs", "decodes"), ("aes", "encrypted")])
def test_a_wrong_key_opens_nothing(trees: dict[str, Tree], name: str, rule: str) -> None:
    one = trees[name]
    with pytest.raises(VerificationError) as refused:
        one.verify(keys_of(one.plan, salt=2))
    assert refused.value.rule == rule


def test_keys_of_two_kinds_that_were_mixed_up_open_nothing(trees: dict[str, Tree]) -> None:
    one = trees["cbcs"]
    values = dict(zip(labels(one.plan), reversed([key.key for key in one.keys.keys]), strict=True))
    mixed = [key.model_copy(update={"key": values[key.label]}) for key in one.keys.keys]
    with pytest.raises(VerificationError) as refused:
        one.verify(ContentKeys(keys=tuple(mixed)))
    assert refused.value.rule == "decodes"


def test_segments_of_two_tries_go_together(trees: dict[str, Tree], tmp_path: Path) -> None:
    """Whoever was taken for dead may still write some."""
    one = trees["cbcs"]
    again = package(one.plan, one.keys, one.root.parent / "tracks", tmp_path)
    for path in sorted(again.glob("cmaf/*/*.m4s")):
        assert path.read_bytes() == (one.root / path.relative_to(again)).read_bytes(), path
    vector = cenc.read_header((again / INIT).read_bytes()).defaults
    assert vector is not None
    assert vector.constant_iv.hex() == one.keys.of("sd").key_id
    one, again = trees["cenc"], tmp_path / "cenc"
    again.mkdir()
    shutil.copytree(one.root, again / "mixed")
    other = package(one.plan, one.keys, one.root.parent / "tracks", again)
    assert (other / SEGMENT).read_bytes() != (one.root / SEGMENT).read_bytes(), "a counter begins anew"
    shutil.copy(other / SEGMENT, again / "mixed" / SEGMENT)
    Tree(one.plan, one.keys, again / "mixed").verify()


def test_boxes_are_what_their_systems_read(trees: dict[str, Tree]) -> None:
    """Read here by their owners' documents: a PlayReady header, a message of Widevine, a list of KIDs."""
    one = trees["cbcs"]
    for label, name in (("sd", "video_360p"), ("audio", "audio")):
        key = uuid.UUID(one.keys.of(label).key_id)
        boxes = {
            box.system[:8]: box for box in cenc.read_header((one.root / f"cmaf/{name}/init.mp4").read_bytes()).pssh
        }
        assert set(boxes["1077efec"].key_ids) == set(one.keys.by_id)
        *key_ids, scheme = re.findall(rb"\x12\x10(.{16})|\x48(.{5})", boxes["edef8ba9"].data, re.DOTALL)
        assert {item[0].hex() for item in key_ids} == set(one.keys.by_id)
        assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(scheme[1])) == int.from_bytes(b"cbcs")
        size, records, kind, length = struct.unpack_from("<IHHH", boxes["9a04f079"].data)
        assert (size, records, kind, length) == (len(boxes["9a04f079"].data), 1, 1, size - 10)
        header = etree.fromstring(boxes["9a04f079"].data[10:].decode("utf-16-le"))
        (found,) = header.iter("{*}KID")
        assert header.get("version") == "4.3.0.0"
        assert found.get("ALGID") == "AESCBC"
        assert uuid.UUID(bytes_le=base64.b64decode(found.get("VALUE") or "")) == key


def test_a_providers_boxes_stand_beside_our_own(trees: dict[str, Tree], tmp_path: Path) -> None:
    """Its own are taken as they are, ClearKey's is made here; each track's playlists name its own key's."""
    plan = protected_plan(scheme="cbcs", systems=["widevine", "playready", "clearkey"], keys="kinds")
    keys = keys_of(plan)
    signals = tuple(
        Signal(
            key_id=key.key_id, system=system,
            pssh=base64.b64encode(make_pssh(SYSTEM_IDS[system], f"{system} {key.label}".encode())).decode(),
        )
        for key in keys.keys for system in (DrmSystem.WIDEVINE, DrmSystem.PLAYREADY)
    )  # fmt: skip
    keys = ContentKeys(keys=keys.keys, signals=signals)
    root = package(plan, keys, trees["cbcs"].root.parent / "tracks", tmp_path)
    verify(plan, "", "", DirectoryStore(root), keys=keys)
    for label, name in (("sd", "video_360p"), ("audio", "audio")):
        told = re.findall(r"base64,([^\"]+)", (root / f"hls/{name}.m3u8").read_text())
        assert [base64.b64decode(text)[-len(f"{system} {label}") :].decode() for text, system in zip(
            told, ("widevine", "playready"), strict=True)] == [f"widevine {label}", f"playready {label}"]  # fmt: skip


def test_who_has_no_keys_cannot_check(trees: dict[str, Tree]) -> None:
    one = trees["cenc"]
    with pytest.raises(ConfigurationError, match="only who has their keys"):
        verify(one.plan, "", "", DirectoryStore(one.root))


def test_rotation_gives_segments_different_keys(trees: dict[str, Tree]) -> None:
    text = (trees["aes"].root / "hls/video_360p.m3u8").read_text()
    assert len(set(re.findall(r"keys/([0-9a-f]{32})", text))) == 3
    one = trees["rotated"]
    init = (one.root / INIT).read_bytes()
    store = ClearStore(DirectoryStore(one.root), one.plan, one.keys, "", "")
    header, track = store._header(INIT)
    found = {
        next(cenc.parts((one.root / f"cmaf/video_360p/0000{n}.m4s").read_bytes(), header, track)).how.key_id
        for n in (1, 2, 3)
    }
    assert len(found) > 1
    assert cenc.read_header(init).defaults is not None
