"""What Train does with files: take the settings of one, also of another tool's, and write its own to be kept."""

from __future__ import annotations

import asyncio
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.run_files import RunFile
from zen_tui.library.text import clean, plural, shown
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.dialogs import BOX, AskLine
from zen_tui.tui.widgets.train_form import TrainForm

LABEL = 23  # columns


@dataclass(frozen=True)
class Wish:
    """What stands in the form."""

    dataset: str | None
    base: str | None
    method: str
    preset: str | None
    chosen: dict[str, Any]
    name: str | None


class TookOver(ModalScreen[None]):
    """What was taken of another tool's settings, and what was not and why."""

    DEFAULT_CSS = f"TookOver {{ {BOX} & > Vertical {{ width: 100; }} }}"
    BINDINGS = [Binding("escape,q,enter", "leave", "close", show=False)]

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        super().__init__()
        self.lines = lines

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "settings from another tool"
            with VerticalScroll() as scroll:
                scroll.styles.height = "auto"
                scroll.styles.max_height = "60vh"
                yield Static()
            with Horizontal():
                yield Button(Content.from_markup("close [$muted]esc[/]"), classes="-primary")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        width = self.query_one(VerticalScroll).scrollable_content_region.width - LABEL
        parts: list[Content] = []
        for label, words in self.lines:
            style = "$attention" if label in ("not taken", "not known", "note") else "$muted"
            first, *rest = textwrap.wrap(clean(words, 400), max(20, width)) or [""]
            parts.append(Content.assemble((f"{label:<{LABEL}}", style), first))
            parts += [Content(" " * LABEL + line) for line in rest]
        self.query_one(Static).update(Content("\n").join(parts))

    @on(Button.Pressed)
    def action_leave(self) -> None:
        self.dismiss()


class Keeping(Place):
    """The base of the screen; `wish` is what stands in its form."""

    def wish(self) -> Wish:
        raise NotImplementedError

    def action_open_settings(self) -> None:
        why = "A file of Zen, ai-toolkit, OneTrainer or kohya, or the name of a run."
        self.app.push_screen(AskLine("open settings", why=why, path=True), self._open)

    def _open(self, typed: str | None) -> None:
        if typed is not None:
            self._take(typed)

    @work(exclusive=True, group="settings")
    async def _take(self, typed: str) -> None:
        """Fill in what the file says, away from the keyboard."""
        form, wish = self.query_one(TrainForm), self.wish()
        try:
            found, settings = await asyncio.to_thread(look_into, self.zen.home, typed, wish)
        except ZenError as error:
            self.zen.fail(error)
            return
        for name in ("dataset", "base", "method", "preset"):
            if value := getattr(found, name):
                form.choose(name, value)
        await form.take(settings, found.name or "")
        self.set_class(form.has_class("-more"), "-more")
        lines = getattr(found, "lines", None)
        if lines is not None:
            self.app.push_screen(TookOver(lines()))
        else:
            told = (
                f"{plural(len(settings), 'setting')} other than what suits."
                if settings
                else "They are what suits."
            )
            self.app.notify(told, title=f"Settings of {clean(typed, 60)}", markup=False)

    def action_save_settings(self) -> None:
        name = self.query_one(TrainForm).value("dataset") or "training"
        why = "Every setting, to be changed, kept and started again."
        self.app.push_screen(AskLine("save settings", value=f"~/{name}.toml", why=why, path=True), self._save)

    def _save(self, typed: str | None) -> None:
        from zen_tui.jobs.submit import prepare_training
        from zen_tui.jobs.train_files import write_training

        if typed is None:
            return
        wish, db = self.wish(), self.zen.db
        try:
            dataset, base = datasets.dataset(db, wish.dataset or ""), models.base(db, wish.base or "")
            settings, _ = prepare_training(
                db, self.zen.home, dataset, base, method=wish.method, preset=wish.preset, chosen=wish.chosen
            )
            out = write_training(Path(typed), settings, dataset.slug, base, wish.method, wish.name)
        except ZenError as error:
            self.zen.fail(error)
        else:
            self.app.notify(f"`zen train --from {shown(out)}` starts it.", title="Settings saved", markup=False)


def look_into(home: Home, typed: str, wish: Wish) -> tuple[RunFile, dict[str, str]]:
    """The training that a file or run describes, and its settings as they would be typed into the form.

    Raises:
        NotFound: no such file or run, or the dataset or base it names is gone.
        WrongUse: it cannot be understood, or begins from a checkpoint.
    """
    from zen_tui.jobs.train_files import as_typed, bring

    with Database.open(home) as db:
        found = bring(db, home, typed, wish.dataset, wish.base)
        if found.run:
            raise WrongUse(
                f"This training begins from a checkpoint of {clean(found.run, 60)}.",
                "Start it with `zen train --from`, or press b on the page of that run.",
            )
        return found, as_typed(
            db, found, found.dataset or wish.dataset, found.base or wish.base, found.preset or wish.preset
        )
