"""Exporting an adapter from its screen: what stays in the header is seen and chosen before the file is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file
from textual.widgets import Input

from tests.tui.shell import zen
from tests.tui.work import said, until
from zen_tui.exchange.adapters import import_adapter
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.screens.adapter_export import AdapterExport
from zen_tui.tui.widgets.choices import Choices


def lines(dialog: AdapterExport) -> dict[str, str]:
    """The mark before every key that the dialogue lists."""
    choices = dialog.query_one("#keys", Choices)
    shown = [str(choices.get_option_at_index(n).prompt).split() for n in range(choices.option_count)]
    return {words[1]: words[0] for words in shown}


async def test_an_adapter_is_exported_with_the_keys_that_were_chosen(
    db: Database, home: Home, tmp_path: Path
) -> None:
    stem = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
    tensors = {
        f"{stem}.lora_down.weight": np.ones((2, 32), "f4"),
        f"{stem}.lora_up.weight": np.ones((32, 2), "f4"),
    }
    header = {"ss_seed": "42", "ss_dataset_dirs": "10_mara smith", "modelspec.trigger_phrase": "ohwx woman"}
    save_file(tensors, tmp_path / "mara.safetensors", metadata=header)
    import_adapter(db, home, tmp_path / "mara.safetensors")
    out = tmp_path / "out.safetensors"
    async with zen(db, home, (80, 24), place="bases") as (app, pilot):
        app.screen.query_one("#adapters").focus()
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, AdapterExport))
        dialog = app.screen
        assert isinstance(dialog, AdapterExport)
        assert "as kohya" in said(app, "#format")
        marks = lines(dialog)
        assert marks["ss_seed"] == marks["ss_dataset_dirs"] == "·"
        assert marks["ss_network_dim"] == marks["modelspec.trigger_phrase"] == "✓"
        await pilot.press("f2")
        assert "as diffusers" in said(app, "#format")
        await pilot.press("f2")
        dialog.query_one("#out", Input).value = str(out)
        choices = dialog.query_one("#keys", Choices)
        choices.focus()
        choices.highlighted = choices.get_option_index("ss_seed")
        await pilot.press("space")
        assert lines(dialog)["ss_seed"] == "✓"
        assert lines(dialog)["ss_dataset_dirs"] == "·"
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, AdapterExport))
        await until(pilot, lambda: any("read back" in note.message for note in app._notifications), seconds=120)
    with safe_open(out, "np") as file:
        written = file.metadata()
    assert written["ss_seed"] == "42"
    assert "ss_dataset_dirs" not in written
