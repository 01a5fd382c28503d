"""Jobs: what waits, what runs and what has ended, with what each of them said."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static
from textual.widgets.option_list import Option

from zen_tui.jobs import launch, queue
from zen_tui.jobs.events import Tail
from zen_tui.jobs.history import History
from zen_tui.jobs.launch import worker_alive
from zen_tui.library import models
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.records import Job
from zen_tui.library.text import clean, duration, plural
from zen_tui.tui import states
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import GoTo, JobsChanged, OpenPictures, OpenRun
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.dialogs import Ask
from zen_tui.tui.widgets.job_log import JobLog

TICK = 0.5
ENDED_SHOWN = 200
KINDS = {
    "train": "training",
    "generate": "pictures",
    "mannequin_photos": "photos",
    "mannequin_score": "scores",
    "adapter_picture": "comparison",
}
STATE, KIND, STEPS, TIME = 15, 10, 16, 14  # columns; the title gets the rest
WIDE = 70


class JobsScreen(Place):
    """The queue in its order, then what has ended, newest first."""

    place = "jobs"
    scope = "jobs"
    home_focus = "Choices"
    CSS_PATH = "jobs.tcss"
    BINDINGS = bindings("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[Job] = []
        self.history = History()
        self._tail: Tail | None = None
        self._followed: int | None = None
        self.selected: set[int] = set()  # trainings to compare
        self._timer: Timer | None = None

    def body(self) -> ComposeResult:
        with Vertical(id="queue", classes="panel") as panel:
            panel.border_title = "jobs"
            panel.border_subtitle = "enter opens"
            yield Static(id="heads")
            yield Choices(id="list")
            yield Static(
                "Nothing has been queued yet.\nA training or a batch of pictures shows up here.", id="nothing"
            )
        with Container(id="said", classes="panel"):
            yield JobLog(self.zen.home, id="log")

    def on_mount(self) -> None:
        self._timer = self.set_interval(TICK, self.look)

    def load(self) -> None:
        if self._timer:
            self._timer.resume()
        self.look()

    def on_screen_suspend(self) -> None:
        if self._timer:
            self._timer.pause()

    def on_resize(self, event: object) -> None:
        self.call_after_refresh(self._draw)

    def on_jobs_changed(self, message: JobsChanged) -> None:
        self.look()

    # Showing ---------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Read the queue and what the chosen job said since the last look."""
        if self.leaving:
            return
        every = queue.jobs(self.zen.db)
        active = [job for job in every if job.status not in states.ENDED]
        ended = sorted((job for job in every if job.status in states.ENDED), key=_when, reverse=True)
        self.jobs = active + ended[:ENDED_SHOWN]
        self._draw()
        self._follow()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        choices = self.query_one(Choices)
        width = max(20, self.query_one("#queue").content_region.width - 2)
        self.query_one("#heads", Static).update(_heads(width))
        self.query_one("#nothing").display = not self.jobs
        ids = [str(job.id) for job in self.jobs]
        alive = any(job.status == "running" for job in self.jobs) and worker_alive(self.zen.home)
        lines = [
            _line(job, width, died=job.status == "running" and not alive, selected=job.id in self.selected)
            for job in self.jobs
        ]
        if ids == [option.id for option in choices.options]:
            for place, line in enumerate(lines):
                if choices.options[place].prompt != line:
                    choices.replace_option_prompt_at_index(place, line)
            return
        chosen = self.chosen
        choices.clear_options()
        choices.add_options([Option(line, id=id) for id, line in zip(ids, lines, strict=True)])
        if ids:
            kept = str(chosen.id) if chosen else ""
            choices.highlighted = ids.index(kept) if kept in ids else 0

    @property
    def chosen(self) -> Job | None:
        """The job under the cursor."""
        choices = self.query_one(Choices)
        id = choices.highlighted_option.id if choices.highlighted_option else None
        return next((job for job in self.jobs if str(job.id) == id), None)

    def _follow(self) -> None:
        """Show what the chosen job said."""
        job = self.chosen
        said = self.query_one("#said")
        if job is None:
            said.border_title = "what it said"
            return
        if job.id != self._followed:
            self._followed, self.history = job.id, History()
            self._tail = Tail(self.zen.home.events(job.id))
            self.refresh_bindings()
        if self._tail is not None:
            self.history.feed(self._tail.read())
        said.border_title = clean(f"what it said · {job.title}", 60)
        alive = job.status == "running" and worker_alive(self.zen.home)
        said.border_subtitle = clean(self.history.status(job.steps), 60) if alive else ""
        report = launch.death_report(self.zen.home, job) if job.status in ("running", "interrupted") else ""
        self.query_one(JobLog).show(job, self.history, report)

    @on(Choices.OptionHighlighted)
    def moved(self) -> None:
        self._follow()
        self.refresh_bindings()

    @on(Choices.OptionSelected)
    def action_open(self) -> None:
        """Open the run of a training, the pictures of a batch, or the place where the result lies."""
        job = self.chosen
        if job is None:
            return
        if job.kind == "train":
            self.post_message(OpenRun(job.id))
        elif job.kind == "generate":
            running = job.status not in states.ENDED
            self.post_message(GoTo("generate") if running else OpenPictures(f"job:{job.id}"))
        elif job.kind == "mannequin_photos":
            self.post_message(GoTo("datasets"))
        else:
            self.query_one(JobLog).focus()

    # Keys ------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing to the chosen job are not offered."""
        if action == "compare":
            return any(job.kind == "train" for job in self.jobs)
        if action not in ("open", "pause", "cancel", "shift", "log", "select"):
            return True
        job = self.chosen if self.is_mounted else None
        if job is None:
            return False
        if action == "select":
            return job.kind == "train"
        if action == "pause":
            return job.status != "done"
        if action == "cancel":
            return job.status not in states.ENDED
        return job.status in ("queued", "paused", "interrupted") if action == "shift" else True

    def action_pause(self) -> None:
        job = self.chosen
        if job is None:
            return
        if job.status == "running" and not worker_alive(self.zen.home):
            self.zen.wake_worker()
        elif job.status in states.CAN_GO_ON or job.control:
            self._ask_queue(lambda: queue.resume(self.zen.db, job.id))
            self.zen.wake_worker()
        else:
            self._ask_queue(lambda: queue.pause(self.zen.db, job.id))

    def action_cancel(self) -> None:
        job = self.chosen
        if job is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._ask_queue(lambda: queue.cancel(self.zen.db, job.id))

        why = "What it has made is kept." if job.status == "running" else ""
        self.app.push_screen(Ask(f"Cancel {job.title}?", "cancel it", why=why, no="keep it"), answered)

    def action_shift(self, by: int) -> None:
        job = self.chosen
        if job is not None:
            self._ask_queue(lambda: queue.move(self.zen.db, job.id, by))

    def action_select(self) -> None:
        job = self.chosen
        if job is not None:
            self.selected ^= {job.id}
            self._draw()

    def action_compare(self) -> None:
        """Put the selected trainings side by side; with one selected, it and the one under the cursor."""
        from zen_tui.tui.screens.compare_runs import AT_MOST, CompareRunsScreen

        chosen = self.chosen
        wanted = set(self.selected)
        if len(wanted) < 2 and chosen is not None and chosen.kind == "train":
            wanted.add(chosen.id)
        found = [run for job in sorted(wanted) if (run := models.run_of_job(self.zen.db, job)) is not None]
        if not 2 <= len(found) <= AT_MOST:
            self.zen.fail(
                WrongUse(
                    f"{plural(len(found), 'run')} cannot be compared.", "Select two to four trainings with space."
                )
            )
            return
        self.app.push_screen(CompareRunsScreen(found))

    def action_log(self) -> None:
        self.toggle_class("-log")
        self._follow()

    def _ask_queue(self, wish: Callable[[], object]) -> None:
        """Do what was asked, or say why it cannot be done."""
        try:
            wish()
        except ZenError as error:
            self.zen.fail(error)
        self.look()


