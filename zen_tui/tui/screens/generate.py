"""Generate: prompts on the left, what they make on the right, and the pictures below as they are drawn."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.css.query import NoMatches
from textual.timer import Timer
from textual.widgets import Input, Select, TextArea

from zen_tui.jobs import queue
from zen_tui.jobs.events import Tail
from zen_tui.jobs.history import History
from zen_tui.library import models, pictures
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Job, Picture
from zen_tui.library.specs import GenerateSpec
from zen_tui.library.text import clean, duration, plural
from zen_tui.tui import states
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.picture_board import PictureBoard
from zen_tui.tui.widgets.picture_board import Place as Spot
from zen_tui.tui.widgets.picture_form import PictureForm
from zen_tui.tui.widgets.prompt_editor import PromptEditor
from zen_tui.tui.wishes import Wished, understand

TICK = 0.25
PAUSE = 0.15  # seconds after the last key before a sheet is read


class GenerateScreen(Place):
    """What is typed is kept while the app runs; pictures are made by the worker, whether it is open or not."""

    place = "generate"
    scope = "generate"
    home_focus = "#prompts"
    CSS_PATH = "generate.tcss"
    BINDINGS = bindings("generate")

    def __init__(self) -> None:
        super().__init__()
        self.wished: Wished | None = None
        self.job: Job | None = None
        self.spec: GenerateSpec | None = None
        self.history = History()
        self._tail: Tail | None = None
        self._timer: Timer | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="above"):
            with Container(id="sheet", classes="panel"):
                yield PromptEditor(id="prompts")
            with Container(id="made-of", classes="panel"):
                yield PictureForm(id="form")
        with Container(id="making", classes="panel"):
            yield PictureBoard(id="board")

    def on_mount(self) -> None:
        self.query_one("#sheet").border_title = "prompts"
        self.query_one("#made-of").border_title = "what this makes"
        self.query_one("#making").border_title = "pictures"
        self._timer = self.set_interval(TICK, self.look)

    def load(self) -> None:
        from zen_tui.exchange.bases import ensure_builtin

        ensure_builtin(self.zen.db)
        self.query_one(PictureForm).offer(models.bases(self.zen.db), models.adapters(self.zen.db))
        if self._timer:
            self._timer.resume()
        if self.job is None or self.job.status in states.ENDED:
            self._follow_newest()
        self.understand()

    def on_screen_suspend(self) -> None:
        if self._timer:
            self._timer.pause()

    # What is asked for -----------------------------------------------------------------------------------

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self.understand()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.understand()

    def on_select_changed(self, event: Select.Changed) -> None:
        self.understand()

    @work(exclusive=True, group="understand")
    async def understand(self) -> None:
        """Read the sheet and the form a moment after the last key, off the keyboard's way."""
        await asyncio.sleep(PAUSE)
        with contextlib.suppress(NoMatches):  # the app was left meanwhile
            form, editor = self.query_one(PictureForm), self.query_one(PromptEditor)
            self.wished = await asyncio.to_thread(understand, self.zen.home, form.wish(editor.text))
            found = re.match(r"Line (\d+):", self.wished.error) if self.wished.error else None
            form.tell(self.wished, empty=not editor.text.strip())
            editor.mark_wrong(int(found[1]) if found else None)

    # Keys ------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="make")
    async def action_make(self) -> None:
        """Put what is asked for on the queue."""
        wish = self.query_one(PictureForm).wish(self.query_one(PromptEditor).text)
        wished = await asyncio.to_thread(understand, self.zen.home, wish)
        if wished.error:
            self.notify(wished.hint, title=wished.error, severity="error", markup=False)
            return
        try:
            self.follow(wished.submit(self.zen.db, self.zen.home))
        except ZenError as error:
            self.zen.fail(error)
            return
        self.zen.wake_worker()
        self.query_one(PictureBoard).focus()

    def action_settings(self) -> None:
        self.query_one(PictureForm).query(Input).first().focus()

    def action_pictures(self) -> None:
        self.query_one(PictureBoard).focus()

    def action_adapters(self) -> None:
        from zen_tui.tui.screens.adapter_chooser import AdapterChooser

        form = self.query_one(PictureForm)
        self.app.push_screen(AdapterChooser(models.adapters(self.zen.db), form.adapters), form.use)

    def action_open_sheet(self) -> None:
        from zen_tui.tui.widgets.dialogs import AskLine

        why = "A text file with a prompt a line."
        self.app.push_screen(AskLine("open a sheet", why=why, path=True), self._open)

    def _open(self, typed: str | None) -> None:
        if typed is None:
            return
        path = Path(typed).expanduser()
        try:
            self.query_one(PromptEditor).text = path.read_text(errors="replace")
        except OSError as error:
            self.zen.fail(ZenError(f"{path} cannot be read: {error.strerror}.", "Check the path."))
        else:
            self.query_one("#sheet").border_title = f"prompts · {clean(path.name, 40)}"

    def action_edit(self) -> None:
        """Edit the prompts in the editor that $EDITOR names."""
        from zen_tui.tui.editor import edit

        editor = self.query_one(PromptEditor)
        text = edit(self.zen, editor.text)
        if text is not None:
            editor.text = text

    def step_out(self) -> bool:
        """Escape goes from the fields to the pictures, where the digits and letters work."""
        board = self.query_one(PictureBoard)
        if self.focused is board:
            return False
        board.focus()
        return True

    # What the app sends ----------------------------------------------------------------------------------

    def recall(self, picture: Picture) -> None:
        """Fill everything in from the recipe of a picture."""
        self.query_one(PromptEditor).text = re.sub(r"([\\{}|$#])", r"\\\1", picture.prompt)
        self.query_one(PictureForm).fill(picture)
        self.query_one(PromptEditor).focus()

    def use_adapter(self, slug: str) -> None:
        """Choose this adapter alone."""
        self.query_one(PictureForm).use(slug)
        self.query_one(PromptEditor).focus()

    # The pictures ----------------------------------------------------------------------------------------

    def follow(self, job: Job) -> None:
        """Show the pictures of this job from now on."""
        try:
            spec = queue.spec_of(self.zen.home, job.id)
        except ZenError as error:
            self.job = job  # or every look would fail again
            self.zen.fail(error)
            return
        if not isinstance(spec, GenerateSpec):
            return
        self.job, self.spec, self.history = job, spec, History()
        self._tail = Tail(self.zen.home.events(job.id))
        self.query_one(PictureBoard).clear()
        self.look()

    def _follow_newest(self) -> None:
        row = self.zen.db.row("SELECT max(id) AS id FROM jobs WHERE kind = 'generate'")
        if row and row["id"] and (self.job is None or row["id"] != self.job.id):
            self.follow(queue.job(self.zen.db, row["id"]))
        elif self.job is None:
            self.query_one(PictureBoard).show([], {}, "Pictures appear here as they are made.")

    def look(self) -> None:
        """Take in what the job told since the last look."""
        if self.job is None or self._tail is None or self.spec is None or self.leaving:
            return
        before = self.job.status
        self.job = queue.job(self.zen.db, self.job.id)
        heard = self.history.feed(self._tail.read())
        if heard or before != self.job.status or not self.query_one(PictureBoard).places:
            self._show_board()

    def _show_board(self) -> None:
        assert self.job is not None
        assert self.spec is not None
        made = {index: self._spot(made.path, made.picture, index) for index, made in self.history.pictures.items()}
        spots = [made.get(i) or Spot(f"seed {request.seed}") for i, request in enumerate(self.spec.pictures)]
        self.query_one(PictureBoard).show(spots, self.history.previews)
        panel = self.query_one("#making")
        panel.border_title = clean(self.job.title, 60)
        panel.border_subtitle = self._standing()

    def on_picture_board_moved(self, message: PictureBoard.Moved) -> None:
        self.query_one("#making").border_subtitle = self._standing()

    def _spot(self, path: str, picture: int, index: int) -> Spot:
        """A finished picture; its thumbnail is enough here."""
        assert self.spec is not None
        small = self.zen.home.picture_thumbnail(Path(path).stem)
        return Spot(
            f"seed {self.spec.pictures[index].seed}",
            small if small.exists() else self.zen.home.resolve(path),
            picture,
        )

    def _standing(self) -> str:
        """'8 of 168 · 6 min left', or how it ended."""
        assert self.job is not None
        assert self.spec is not None
        made, total = len(self.history.pictures), len(self.spec.pictures)
        words = [f"{made:,} of {plural(total, 'picture')}"]
        if self.job.status == "running":
            left = self._seconds_left(made, total)
            words.append(f"{duration(left)} left" if left is not None else self.history.status(total))
        else:
            words.append(states.SIGNS[self.job.status][1])
        if self.job.status == "failed" and self.job.error:
            words.append(clean(self.job.error.splitlines()[0], 80))
        if self.history.warnings:
            words.append(clean(self.history.warnings[-1], 80))
        board = self.query_one(PictureBoard)
        if board.has_focus and board.cursor < total:
            room = max(10, self.size.width - 60)
            words.insert(0, f"“{clean(self.spec.pictures[board.cursor].prompt, room)}”")
        return " · ".join(dict.fromkeys(words))

    def _seconds_left(self, made: int, total: int) -> float | None:
        """From the speed of this job so far, once a picture is there."""
        history = self.history
        if not made or history.heard is None or history.started is None:
            return None
        return (history.heard - history.started) / made * (total - made)

    def on_picture_board_opened(self, message: PictureBoard.Opened) -> None:
        from zen_tui.tui.screens.viewer import ViewerScreen

        if self.job is None:
            return
        found = pictures.of_job(self.zen.db, self.job.id)
        at = next((i for i, picture in enumerate(found) if picture.id == message.picture), 0)
        self.app.push_screen(ViewerScreen(found, at, place="generate"))
