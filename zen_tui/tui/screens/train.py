"""Train: choose a dataset, a base and a few settings, and see what will happen before it does."""

from __future__ import annotations

import asyncio
import contextlib
import textwrap
from dataclasses import dataclass, field
from typing import Any

import msgspec
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.css.query import NoMatches
from textual.widgets import Button, Input, Select, Static

from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import clean
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import OpenRun
from zen_tui.tui.screens.train_keeping import Keeping, Wish
from zen_tui.tui.widgets.photo_grid import PhotoGrid, Tile
from zen_tui.tui.widgets.train_form import TrainForm

LABEL = 9  # columns
PAUSE = 0.15  # seconds after the last key before the plan is made anew


@dataclass(frozen=True)
class Preview:
    """What would happen: the plan in lines, or the sentence why it cannot."""

    defaults: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""
    hint: str = ""


class TrainScreen(Keeping):
    """The form is kept while the app runs. Enter in a field, or ctrl+r anywhere, starts."""

    place = "train"
    scope = "train"
    home_focus = "#dataset"
    CSS_PATH = "train.tcss"
    BINDINGS = bindings("train")

    def __init__(self) -> None:
        super().__init__()
        self.found = Preview()
        self.shown: str | None = None  # the dataset whose photos are shown

    def body(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="left"):
                with Container(id="form", classes="panel") as form:
                    form.border_title = "training"
                    yield TrainForm()
                with Container(id="photos", classes="panel") as photos:
                    photos.border_title = "photos it learns from"
                    yield PhotoGrid(least=14, empty="There is no photo to learn from.")
            with VerticalScroll(id="plan", classes="panel", can_focus=False) as plan:
                plan.border_title = "what will happen"
                yield Static(id="words")

    def on_mount(self) -> None:
        self.query_one(PhotoGrid).can_focus = False  # there to be seen

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self._show_plan)

    def load(self) -> None:
        from zen_tui.exchange.bases import ensure_builtin
        from zen_tui.jobs.submit import PRESETS, in_words, preset_for

        ensure_builtin(self.zen.db)
        there = datasets.all_datasets(self.zen.db)
        self.query_one(TrainForm).offer(
            there,
            models.bases(self.zen.db),
            {name: in_words(name) for name in PRESETS},
            {dataset.slug: preset_for(dataset) for dataset in there},
        )
        self.shown = None
        self._show_photos()
        self.preview()

    def choose_dataset(self, slug: str) -> None:
        """Called by the app when a person wants to train this dataset."""
        self.query_one(TrainForm).choose("dataset", slug)

    def step_out(self) -> bool:
        """Escape goes from a field to the button that starts, where the letters and digits work."""
        if not isinstance(self.focused, Input):
            return False
        self.query_one("#start").focus()
        return True

    # The plan --------------------------------------------------------------------------------------------

    @on(Input.Changed)
    @on(Select.Changed)
    def changed(self) -> None:
        self.query_one(TrainForm).say_dataset()
        self._show_photos()
        self.preview()

    def wish(self) -> Wish:
        form = self.query_one(TrainForm)
        return Wish(
            dataset=form.value("dataset"),
            base=form.value("base"),
            method=form.value("method") or "lora",
            preset=form.value("preset"),
            chosen=form.chosen,
            name=form.adapter_name,
        )

    @work(exclusive=True, group="preview")
    async def preview(self) -> None:
        """Say what would happen, a moment after the last key."""
        await asyncio.sleep(PAUSE)
        wish = self.wish()
        found = await asyncio.to_thread(look_ahead, self.zen.home, wish)
        self.found = found
        with contextlib.suppress(NoMatches):  # the app was left meanwhile
            form = self.query_one(TrainForm)
            form.suggest(found.defaults, wish.dataset or "")
            form.mark_wrong(found.error)
            self._show_plan()

    def _show_plan(self) -> None:
        self.query_one("#words", Static).update(
            _words(self.found, self.query_one("#plan").scrollable_content_region.width)
        )

    def _show_photos(self) -> None:
        """The photos that will be learned from; those marked out are not."""
        slug = self.query_one(TrainForm).value("dataset")
        if slug == self.shown:
            return
        self.shown = slug
        found = datasets.photos(self.zen.db, datasets.dataset(self.zen.db, slug).id, usable=True) if slug else []
        home = self.zen.home
        tiles = [
            Tile(p.id, home.thumbnail(slug or "", p.hash), "held out" if p.split == "holdout" else "", "best")
            for p in found
        ]
        self.query_one(PhotoGrid).show(tiles)

    # Keys ------------------------------------------------------------------------------------------------

    async def action_more(self) -> None:
        form = self.query_one(TrainForm)
        self.toggle_class("-more")
        (await form.fold()).focus()

    def action_defaults(self) -> None:
        self.query_one(TrainForm).clear()

    @on(Button.Pressed, "#more")
    async def more(self) -> None:
        await self.action_more()

    @on(Button.Pressed, "#start")
    @on(Input.Submitted)
    def action_start(self) -> None:
        """Queue the training and open its page."""
        from zen_tui.jobs.submit import submit_training

        wish, db = self.wish(), self.zen.db
        try:
            submitted = submit_training(
                db,
                self.zen.home,
                datasets.dataset(db, wish.dataset or ""),
                models.base(db, wish.base or ""),
                method=wish.method,
                preset=wish.preset,
                chosen=wish.chosen,
                name=wish.name,
            )
        except ZenError as error:
            self.zen.fail(error)
            return
        self.zen.wake_worker()
        self.post_message(OpenRun(submitted.job.id))


def look_ahead(home: Home, wish: Wish) -> Preview:
    """The plan for a wish; what is wrong with it is in the answer, never raised."""
    from zen_tui.jobs.submit import plan_training, training_defaults

    suggested = msgspec.structs.asdict(TrainSettings())
    if wish.dataset is None:
        return Preview(suggested, error="There is no dataset yet.", hint="Press 1, then i to import photos.")
    if wish.base is None:
        return Preview(suggested, error="There is no base yet.", hint="Press 6, then i to add one.")
    with Database.open(home) as db:
        try:
            dataset, base = datasets.dataset(db, wish.dataset), models.base(db, wish.base)
            suggested |= training_defaults(base, dataset, wish.preset, wish.method)
            plan = plan_training(
                db, home, dataset, base, method=wish.method, preset=wish.preset, chosen=wish.chosen
            )
        except ZenError as error:
            return Preview(suggested, error=error.message, hint=error.hint)
    return Preview(suggested, lines=plan.lines())


def _words(found: Preview, width: int) -> Content:
    """The plan as text: a line for each fact, its words side by side, then what to be wary of."""
    parts: list[Content] = []
    if found.error:
        parts.append(Content.styled(clean(found.error, 400), "$lost"))
        parts.append(Content.styled(clean(found.hint, 400), "$muted"))
    for label, words in found.lines:
        if label == "note":
            parts.append(Content(""))
            parts.append(Content.styled(f"! {clean(words, 400)}", "$attention"))
        else:
            lines = textwrap.wrap(clean(words, 400), max(10, width - LABEL)) or [""]
            parts.append(Content.assemble((f"{label:<{LABEL}}", "$muted"), lines[0]))
            parts += [Content(" " * LABEL + line) for line in lines[1:]]
    return Content("\n").join(parts)
