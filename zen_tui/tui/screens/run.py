"""Run: a training as it happens, or as it went. The loss plot takes most of the screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from zen_tui.jobs import launch, queue
from zen_tui.jobs.events import Tail
from zen_tui.jobs.history import History
from zen_tui.jobs.trainings import METHODS
from zen_tui.library import models
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.records import Job, Run
from zen_tui.library.text import clean
from zen_tui.library.train_settings import settings_in
from zen_tui.tui import states
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import MakeWith, OpenRun
from zen_tui.tui.screens.place import Place
from zen_tui.tui.screens.run_figures import BLANK, figures
from zen_tui.tui.widgets.dialogs import Ask, AskLine
from zen_tui.tui.widgets.job_log import JobLog
from zen_tui.tui.widgets.loss_plot import Curve, LossPlot
from zen_tui.tui.widgets.sample_strip import SampleStrip

TICK = 0.25  # seconds between looks at the events
CRAMPED = 22  # rows; with fewer, trouble takes the place of the samples
ENOUGH = 4  # chunks of events to read in one look, so that a long run does not hold up the keyboard


class RunScreen(Place):
    """The page of one training job. Leaving it changes nothing; the run goes on."""

    place = "train"
    scope = "run"
    home_focus = "#plot"
    CSS_PATH = "run.tcss"
    BINDINGS = bindings("run")

    def __init__(self, job_id: int) -> None:
        super().__init__()
        self.job_id = job_id
        self.job: Job | None = None
        self.run: Run | None = None
        self.history = History()
        self._tail: Tail | None = None
        self._timer: Timer | None = None
        self.died = False  # the job was running and its worker is gone
        self._looked_for_death = 0.0

    def body(self) -> ComposeResult:
        with Horizontal(id="above"):
            with Container(id="loss", classes="panel"):
                yield LossPlot(id="plot")
            with Container(id="now", classes="panel"):
                yield Static(id="figures")
        yield Static(id="trouble")
        with Container(id="samples", classes="panel"):
            yield SampleStrip(self.zen.home, id="strip")
        with Container(id="said", classes="panel"):
            yield JobLog(self.zen.home, id="log")

    def on_mount(self) -> None:
        self._tail = Tail(self.zen.home.events(self.job_id))
        self.query_one("#now").border_title = "now"
        self.query_one("#samples").border_title = "samples"
        self.query_one("#samples").border_subtitle = "←→ steps   ↑↓ prompts   enter full size"
        self.query_one("#said").border_title = "what it said"
        self._timer = self.set_interval(TICK, self.look)

    def load(self) -> None:
        self.run = models.run_of_job(self.zen.db, self.job_id)
        self.query_one("#loss").border_title = self._title()
        if self._timer:
            self._timer.resume()
        self.look()
        self._show_figures()

    def on_screen_suspend(self) -> None:
        if self._timer:
            self._timer.pause()

    # Following the run -----------------------------------------------------------------------------------

    def look(self) -> None:
        """Take in what happened since the last look, and show it if anything did."""
        if self._tail is None or self.leaving:
            return
        job = queue.job(self.zen.db, self.job_id)
        heard = False
        for _ in range(ENOUGH):
            if not self.history.feed(self._tail.read()):
                break
            heard = True
        changed = self.job is None or (self.job.status, self.job.control) != (job.status, job.control)
        self.job = job
        if changed:
            self.refresh_bindings()
        if heard or changed:
            self.show()
        elif job.status == "running":
            self._show_figures()
        self._look_for_trouble()

    def show(self) -> None:
        """Draw everything from the history."""
        history, total = self.history, self.total
        best = history.best
        self.query_one(LossPlot).show(
            Curve(
                history.steps,
                history.losses,
                history.smoothed,
                [(h.step, h.loss) for h in history.holdouts],
                history.sample_steps,
                best.step if best else None,
                total,
            )
        )
        self.query_one(SampleStrip).show(history.samples, best.step if best else None, self._no_samples())
        self._show_figures()
        if self.job is not None and self.query_one("#said").display:
            self.query_one(JobLog).show(self.job, history)

    @property
    def total(self) -> int:
        """How many steps the run will have."""
        return (self.job.steps if self.job else 0) or (self.run.steps if self.run else 0)

    def _title(self) -> str:
        if self.run is None:
            return "loss"
        settings: dict[str, Any] = self.run.spec.get("settings", {})
        base = next((b.slug for b in models.bases(self.zen.db) if b.id == self.run.base_id), "")
        rank = f" rank {settings['rank']}" if "rank" in settings else ""
        method = METHODS[self.run.method].title if self.run.method in METHODS else self.run.method
        return clean(f"{self.run.slug} · {method}{rank} on {base}", 80)

    def _no_samples(self) -> str:
        every = self.run.spec.get("settings", {}).get("sample_every") if self.run else None
        if self.job and self.job.status in states.ENDED:
            return "This run drew no samples."
        return (
            "No samples are asked for; s draws some now." if every == 0 else "The first samples are on their way."
        )

    def _show_figures(self) -> None:
        job, history = self.job, self.history
        if job is None:
            return
        shown = [
            ("", states.state(job, died=self.died)),
            *figures(job, history, self.total, running=job.status == "running" and not self.died),
        ]
        if self.has_class("-short"):
            shown = [figure for figure in shown if figure is not BLANK]
        lines = [
            value if not label else Content.assemble((f"{label:<9}", "$muted"), value) for label, value in shown
        ]
        self.query_one("#figures", Static).update(Content("\n").join(lines))
        started = time.strftime("%H:%M", time.localtime(job.started)) if job.started else ""
        number = f"run {self.run.id}" if self.run else f"job {job.id}"
        self.query_one("#loss").border_subtitle = f"{number} · started {started}" if started else number

    def _look_for_trouble(self) -> None:
        """Once a second: say when the worker died, why the run failed, or what it warned of."""
        if self.job is None or time.monotonic() - self._looked_for_death < 1:
            return
        self._looked_for_death = time.monotonic()
        text = launch.death_report(self.zen.home, self.job)
        self.died = self.job.status == "running" and bool(text)
        if self.died:
            text = f"Press p to start a worker. {text}"
        trouble = self.query_one("#trouble", Static)
        trouble.display = bool(text)
        self.set_class(bool(text) and self.size.height < CRAMPED, "-cramped")
        trouble.update(
            Content(clean(text, 2000) if "\n" not in text else "\n".join(map(clean, text.splitlines())))
        )

    # Keys ------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing now are not offered."""
        status = self.job.status if self.job else "queued"
        if action in ("sample", "checkpoint"):
            return status == "running"
        if action == "pause":
            return status != "done"
        if action == "stop":
            return status not in states.ENDED
        if action == "make":
            return status == "done"
        if action == "extend":
            return status in states.ENDED or status == "paused"
        if action == "fork":
            return bool(self.history.checkpoints)
        return True

    def action_pause(self) -> None:
        if self.job is None:
            return
        if self.died:
            self.zen.wake_worker()
        elif self.job.status in states.CAN_GO_ON or self.job.control:
            self._ask_queue(lambda: queue.resume(self.zen.db, self.job_id))
            self.zen.wake_worker()
        else:
            self._ask_queue(lambda: queue.pause(self.zen.db, self.job_id))

    def action_sample(self) -> None:
        if self._ask_queue(lambda: queue.request(self.zen.db, self.job_id, "sample")):
            self.notify("Samples will be drawn after this step.")

    def action_checkpoint(self) -> None:
        if self._ask_queue(lambda: queue.request(self.zen.db, self.job_id, "checkpoint")):
            self.notify("A checkpoint will be saved after this step.")

    def action_stop(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._ask_queue(lambda: queue.cancel(self.zen.db, self.job_id))

        why = "What it has saved is kept, and it can be taken up again from there."
        self.app.push_screen(Ask("Stop this run?", "stop it", why=why, no="let it go on"), answered)

    def action_extend(self) -> None:
        from zen_tui.jobs.lineage import extend_run

        def answered(said: str | None) -> None:
            run = self.run
            if run is None or said is None:
                return
            if not said.isdigit():
                self.zen.fail(WrongUse(f"{clean(said, 40)} is no number of steps.", "Type digits, such as 2000."))
            elif self._ask_queue(lambda: extend_run(self.zen.db, self.zen.home, run, int(said))):
                self.run = models.run_of_job(self.zen.db, self.job_id)
                self.zen.wake_worker()

        why = "What it learned so far stays as it is. Its adapter is made anew in the end."
        self.app.push_screen(AskLine("go on to step", value=str(2 * self.total), why=why), answered)

    def action_fork(self) -> None:
        from zen_tui.jobs.lineage import fork_run

        def answered(said: str | None) -> None:
            if self.run is None or said is None:
                return
            try:
                chosen = settings_in(said.split())
                made = fork_run(self.zen.db, self.zen.home, self.run, chosen=chosen)
            except ZenError as error:
                self.zen.fail(error)
                return
            self.zen.wake_worker()
            self.post_message(OpenRun(made.job.id))

        step = self.history.checkpoints[-1].step
        why = f"From step {step:,}, with these settings changed: learning_rate=5e-5 flip=yes, for example."
        self.app.push_screen(AskLine("begin a new run", value=f"steps={step + self.total}", why=why), answered)

    def action_log_scale(self) -> None:
        plot = self.query_one(LossPlot)
        plot.log_scale = not plot.log_scale

    def action_fit(self) -> None:
        plot = self.query_one(LossPlot)
        plot.fitted = not plot.fitted

    def action_notes(self) -> None:
        said = self.query_one("#said")
        said.display = not said.display
        self.query_one("#samples").display = not said.display
        self.show()
        (self.query_one(JobLog) if said.display else self.query_one(LossPlot)).focus()

    def action_make(self) -> None:
        found = [a for a in models.adapters(self.zen.db) if self.run and a.run_id == self.run.id]
        if found:
            self.post_message(MakeWith(found[-1].slug))

    def on_sample_strip_opened(self, message: SampleStrip.Opened) -> None:
        from zen_tui.tui.screens.full_size import FullSizeScreen, Shown

        strip = self.query_one(SampleStrip)
        shown = [
            Shown(self.zen.home.resolve(sample.path), f"step {sample.step:,} · seed {sample.seed}", sample.prompt)
            for sample in strip.row
        ]
        self.app.push_screen(FullSizeScreen(shown, strip.chosen, place="train"))

    def _ask_queue(self, wish: Callable[[], object]) -> bool:
        """Do what was asked, or say why it cannot be done."""
        try:
            wish()
        except ZenError as error:
            self.zen.fail(error)
            return False
        self.look()
        return True
