"""Bases: the models that can be trained and drawn with, and the adapters made for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from zen_tui.exchange.bases import base_folder, ensure_builtin
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Adapter, Base
from zen_tui.library.specs import AdapterSpec, AdapterUse
from zen_tui.library.text import clean, megabytes
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import JobsChanged
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.dialogs import AskLine

Add = Callable[[Database, Path], str]
NO_BASE = "No base: the weights of the built-in zen-mini are missing. i adds a base that is on this disk."
NO_ADAPTER = "No adapter yet. A training makes one; a adds a LoRA file that you have."


class BasesScreen(Place):
    """Two lists, and below them what is known about the entry under the cursor."""

    place = "bases"
    scope = "bases"
    home_focus = "#bases"
    BINDINGS = bindings("bases")
    CSS_PATH = "bases.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.bases: list[Base] = []
        self.adapters: list[Adapter] = []

    def body(self) -> ComposeResult:
        with Horizontal(id="lists"):
            for name in ("bases", "adapters"):
                with Vertical(classes="panel") as panel:
                    panel.border_title = name
                    yield Choices(id=name)
        with VerticalScroll(classes="panel", id="about", can_focus=False) as about:
            about.border_title = "about it"
            yield Static(id="facts")

    def load(self) -> None:
        ensure_builtin(self.zen.db)
        self.bases = models.bases(self.zen.db)
        self.adapters = models.adapters(self.zen.db)
        self._fill("bases", [_base_entry(base) for base in self.bases], NO_BASE)
        self._fill("adapters", [_adapter_entry(a, self._base_of(a)) for a in self.adapters], NO_ADAPTER)
        self._show()

    def _fill(self, name: str, entries: list[Content], nothing: str) -> None:
        entries = entries or [Content.styled(nothing, "$muted")]
        choices = self.query_one(f"#{name}", Choices)
        at = choices.highlighted or 0
        with self.prevent(Choices.OptionHighlighted):
            choices.clear_options()
            choices.add_options([Option(entry) for entry in entries])
            choices.highlighted = min(at, len(entries) - 1)

    def _base_of(self, adapter: Adapter) -> str:
        return next((base.slug for base in self.bases if base.id == adapter.base_id), "")

    @property
    def chosen(self) -> Base | Adapter | None:
        """What the cursor of the focused list stands on; a base when neither has the focus."""
        name = "adapters" if self.query_one("#adapters").has_focus else "bases"
        at = self.query_one(f"#{name}", Choices).highlighted
        entries: list[Base] | list[Adapter] = self.adapters if name == "adapters" else self.bases
        return entries[at] if at is not None and at < len(entries) else None

    @on(Choices.OptionHighlighted)
    def moved(self) -> None:
        self._show()

    def on_descendant_focus(self) -> None:
        self._show()

    def _show(self) -> None:
        chosen = self.chosen
        if chosen is None:
            told = Content("")
        elif isinstance(chosen, Base):
            told = _lines(_about_base(chosen))
        else:
            told = _lines(_about_adapter(chosen, self._base_of(chosen), self.zen.home.resolve(chosen.path)))
        self.query_one("#facts", Static).update(told)

    def on_jobs_changed(self, message: JobsChanged) -> None:
        if message.ended:
            self.load()

    def action_add(self) -> None:
        from zen_tui.tui.screens.add_bases import AddBasesScreen

        self.app.push_screen(AddBasesScreen())

    def action_add_adapter(self) -> None:
        from zen_tui.jobs.adapters import bring_adapter

        why = "A LoRA, an embedding or an A1111 hypernetwork. It is copied into Zen's folder."
        self._ask("add an adapter", why, lambda db, path: bring_adapter(db, self.zen.home, path).slug)

    def action_export(self) -> None:
        """Ask how the adapter under the cursor should leave, and write it."""
        from zen_tui.exchange.safetensors_header import read_header
        from zen_tui.tui.screens.adapter_export import AdapterExport, ExportWish

        chosen = self.chosen
        if not isinstance(chosen, Adapter):
            self.app.notify("Put the cursor on an adapter first.")
            return
        try:
            header = read_header(self.zen.home.resolve(chosen.path)).metadata
        except ZenError as error:
            self.zen.fail(error)
            return

        def answered(wish: ExportWish | None) -> None:
            if wish is not None:
                self._export(chosen.slug, wish.out, wish.format, wish.keep)

        self.app.push_screen(AdapterExport(chosen, header), answered)

    @work(thread=True, exit_on_error=False)
    def _export(self, name: str, out: Path, format: str, keep: tuple[str, ...]) -> None:
        from zen_tui.jobs import errand

        spec = AdapterSpec(
            action="export", adapters=(AdapterUse(name),), out=str(out.absolute()), format=format, keep=keep
        )
        try:
            made = errand.run(self.zen.home, spec)
        except ZenError as error:
            self.app.call_from_thread(self.zen.fail, error)
        else:
            check, names = made["check"], [out.name, *(Path(word).name for word in made["words"])]
            written = f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} written and read back"
            text = f"{written}: {check['layers']} layers, error {check['relative']:.1e}."
            self.app.call_from_thread(self.app.notify, text, markup=False)

    def _ask(self, title: str, why: str, add: Add) -> None:
        """Ask for a path, then `add` what lies there, in a thread."""

        def answered(path: str | None) -> None:
            if path:
                self._add(add, Path(path).expanduser())

        self.app.push_screen(AskLine(title, value="~/", why=why, path=True), answered)

    @work(thread=True, exit_on_error=False)
    def _add(self, add: Add, path: Path) -> None:
        try:
            with Database.open(self.zen.home) as db:
                name = add(db, path)
        except ZenError as error:
            self.app.call_from_thread(self.zen.fail, error)
        else:
            self.app.call_from_thread(self._added, name)

    def _added(self, name: str) -> None:
        self.app.notify(f"{name} is here now.", markup=False)
        self.load()

    def action_copy_path(self) -> None:
        chosen = self.chosen
        if isinstance(chosen, Adapter):
            self.zen.copy_path(self.zen.home.resolve(chosen.path))
        elif chosen is not None:
            self.zen.copy_path(base_folder(chosen))


def _base_entry(base: Base) -> Content:
    size = megabytes(base.facts.get("bytes", 0))
    return Content.assemble((base.slug, "$bright"), "\n", (f"{base.family} · {size}", "$muted"))


def _adapter_entry(adapter: Adapter, base: str) -> Content:
    parts = [part for part in (adapter.trigger, f"for {base or adapter.family}") if part]
    return Content.assemble((adapter.slug, "$bright"), "\n", (" · ".join(parts), "$muted"))


def _about_base(base: Base) -> list[tuple[str, str]]:
    facts = base.facts
    parameters = sum(facts.get("parameters", {}).values())
    where = "part of Zen" if base.path.startswith("builtin:") else base.path
    told = [("name", base.slug), ("model", facts.get("title") or f"{base.family} {base.variant}".strip())]
    told += [("draws at", f"{facts['resolution']} pixels, sides in steps of {facts['multiple']}")] if facts else []
    told += [("parameters", f"{parameters / 1e6:,.1f} million")] if parameters else []
    told += [("size", _size(facts))] if facts else []
    told += [("reads", f"{facts['token_limit']} tokens of a prompt")] if facts.get("token_limit") else []
    told += [("licence", _licence(facts.get("licence", ""))), ("where", where)]
    others = sorted({file for part in facts.get("parts", {}).values() for file in part["files"]} - {base.path})
    told += [("with" if n == 0 else "", file) for n, file in enumerate(others)]
    first = next(iter(facts.get("files", {}).values()), None)
    return [*told, ("hash", f"{first['sha256'][:10]}, as other tools shorten it")] if first else told


def _size(facts: dict[str, Any]) -> str:
    size = megabytes(facts.get("bytes", 0))
    return f"{size} in {facts['precision']}" if facts.get("precision") else size


def _licence(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return clean(first, 100) or "not stated in its folder"


def _about_adapter(adapter: Adapter, base: str, path: Path) -> list[tuple[str, str]]:
    size = megabytes(path.stat().st_size) if path.exists() else "the file is missing"
    rank = adapter.facts.get("rank") if adapter.kind == "lora" else None
    told = [("name", adapter.slug), ("kind", f"{adapter.kind}, rank {rank}" if rank else adapter.kind)]
    told += [("write", adapter.trigger)] if adapter.trigger else []
    told += [("made for", f"{base} ({adapter.family})" if base else adapter.family), ("size", size)]
    return [*told, ("where", str(path))]


def _lines(told: list[tuple[str, str]]) -> Content:
    return Content("\n").join(
        Content.assemble((f"{label:<11}", "$muted"), (clean(value, 300), "$foreground")) for label, value in told
    )
