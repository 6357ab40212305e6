from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import packaged
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.verification import DirectoryStore, Verification, verify


@dataclass
class Tree:
    """A plan and a good output tree of its own that a test may break."""

    plan: TranscodePlan
    root: Path

    def verify(self) -> Verification:
        return verify(self.plan, "", "", DirectoryStore(self.root))

    def edit(self, name: str, old: str, new: str, count: int = -1) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}:\n{text}"
        path.write_text(text.replace(old, new, count))

    def patch(self, name: str, change: Callable[[bytearray], None]) -> None:
        path = self.root / name
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)


@pytest.fixture(scope="session")
def good_trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tree]:
    plans = {
        "fmp4": packaged.small_plan(),
        "ts": packaged.small_plan((Output.HLS,), hls_segments="ts", thumbnails=False),
        "mp4": packaged.small_plan((Output.MP4,), thumbnails=False),
        "silent": packaged.small_plan((Output.DASH,), audio=False, thumbnails=False),
    }
    trees = {}
    for name, plan in plans.items():
        folder = tmp_path_factory.mktemp(name)
        packaged.make_outputs(plan, folder / "out", folder / "work")
        trees[name] = Tree(plan, folder / "out")
    return trees


@pytest.fixture
def tree(request: pytest.FixtureRequest, good_trees: dict[str, Tree], tmp_path: Path) -> Iterator[Tree]:
    """A copy of the tree named by indirect parametrisation, or of the complete fMP4 one."""
    good = good_trees[getattr(request, "param", "fmp4")]
    root = tmp_path / "copy"
    shutil.copytree(good.root, root)
    yield Tree(good.plan, root)
    shutil.rmtree(root)
