"""The app: it wires the seven screens, the status line and the queue together, and holds no screen's logic."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import ClassVar

from textual import events, work
from textual.app import App
from textual.binding import Binding
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import get_current_worker

from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Job
from zen_tui.library.settings import Settings, change
from zen_tui.library.writer import Writer
from zen_tui.privacy.crash import QuietCrash
from zen_tui.tui import gpu, keys, theme
from zen_tui.tui.commands import Commands
from zen_tui.tui.messages import GoTo, JobsChanged, MakeWith, OpenPictures, OpenRun, Recall, TrainOn
from zen_tui.tui.screens.place import Place
from zen_tui.tui.status import Status
from zen_tui.tui.terminal import Graphics
from zen_tui.tui.watch import JobWatch
from zen_tui.tui.widgets.status_line import StatusLine

START = "start"  # tabs, status and keys alone: the first frame, which waits for no screen's imports
SWITCH = 0.001  # seconds until a thread that computes lets the one go on that draws and reads keys
POLL = 0.5  # seconds between looks at the queue
MEMORY_POLL = 2.0  # seconds between looks at the GPU


def _screen(place: str) -> Callable[[], Screen[None]]:
    """A factory that imports a screen when it is first opened."""

    def make() -> Screen[None]:
        module = import_module(f"zen_tui.tui.screens.{place}")
        made = getattr(module, f"{place.capitalize()}Screen")()
        assert isinstance(made, Screen)
        return made

    return make


class ZenApp(QuietCrash, App[None]):
    """Zen on a terminal.

    Args:
        home: where everything lies; created already.
        db: the open database; used by the screens in the app's own thread only. What no key shall wait for is
            written by `writer`.
        settings: what `settings.toml` says.
        graphics: how well this terminal shows one picture (`terminal.detect`).
    """

    TITLE = "zen"
    CSS_PATH = "zen.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        START: Place,
        **{place: _screen(place) for place in keys.PLACES},
    }
    DEFAULT_MODE = START
    COMMANDS = {Commands}
    BINDINGS = keys.bindings("app")
    COMMAND_PALETTE_BINDING = "ctrl+p"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = Place.HORIZONTAL_BREAKPOINTS

    def __init__(
        self, home: Home, db: Database, settings: Settings | None = None, graphics: Graphics | None = None
    ) -> None:
        self.home = home
        self.db = db
        self.writer = Writer(home)
        self.untold: list[BaseException] = []  # what the writer could not do, until a person is told
        self.settings = settings or Settings()
        self.graphics = graphics or Graphics("halfcell", "not asked")
        self.status = Status()
        self.jobs: list[Job] = []
        self._watch = JobWatch(home, db)
        self._last_key = ""
        self._leaving = Event()
        super().__init__()
        for own in (theme.ZEN, theme.PAPER):
            self.register_theme(own)
        self.theme = self.settings.theme if self.settings.theme in self.available_themes else "zen"
        self.set_keymap(self.settings.keys)

    def get_css_variables(self) -> dict[str, str]:
        self.theme_variables = theme.fill_in(super().get_css_variables())
        return self.theme_variables

    # Starting -------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.call_after_refresh(self._after_first_frame)

    def on_unmount(self) -> None:
        self._leaving.set()
        self.writer.close()

    async def _after_first_frame(self) -> None:
        if self.current_mode == START:
            await self.switch_mode(keys.PLACES[0])
        self._look()
        self.set_interval(POLL, self._look)
        self._watch_memory()
        gc.collect()
        gc.freeze()  # what the start made lives as long as the app; later sweeps need not visit it
        gc.set_threshold(50_000, 20, 50)
        gc.enable()

    # Going places ---------------------------------------------------------------------------------------

    async def action_go(self, place: str) -> None:
        """Open one of the seven screens; pages opened from the screen that is left stay where they are."""
        if isinstance(self.screen, Place):
            await self.switch_mode(place)

    async def action_next_place(self) -> None:
        await self.action_go(keys.PLACES[(self._place_number + 1) % len(keys.PLACES)])

    async def action_previous_place(self) -> None:
        await self.action_go(keys.PLACES[self._place_number - 1])

    @property
    def _place_number(self) -> int:
        return keys.PLACES.index(self.current_mode) if self.current_mode in keys.PLACES else 0

    async def action_back(self) -> None:
        """Leave a page; on a main screen leave Zen."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.exit()

    async def action_escape(self) -> None:
        """Step out of what is open, never out of Zen."""
        screen = self.screen
        if isinstance(screen, Place) and screen.step_out():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif isinstance(screen, Place):
            screen.focus_home()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and await self._chord(event):
            return
        await super().on_event(event)

    async def _chord(self, event: events.Key) -> bool:
        """`g` and then a digit opens a screen, also where digits alone mean something else."""
        typing = self.focused is not None and self.focused.check_consume_key(event.key, event.character)
        before, self._last_key = self._last_key, "" if typing else event.key
        if before == "g" and event.key in "1234567" and not typing and isinstance(self.screen, Place):
            await self.action_go(keys.PLACES[int(event.key) - 1])
            return True
        return False

    def action_help(self) -> None:
        from zen_tui.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(getattr(self.screen, "scope", "app")))

    def action_theme(self) -> None:
        self.search_themes()

    def _keep_theme(self, chosen: Theme) -> None:
        if chosen.name != self.settings.theme:
            self.settings = change(self.home, "theme", chosen.name)

    async def on_go_to(self, message: GoTo) -> None:
        await self.action_go(message.place)

    async def on_train_on(self, message: TrainOn) -> None:
        await self.switch_mode("train")
        self._when_open("choose_dataset", message.dataset)

    async def on_recall(self, message: Recall) -> None:
        await self._to_root("generate")
        self._when_open("recall", message.picture)

    async def on_make_with(self, message: MakeWith) -> None:
        await self._to_root("generate")
        self._when_open("use_adapter", message.adapter)

    async def on_open_pictures(self, message: OpenPictures) -> None:
        await self._to_root("gallery")
        self._when_open("search_for", message.query)

    def on_open_run(self, message: OpenRun) -> None:
        from zen_tui.tui.screens.run import RunScreen

        self.push_screen(RunScreen(message.job_id))

    async def _to_root(self, place: str) -> None:
        """Open `place` itself, closing what was opened from it and from the screen that is left."""
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.switch_mode(place)
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    def _when_open(self, method: str, value: object) -> None:
        """Call `screen.method(value)` once the screen that was just opened has loaded."""
        self.screen.call_after_refresh(partial(getattr(self.screen, method), value))

    # The queue ------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """See what changed in the queue, twice a second; a query of a few microseconds when nothing did."""
        news = self._watch.look() if self.is_running else None  # at the end there is no screen to tell
        if news is None:
            return
        self.jobs = news.jobs
        running = next((job for job in news.jobs if job.status == "running"), None)
        waiting = sum(job.status in ("queued", "interrupted") for job in news.jobs)
        self.status.follow(running, waiting)
        self.status.lock = news.lock
        for job in news.ended:
            self._tell_end(job)
        self.show_status()
        self.screen.post_message(JobsChanged(news.jobs, news.ended))

    @work(thread=True, exit_on_error=False, group="memory")
    def _watch_memory(self) -> None:
        """Every two seconds, for as long as the app runs and there is a GPU."""
        worker = get_current_worker()
        while not worker.is_cancelled and (memory := gpu.memory()) is not None:
            if memory != self.status.memory:
                self.status.memory = memory
                self.call_from_thread(self.show_status)
            self._leaving.wait(MEMORY_POLL)

    def _tell_end(self, job: Job) -> None:
        if self.settings.bell:
            self.bell()
        if job.status == "failed":
            why = job.error or "Its log is in Jobs."
            self.notify(why, title=f"{job.title} failed", severity="error", timeout=12, markup=False)
        else:
            self.notify(f"{job.title} is {job.status}.", timeout=8, markup=False)

    def show_status(self) -> None:
        """Draw the status line of the open screen anew."""
        if not self.is_running:
            return
        for line in self.screen.query(StatusLine):
            line.show()

    @work(thread=True, group="wake", exit_on_error=False)
    def wake_worker(self) -> None:
        """Start a worker for what was just queued, unless one lives."""
        from zen_tui.jobs.launch import ensure_worker

        ensure_worker(self.home)

    @work(thread=True, exclusive=True, group="demo", exit_on_error=False)
    def action_demo(self) -> None:
        """Queue the demo and open Jobs, where it can be watched."""
        from zen_tui.jobs.launch import ensure_worker
        from zen_tui.jobs.submit import submit_demo

        try:
            with Database.open(self.home) as db:
                submit_demo(db, self.home)
            ensure_worker(self.home)
        except ZenError as error:
            self.call_from_thread(self.fail, error)
        else:
            self.call_from_thread(self.post_message, GoTo("jobs"))

    # Telling --------------------------------------------------------------------------------------------

    def fail(self, error: ZenError) -> None:
        """Say what could not be done and what to do about it."""
        self.notify(error.hint, title=error.message, severity="error", timeout=12, markup=False)

    def copy_path(self, path: Path) -> None:
        """Put a path on the clipboard of the terminal, and say so."""
        self.copy_to_clipboard(str(path))
        self.notify(str(path), title="Copied", markup=False, timeout=4)

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: object) -> None:
        names = ", ".join(sorted(binding.id or binding.key for binding in clashed_bindings))
        self.notify(f"settings.toml gives one key to several actions: {names}.", severity="warning", markup=False)


def run(home: Home | None = None) -> int:
    """Open the app and return its exit code.

    Raises:
        ZenError: the home or the database cannot be opened, `settings.toml` cannot be read, or the last of what
            was done could not be written.
    """
    from zen_tui.library import settings as settings_file
    from zen_tui.tui.terminal import detect

    home = (home or Home.find()).create()
    settings = settings_file.read(home)
    sys.setswitchinterval(SWITCH)
    with Database.open(home) as db:
        app = ZenApp(home, db, settings, detect(settings.images))
        app.run()
    if app.untold:
        raise app.untold[0]
    return app.return_code or 0
