"""The picture that proves an export: the same from the exported file, and another from anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.families.conftest import open_family, write_lora
from tests.feeds import KeptFeed
from zen_tui.exchange.adapters import import_adapter
from zen_tui.exchange.bases import add_base
from zen_tui.families.adapter_work import make_adapter
from zen_tui.generation import warm
from zen_tui.generation.adapter_picture import compare_pictures
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile
from zen_tui.library.events import Note
from zen_tui.library.paths import Home
from zen_tui.library.specs import AdapterPictureSpec, AdapterSpec, AdapterUse


def test_the_exported_file_draws_the_same_picture(
    db: Database, home: Home, tiny_base: Path, tmp_path: Path
) -> None:
    base = add_base(db, home, tiny_base)
    import_adapter(db, home, write_lora(open_family(tiny_base), tmp_path / "mara.safetensors", "all"))
    out = tmp_path / "out.safetensors"
    export = AdapterSpec(action="export", adapters=(AdapterUse("mara"),), out=str(out), format="kohya")
    make_adapter(export, KeptFeed(0), db, home)
    spec = AdapterPictureSpec(adapter="mara", file=str(out), base=base.slug)
    feed = KeptFeed(1)
    try:
        found = compare_pictures(spec, feed, db, home)
        assert found["difference"] <= 1
        assert found["changed"] > 8
        assert "out.safetensors" in feed.heard(Note)[-1].text
        tensors = load_file(out)
        save_file({key: t * (2 if key.endswith("alpha") else 1) for key, t in tensors.items()}, out)
        assert compare_pictures(spec, feed, db, home)["difference"] > 8
        out.unlink()
        with pytest.raises(BadFile, match=r"out\.safetensors is gone"):
            compare_pictures(spec, feed, db, home)
    finally:
        warm.drop()