def _when(job: Job) -> float:
    return job.finished or job.created


def _row(width: int, title: str, kind: str, steps: str, time: str) -> tuple[str, str, str, str]:
    """What follows the state in a row, each padded to its column; a narrow window has room for two of them."""
    wide = width >= WIDE
    room = width - STATE - STEPS - (KIND + TIME if wide else 0)
    room = min(72, max(8, room))
    cut = f"{clean(title, room - 2):<{room}}"
    return cut, f"{kind:<{KIND}}" if wide else "", f"{steps:>{STEPS}}", f"{time:>{TIME}}" if wide else ""


def _heads(width: int) -> Content:
    return Content.styled(f"{'state':<{STATE}}" + "".join(_row(width, "job", "what", "step", "time")), "$muted")


def _line(job: Job, width: int, *, died: bool, selected: bool = False) -> Content:
    """One row of the table, in columns; a selected one has a dot after its state."""
    state = states.state(job, died=died)
    if selected:
        state = Content.assemble(state, (" ●", "$best"))
    kind = KINDS.get(job.kind, job.kind)
    title, kind, steps, time = _row(width, job.title, kind, states.progress(job), _time(job))
    return Content.assemble(
        state,
        " " * max(1, STATE - state.cell_length),
        (title, "$bright" if job.status == "running" else "$foreground"),
        (kind, "$muted"),
        (steps, "$foreground"),
        (time, "$muted"),
    )


def _time(job: Job) -> str:
    """How long it ran or runs; how long it waits is nobody's interest."""
    if job.started is None:
        return f"after {job.after}" if job.after and job.status == "queued" else ""
    end = job.finished or (time.time() if job.status == "running" else None)
    return duration(end - job.started) if end else ""
