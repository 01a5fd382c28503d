"""A small window in which a model on this disk is sent to look at photos: to describe them, or to mask them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Dataset, Job
from zen_tui.library.settings import change
from zen_tui.library.text import plural
from zen_tui.tui.keys import bindings
from zen_tui.tui.widgets.dialogs import BOX, PathSuggester

if TYPE_CHECKING:
    from zen_tui.tui.app import ZenApp

TASKS = {  # the setting that remembers the path: what is done, and by what
    "captioner": ("describe", "the folder of a model that describes photos"),
    "matte": ("mask", "U²-Net or IS-Net as .onnx, or a BiRefNet folder"),
}
KEPT = {"captioner": "captions that somebody wrote", "matte": "masks that somebody drew or brought along"}


class LookDialog(ModalScreen[Job | None]):
    """Ends with the job that was queued, or None when left by escape.

    `photos` are ids; none means all that are in use, which are `count`.
    """

    scope = "look"
    BINDINGS = bindings("look")
    DEFAULT_CSS = f"LookDialog {{ {BOX} & #task {{ margin-bottom: 1; }} & #over {{ margin-top: 1; }} }}"

    def __init__(self, dataset: Dataset, photos: list[int], count: int) -> None:
        super().__init__()
        self.dataset, self.photos, self.count = dataset, photos, count
        self.asked = "captioner"
        self.overwrite = False

    @property
    def zen(self) -> ZenApp:
        return cast("ZenApp", self.app)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "look with a local model"
            yield Static(id="task")
            yield Input(suggester=PathSuggester(), id="path")
            yield Static(id="over")
            yield Static(id="fault")
            yield Static(
                "Right arrow completes a path. Enter puts it on the queue, escape leaves. Nothing is downloaded.",
                classes="why",
            )

    def on_mount(self) -> None:
        self._draw()
        self.query_one("#path", Input).value = getattr(self.zen.settings, self.asked)
        self.query_one("#path").focus()

    def _draw(self) -> None:
        does, by = TASKS[self.asked]
        other = next(name for task, (name, _) in TASKS.items() if task != self.asked)
        which = plural(self.count, "photo")
        self.query_one("#task", Static).update(
            Content.assemble(
                (f"{does} {which}", "$bright"), (f"  F2 to {other} instead\n", "$muted"), (by, "$muted")
            )
        )
        kept = KEPT[self.asked]
        over = (f"also {kept}: they will be replaced", "$attention") if self.overwrite else (f"{kept} stay", "")
        self.query_one("#over", Static).update(Content.assemble(over, ("  F3 changes that", "$muted")))
        self.query_one("#fault", Static).update("")

    def action_task(self) -> None:
        """Describe, or mask."""
        self.asked = next(task for task in TASKS if task != self.asked)
        self._draw()
        self.query_one("#path", Input).value = getattr(self.zen.settings, self.asked)

    def action_overwrite(self) -> None:
        """Whether what a person made is replaced."""
        self.overwrite = not self.overwrite
        self._draw()

    def action_leave(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def typed(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._submit(Path(event.value.strip()).expanduser(), self.asked, self.overwrite)

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def _submit(self, model: Path, task: str, overwrite: bool) -> None:
        """Look into the model's files and queue the job, away from the keyboard."""
        from zen_tui.jobs.looking import submit_captions, submit_masks

        submit = submit_captions if task == "captioner" else submit_masks
        try:
            with Database.open(self.zen.home) as db:
                job = submit(db, self.zen.home, self.dataset, model, photos=self.photos, overwrite=overwrite)
        except ZenError as error:
            self.app.call_from_thread(self._refuse, error)
        else:
            self.app.call_from_thread(self._queued, job, task, model)

    def _refuse(self, error: ZenError) -> None:
        self.query_one("#fault", Static).update(Content(f"{error.message} {error.hint}".rstrip()))

    def _queued(self, job: Job, task: str, model: Path) -> None:
        self.zen.settings = change(self.zen.home, task, str(model.absolute()))
        self.zen.wake_worker()
        self.dismiss(job)
