"""A small window before an adapter leaves: where to, in which format, and what of its header stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static
from textual.widgets.option_list import Option

from zen_tui.exchange.adapter_header import plan_header
from zen_tui.exchange.lora_names_out import formats_for
from zen_tui.library.records import Adapter
from zen_tui.library.text import clean
from zen_tui.tui.keys import bindings
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.dialogs import BOX, PathSuggester


@dataclass(frozen=True)
class ExportWish:
    """What was chosen: the file to write, its format, and the keys of the old header that stay."""

    out: Path
    format: str
    keep: tuple[str, ...]


class AdapterExport(ModalScreen[ExportWish | None]):
    """Ends with an `ExportWish`, or None when left by escape. `header` is the adapter's own."""

    scope = "export"
    BINDINGS = bindings("export")
    DEFAULT_CSS = f"AdapterExport {{ {BOX} & Choices {{ height: auto; max-height: 12; margin-top: 1; }} }}"

    def __init__(self, adapter: Adapter, header: Mapping[str, str]) -> None:
        super().__init__()
        self.adapter = adapter
        self.header = header
        self.formats = formats_for(adapter.family)
        self.format = self.formats[0]
        self.keep: set[str] = set()
        self.dropped: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"export {self.adapter.slug}"
            yield Input(f"~/{self.adapter.slug}.safetensors", suggester=PathSuggester(), id="out")
            yield Static(id="format")
            yield Choices(id="keys")
            yield Static(
                "✓ is written, · is left out; space decides over a key of the old header. "
                "The file is read back and compared. Enter writes it, escape leaves.",
                classes="why",
            )

    def on_mount(self) -> None:
        self._draw()
        self.query_one("#out").focus()

    @on(Input.Submitted)
    @on(Choices.OptionSelected)
    def accepted(self) -> None:
        typed = self.query_one("#out", Input).value.strip()
        if typed:
            self.dismiss(ExportWish(Path(typed).expanduser(), self.format, tuple(sorted(self.keep))))

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_next_format(self) -> None:
        self.format = self.formats[(self.formats.index(self.format) + 1) % len(self.formats)]
        self._draw()

    def action_take(self) -> None:
        """Keep the key under the cursor, or leave it out again. What other tools need is always written."""
        chosen = self.query_one(Choices).highlighted_option
        key = chosen.id if chosen is not None else None
        if key is not None and (key in self.dropped or key in self.keep):
            self.keep ^= {key}
            self._draw()

    def _draw(self) -> None:
        plan = plan_header(
            self.header,
            family=self.adapter.family,
            variant=str(self.adapter.facts.get("variant", "")),
            format=self.format,
            title=self.adapter.slug,
            trigger=self.adapter.trigger,
            rank=str(self.adapter.facts.get("rank", "")),
            alpha="as trained",
            keep=sorted(self.keep),
        )
        self.dropped = plan.dropped
        others = ", ".join(name for name in self.formats if name != self.format)
        hint = f"  F2 changes it to {others}" if others else ""
        self.query_one("#format", Static).update(Content.assemble(f"as {self.format}", (hint, "$muted")))
        lines = [Option(_line("✓", key, value), id=key) for key, value in plan.kept.items()]
        lines += [Option(_line("·", key, self.header[key]), id=key) for key in plan.dropped]
        choices = self.query_one(Choices)
        at = choices.highlighted_option
        choices.clear_options()
        choices.add_options(lines)
        choices.highlighted = choices.get_option_index(at.id) if at is not None and at.id else 0


def _line(mark: str, key: str, value: str) -> Content:
    style = "$primary" if mark == "✓" else "$muted"
    return Content.assemble(
        (f" {mark} ", style), (clean(key, 40), "$foreground"), (f"  {clean(value, 60)}", "$muted")
    )
