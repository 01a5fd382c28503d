"""Import: a path, a verdict on every file found there, and only then a copy.

Looking is a dry run of the import itself in a thread, so what is shown before is what happens after.
"""

from __future__ import annotations

from pathlib import Path
from threading import Event

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, ProgressBar, Static
from textual.worker import get_current_worker

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import NotFound, WrongUse, ZenError
from zen_tui.library.records import KINDS, Dataset, Verdict
from zen_tui.library.text import clean, plural, slugify
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.dialogs import PathSuggester
from zen_tui.tui.widgets.verdict_list import Verdicts

CLASS_WORDS = {"person": "woman", "pet": "dog", "object": "object", "garment": "shirt", "style": "style"}


class WizardScreen(Place):
    """Dismissed with the slug of the dataset that the photos went to, or None. Escape leaves, or stops."""

    scope = "wizard"
    home_focus = "#path"
    BINDINGS = bindings("wizard")
    CSS_PATH = "import_wizard.tcss"

    def __init__(self, into: Dataset | None = None) -> None:
        super().__init__()
        self.into = into
        self.usable = 0
        self.busy: Event | None = None  # set it to stop the import that is going on
        self._named = False  # the person has typed a name of their own
        self._over = False
        self._came: str | None = None  # the dataset that photos came into

    def body(self) -> ComposeResult:
        with Horizontal(id="wizard"):
            with Vertical(id="form", classes="panel") as form:
                form.border_title = "import photos"
                yield Label("folder or file")
                yield Input(placeholder="~/Pictures/…", suggester=PathSuggester(), id="path")
                yield Static("Right arrow completes the path. The files are only read.", classes="hint")
                with Grid(id="fields"):
                    yield Label("dataset")
                    yield Input(self.into.slug if self.into else "", placeholder="mara", id="name")
                    yield Label("kind")
                    yield Input(self.into.kind if self.into else "person", id="kind")
                    yield Label("class word")
                    yield Input(self.into.class_word if self.into else "", placeholder="woman", id="class")
                    yield Label("token")
                    yield Input(self.into.token if self.into else "ohwx", id="token")
                yield Static(id="target", classes="hint")
                yield Static(id="fault")
                yield Button("import", id="go", classes="-primary", disabled=True)
            with Vertical(id="found", classes="panel") as found:
                found.border_title = "what is there"
                yield Verdicts()
                yield ProgressBar(show_eta=False, id="progress")
                yield Static("Name a folder; each file in it gets its verdict here.", id="summary")

    def on_mount(self) -> None:
        self.query_one(ProgressBar).display = False
        self._say_target()

    # Looking ----------------------------------------------------------------------------------------------

    @on(Input.Changed, "#path")
    def path_changed(self, event: Input.Changed) -> None:
        if self.busy is None:
            self._ready(0)
            self.query_one("#fault", Static).update("")
            self.query_one(Verdicts).clear()
            self.query_one("#summary", Static).update("Enter looks at it.")
            path = _path(event.value)
            if not self._named and self.into is None and path:
                with self.prevent(Input.Changed):
                    self.query_one("#name", Input).value = slugify(path.stem if path.suffix else path.name)
                self._say_target()

    @on(Input.Submitted, "#path")
    def look(self) -> None:
        path = _path(self.query_one("#path", Input).value)
        if path and self.busy is None:
            self.query_one(Verdicts).clear()
            self.query_one("#summary", Static).update("Looking…")
            self._look(path, self._wanted(), self.into)

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def _look(self, path: Path, wanted: tuple[str, str, str, str], into: Dataset | None) -> None:
        from zen_tui.exchange.dataset_sources import gather
        from zen_tui.photos.intake import Outcome, import_photos
        from zen_tui.photos.tally import Tally

        worker = get_current_worker()
        name, kind, class_word, token = wanted
        try:
            with Database.open(self.zen.home) as db:
                target = _existing(db, name) or Dataset(
                    id=0, slug=name, token=token, class_word=class_word, kind=kind
                )

                known = datasets.photos(db, target.id) if target.id else []
                tally = Tally(known, self.zen.settings.verdicts.duplicate)

                def told(outcome: Outcome) -> None:
                    if not worker.is_cancelled:
                        verdicts = tally.add(outcome.found) if outcome.status == "added" else []
                        self.app.call_from_thread(self._heard, outcome, verdicts, tally.words())

                found = gather([path])
                report = import_photos(
                    db,
                    self.zen.home,
                    target,
                    found.sources,
                    dry_run=True,
                    on_file=told,
                    stop=lambda: worker.is_cancelled,
                )
        except ZenError as error:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._fault, error)
            return
        if not worker.is_cancelled:
            summary = _counted(len(report.added), len(report.duplicates), len(report.skipped))
            self.app.call_from_thread(self._looked, len(report.added), summary, tally.words())
            self.app.call_from_thread(self._tell, [*found.notes, *report.sentences()])
            if into is None:
                self.app.call_from_thread(self._suggest, found.token, found.class_word)

    def _heard(self, outcome: object, verdicts: list[Verdict], flags: str = "") -> None:
        from zen_tui.photos.intake import Outcome

        if self.is_attached and isinstance(outcome, Outcome):
            self.query_one(Verdicts).add(outcome, verdicts)
            progress = self.query_one(ProgressBar)
            progress.display = outcome.done < outcome.total
            progress.update(total=outcome.total, progress=outcome.done)
            if self.busy is None:
                so_far = f"Looking… {outcome.done:,} of {outcome.total:,}{f', {flags}' if flags else ''}."
                self.query_one("#summary", Static).update(Content(so_far))

    def _tell(self, notes: list[str]) -> None:
        """Say what of another tool's dataset is not taken over."""
        if self.is_attached:
            for note in notes:
                self.query_one(Verdicts).tell(note)

    def _suggest(self, token: str, class_word: str) -> None:
        """Take over what another tool's dataset calls its subject, where nobody has typed a class word."""
        if self.is_attached and token and class_word and not self.query_one("#class", Input).value:
            self.query_one("#token", Input).value = token
            self.query_one("#class", Input).value = class_word

    def _looked(self, usable: int, summary: str, flags: str) -> None:
        if self.is_attached:
            self.query_one(ProgressBar).display = False
            nothing = "Nothing was copied yet." if usable else "There is nothing to import."
            flagged = f" {flags}. Flagged ones come in too, and first to be looked at." if flags else ""
            self.query_one("#summary", Static).update(Content(f"{summary}{flagged} {nothing}"))
            self._ready(usable)
            if usable:
                self.query_one("#name", Input).focus() if not self._slug() else self.query_one("#go").focus()

    def _ready(self, usable: int) -> None:
        self.usable = usable
        button = self.query_one("#go", Button)
        button.disabled = not usable
        button.label = f"import {plural(usable, 'photo')}" if usable else "import"
        button.refresh(layout=True)
        self.refresh_bindings()

    # The fields -------------------------------------------------------------------------------------------

    @on(Input.Changed, "#name")
    def name_changed(self) -> None:
        self._named = True
        self._say_target()

    @on(Input.Changed, "#class, #token, #kind")
    def field_changed(self) -> None:
        self._say_target()

    @on(Input.Submitted, "#name, #kind, #class, #token")
    def next_field(self) -> None:
        self.focus_next()

    def _slug(self) -> str:
        return slugify(self.query_one("#name", Input).value)

    def _wanted(self) -> tuple[str, str, str, str]:
        kind = self.query_one("#kind", Input).value.strip().lower()
        class_word = self.query_one("#class", Input).value.strip() or CLASS_WORDS.get(kind, "")
        return self._slug(), kind, class_word, self.query_one("#token", Input).value.strip()

    def _say_target(self) -> None:
        """Say which dataset the photos will go to, and which words will mean it."""
        name, kind, class_word, token = self._wanted()
        known = _existing(self.zen.db, name)
        for field, value in (("#kind", "kind"), ("#class", "class_word"), ("#token", "token")):
            line = self.query_one(field, Input)
            line.disabled = known is not None
            if known:
                with self.prevent(Input.Changed):
                    line.value = getattr(known, value)
        if known:
            text = f"They are added to {known.slug}, which has {plural(known.photo_count, 'photo')}."
        elif not name:
            text = "Give the dataset a name."
        elif kind not in KINDS:
            text = f"The kind is one of {', '.join(KINDS)}."
        else:
            text = f"A new dataset. In prompts it is called “{token} {class_word}”."
        self.query_one("#target", Static).update(Content(text))

    # Importing --------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#go")
    def action_start(self) -> None:
        if not self.usable or self.busy is not None:
            return
        path = _path(self.query_one("#path", Input).value)
        try:
            target = self._target()
        except ZenError as error:
            self._fault(error)
            return
        if path:
            self.busy = Event()
            self.query_one(Verdicts).clear()
            self.query_one("#form").disabled = True
            self.query_one("#summary", Static).update(Content(f"Copying into {target.slug}. Escape stops."))
            self._copy(path, target, self.busy)

    def _target(self) -> Dataset:
        """The dataset that was named, made now if it is new."""
        name, kind, class_word, token = self._wanted()
        known = _existing(self.zen.db, name)
        if known:
            return known
        if not token:
            raise WrongUse("The token is empty.", "Give a rare word such as ohwx.")
        return datasets.add_dataset(self.zen.db, name, token, class_word, kind)

    @work(thread=True, group="copy", exit_on_error=False)
    def _copy(self, path: Path, target: Dataset, stop: Event) -> None:
        from zen_tui.exchange.dataset_sources import gather
        from zen_tui.photos.intake import Outcome, import_photos

        def told(outcome: Outcome) -> None:
            self.app.call_from_thread(self._heard, outcome, outcome.found.verdicts)

        try:
            with Database.open(self.zen.home) as db:
                sources = gather([path]).sources
                report = import_photos(db, self.zen.home, target, sources, on_file=told, stop=stop.is_set)
        except ZenError as error:
            self.app.call_from_thread(self._stopped, error)
            return
        said = _counted(len(report.added), len(report.duplicates), len(report.skipped))
        self.app.call_from_thread(self._done, target.slug, said, report.stopped)

    def _done(self, slug: str, said: str, stopped: bool) -> None:
        self.busy = None
        title = f"{slug}: import stopped" if stopped else slug
        self.app.notify(said, title=title, markup=False)
        self.dismiss_with(slug)

    def _stopped(self, error: ZenError) -> None:
        self.busy = None
        self.query_one("#form").disabled = False
        self._fault(error)

    def _fault(self, error: ZenError) -> None:
        if self.is_attached:
            self.query_one(ProgressBar).display = False
            self.query_one("#fault", Static).update(Content(clean(str(error), 600)))
            self.query_one("#summary", Static).update("")

    # Leaving ----------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.usable) and self.busy is None if action == "start" else True

    def action_cancel(self) -> None:
        if self.busy is not None:
            self.busy.set()
        else:
            self.workers.cancel_group(self, "look")
            self.dismiss_with(None)

    def dismiss_with(self, slug: str | None) -> None:
        """Go back to Datasets, which shows `slug` if something came in; later, if another screen is in front."""
        self._over, self._came = True, slug
        self._go_back()

    def load(self) -> None:
        if self._over:
            self._go_back()

    def _go_back(self) -> None:
        from zen_tui.tui.screens.datasets import DatasetsScreen

        if self.app.screen is self:
            self.app.pop_screen()
        elif self.is_running:
            return  # what is in front stays; this screen goes when it comes into view again
        if self._came and isinstance(self.app.screen, DatasetsScreen):
            self.app.screen.open_dataset(self._came, imported=True)


def _path(text: str) -> Path | None:
    return Path(text.strip()).expanduser() if text.strip() else None


def _existing(db: Database, name: str) -> Dataset | None:
    try:
        return datasets.dataset(db, name) if name else None
    except NotFound:
        return None


def _counted(added: int, duplicates: int, skipped: int) -> str:
    parts = [f"{plural(added, 'photo')} can be used"]
    if duplicates:
        parts.append(f"{duplicates:,} known already")
    if skipped:
        parts.append(f"{skipped:,} cannot be used")
    return ", ".join(parts) + "."
