"""Add bases: a path, what lies there, and only then the reading of every byte, which can be stopped."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, ProgressBar, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from zen_tui.exchange.model_folders import Found
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Base
from zen_tui.library.text import clean, duration, megabytes, plural
from zen_tui.tui.keys import bindings
from zen_tui.tui.new_bases import NewBases, Stopped
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.dialogs import PathSuggester

PAUSE = 0.1  # seconds between two tellings of the bytes read
OPTIONS = {"name": "that on disk", "variant": "if not told", "vae": "a file", "text": "files, | between"}
KINDS = ("base", "unusable", "part", "adapter")  # in the order of the list


class AddBasesScreen(Place):
    """Nothing is added before it was shown. Escape stops the reading, or leaves."""

    place = "bases"
    scope = "adding"
    home_focus = "#path"
    BINDINGS = bindings("adding")
    CSS_PATH = "add_bases.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.named: NewBases | None = None
        self.found: list[Found] = []
        self.known: set[str] = set()
        self.chosen: set[Path] = set()
        self.faults: dict[Path, str] = {}
        self.busy: Event | None = None  # set it to stop the reading that is going on
        self._told = 0.0

    def body(self) -> ComposeResult:
        with Horizontal(id="adding"):
            with Vertical(id="form", classes="panel") as form:
                form.border_title = "add bases"
                yield Label("model or folder of models")
                yield Input(placeholder="~/ComfyUI/models/", suggester=PathSuggester(), id="path")
                yield Static("They stay where they are; nothing is copied.", classes="hint")
                with Grid(id="fields"):
                    for name, hint in OPTIONS.items():
                        yield Label(name)
                        files = PathSuggester() if name in ("vae", "text") else None
                        yield Input(placeholder=hint, suggester=files, id=name)
                yield Static(id="fault")
                yield Button("add", id="go", classes="-primary", disabled=True)
            with Vertical(id="found", classes="panel") as found:
                found.border_title = "what is there"
                yield Choices(id="models")
                yield ProgressBar(show_eta=False, id="progress")
                yield Static("Name a file or a folder, of ComfyUI for example; enter looks at it.", id="summary")

    def on_mount(self) -> None:
        self.query_one(ProgressBar).display = False

    def on_unmount(self) -> None:
        if self.busy is not None:
            self.busy.set()

    # Looking ----------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def changed(self) -> None:
        if self.busy is None:
            self.workers.cancel_group(self, "look")
            self.named = None
            self._fault("")
            self._show([])
            self._say("Enter looks at it.")

    @on(Input.Submitted)
    def look(self) -> None:
        named = self._named()
        if named is not None and self.busy is None:
            self._fault("")
            self._say("Looking…")
            self._look(named)

    def _named(self) -> NewBases | None:
        typed = {name: self.query_one(f"#{name}", Input).value.strip() for name in ("path", *OPTIONS)}
        if not typed["path"]:
            return None
        texts = tuple(_path(part) for part in typed["text"].split("|") if part.strip())
        vae = _path(typed["vae"]) if typed["vae"] else None
        return NewBases(_path(typed["path"]), typed["name"] or None, typed["variant"] or None, vae, texts)

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def _look(self, named: NewBases) -> None:
        worker = get_current_worker()
        found: list[Found] = []
        try:
            for one in named.look():
                found.append(one)
                if worker.is_cancelled:
                    return
                if len(found) % 10 == 0:
                    self.app.call_from_thread(self._say, f"Looking… {len(found):,} models so far.")
        except ZenError as error:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._looked, None, [], str(error))
        else:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._looked, named, found, "")

    def _looked(self, named: NewBases | None, found: list[Found], fault: str) -> None:
        self.named = named
        self._fault(fault)
        self._say("" if fault else _counted(found))
        self.faults = {}
        self._show(found)
        if self.chosen:
            self.query_one(Choices).focus()

    # Choosing ---------------------------------------------------------------------------------------------

    def _show(self, found: list[Found]) -> None:
        """Bases first, those that are not here yet chosen; LoRAs are counted only."""
        shown = (one for one in found if one.kind != "adapter")
        self.found = sorted(shown, key=lambda one: KINDS.index(one.kind))
        self.known = {base.path for base in models.bases(self.zen.db)}
        self.chosen = {one.path for one in self.found if one.facts and str(one.path) not in self.known}
        self._draw()

    def _draw(self) -> None:
        choices = self.query_one(Choices)
        at = choices.highlighted or 0
        choices.clear_options()
        choices.add_options([Option(self._line(one)) for one in self.found])
        choices.highlighted = min(at, len(self.found) - 1) if self.found else None
        button = self.query_one("#go", Button)
        button.disabled = not self.chosen or self.busy is not None
        button.label = f"add {plural(len(self.chosen), 'base')}" if self.chosen else "add"
        button.refresh(layout=True)
        self.refresh_bindings()

    def _line(self, one: Found) -> Content:
        root = self.named.path if self.named else one.path
        inside = one.path.is_relative_to(root) and one.path != root
        name = clean(str(one.path.relative_to(root)) if inside else one.path.name, 400)
        room = max(20, self.query_one(Choices).size.width - 6)
        name = name if len(name) <= room else f"…{name[1 - room :]}"
        if one.facts is None:
            return Content.assemble((f"   {name}", "$muted"), (f"\n   {clean(one.text, 400)}", "$muted"))
        sign = "✓" if one.path in self.chosen else "·"
        told = [one.text, megabytes(one.facts.bytes), *(["here already"] if str(one.path) in self.known else [])]
        lines = [
            (f" {sign} ", "$primary"),
            (name, "$bright"),
            ("\n   " + " · ".join(told), "$muted"),
        ]
        fault = self.faults.get(one.path)
        return Content.assemble(*lines, *([(f"\n   {clean(fault, 400)}", "$attention")] if fault else []))

    def action_take(self) -> None:
        at = self.query_one(Choices).highlighted
        if at is not None and self.busy is None and self.found[at].facts:
            self.chosen ^= {self.found[at].path}
            self._draw()

    def action_take_all(self) -> None:
        every = {one.path for one in self.found if one.facts}
        if self.busy is None:
            self.chosen = set() if self.chosen == every else every
            self._draw()

    # Adding -----------------------------------------------------------------------------------------------

    @on(Choices.OptionSelected)
    @on(Button.Pressed, "#go")
    def action_start(self) -> None:
        if self.named is None or not self.chosen or self.busy is not None:
            return
        self.busy = Event()
        self.faults = {}
        self.query_one("#form").disabled = True
        self.query_one(Choices).focus()
        self._draw()
        self._add(self.named, [one for one in self.found if one.path in self.chosen], self.busy)

    @work(thread=True, group="add", exit_on_error=False)
    def _add(self, named: NewBases, found: list[Found], stop: Event) -> None:
        added: list[str] = []
        faults: dict[Path, str] = {}
        started = time.monotonic()

        def told(file: Path, done: int, whole: int) -> None:
            if stop.is_set():
                raise Stopped
            now = time.monotonic()
            if done == whole or now - self._told >= PAUSE:
                self._told = now
                at = f"{len(added) + len(faults) + 1} of {len(found)}" if len(found) > 1 else ""
                self.app.call_from_thread(self._read, at, file, done, whole, now - started)

        try:
            with Database.open(self.zen.home) as db:
                for result in named.add(db, self.zen.home, found, told):
                    if isinstance(result, Base):
                        added.append(result.slug)
                    else:
                        faults[result[0]] = str(result[1])
                    started = time.monotonic()
        except Stopped:
            if self.app.is_running:
                self.app.call_from_thread(self._stopped, added)
        else:
            self.app.call_from_thread(self._done, added, faults)

    def _read(self, at: str, file: Path, done: int, whole: int, seconds: float) -> None:
        if self.is_attached:
            progress = self.query_one(ProgressBar)
            progress.display = True
            progress.update(total=whole, progress=done)
            words = [f"base {at}"] if at else []
            words += [clean(file.name, 50), f"{megabytes(done)} of {megabytes(whole)}"]
            words += [f"{duration(seconds / done * (whole - done))} left"] if done and seconds > 1 else []
            self._say(f"Reading: {', '.join(words)}. Escape stops.")

    def _stopped(self, added: list[str]) -> None:
        self._end({})
        self._say(f"Stopped; {plural(len(added), 'base')} of them can be used now. Enter goes on.")

    def _done(self, added: list[str], faults: dict[Path, str]) -> None:
        self._end(faults)
        if added:
            self.app.notify(f"{', '.join(added)}: can be used now.", markup=False)
        if not faults and self.is_current:
            self.app.pop_screen()
            return
        left = f", {len(faults)} not; the list says why" if faults else ""
        self._say(f"{plural(len(added), 'base')} added{left}.")

    def _end(self, faults: dict[Path, str]) -> None:
        self.busy = None
        if self.is_attached:
            self.query_one("#form").disabled = False
            self.query_one(ProgressBar).display = False
            self._show(self.found)
            self.faults = faults
            self._draw()

    # The rest ---------------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        if self.is_attached:
            self.query_one("#summary", Static).update(Content(text))

    def _fault(self, text: str) -> None:
        self.query_one("#fault", Static).update(Content(clean(text, 600)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.chosen) and self.busy is None if action == "start" else True

    def action_cancel(self) -> None:
        if self.busy is not None:
            self.busy.set()
        else:
            self.workers.cancel_group(self, "look")
            self.app.pop_screen()


def _path(text: str) -> Path:
    return Path(text.strip()).expanduser().absolute()


def _counted(found: list[Found]) -> str:
    """'3 bases, 2 parts of other models, 40 LoRAs. Space chooses, enter adds.'"""
    counts = {kind: sum(one.kind == kind for one in found) for kind in KINDS}
    words = [plural(counts["base"], "base")]
    words += [f"{plural(counts['part'], 'part')} of other models"] if counts["part"] else []
    words += [plural(counts["adapter"], "LoRA")] if counts["adapter"] else []
    words += [f"{counts['unusable']} not usable"] if counts["unusable"] else []
    return f"{', '.join(words)}.{' Space chooses, enter adds.' if counts['base'] else ''}"
