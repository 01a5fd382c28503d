"""Captions of one dataset: photos on the left, the words of those that are chosen on the right.

Every change is written at once, says how many captions it changed, and is taken back by one key, as often as
there was one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import OptionList

from zen_tui.library import datasets as library
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Job, Photo
from zen_tui.library.text import plural
from zen_tui.photos import caption_edits as edits
from zen_tui.photos.caption_edits import Edit
from zen_tui.photos.caption_journal import Change, apply, edited, last_change, restored_sentence, take_back
from zen_tui.photos.caption_lint import Finding, Reader, check_photo, check_set
from zen_tui.photos.caption_templates import fill
from zen_tui.tui.keys import ACTIONS, bindings
from zen_tui.tui.messages import JobsChanged
from zen_tui.tui.screens.reader_choice import ReaderChoice
from zen_tui.tui.widgets.caption_form import CaptionForm, Field
from zen_tui.tui.widgets.caption_panel import CaptionPanel
from zen_tui.tui.widgets.photo_detail import CaptionEditor
from zen_tui.tui.widgets.photo_grid import PhotoGrid, Tile
from zen_tui.tui.widgets.tag_list import TagList

NEED_PHOTOS = {action.action.partition("(")[0] for action in ACTIONS["captions"]} - {"undo", "next_base"}


class CaptionsScreen(ReaderChoice):
    """`slug` names the dataset; `selected` are ids of photos that are selected at first, `cursor` is one of them.

    `done` are the changes made here, the newest last; when they are taken back, those of earlier visits follow.
    """

    place = "datasets"
    scope = "captions"
    home_focus = "PhotoGrid"
    BINDINGS = bindings("captions")
    CSS_PATH = "captions.tcss"

    def __init__(self, slug: str, selected: Iterable[int] = (), cursor: int | None = None) -> None:
        super().__init__()
        self.slug = slug
        self.photos: dict[int, Photo] = {}
        self.findings: dict[int, list[Finding]] = {}
        self.hints: list[Finding] = []  # of the whole set
        self._thumbnails: dict[int, Path] = {}
        self.done: list[Change] = []
        self._start = (set(selected), cursor)

    def body(self) -> ComposeResult:
        with Horizontal(id="captions"):
            with Vertical(id="photos", classes="panel") as photos:
                photos.styles.padding = 0
                yield PhotoGrid(least=14, empty="No photo here.")
            yield CaptionPanel(classes="panel")

    def on_mount(self) -> None:
        self.watch(self.query_one(PhotoGrid), "cursor", self.choice_changed, init=False)

    # Reading ----------------------------------------------------------------------------------------------

    def load(self) -> None:
        self.dataset = library.dataset(self.zen.db, self.slug)
        self.photos = {photo.id: photo for photo in library.photos(self.zen.db, self.dataset.id)}
        self._thumbnails = {
            id: self.zen.home.thumbnail(self.slug, photo.hash) for id, photo in self.photos.items()
        }
        self._examine(self.photos)
        grid = self.query_one(PhotoGrid)
        selected, cursor = self._start
        grid.selected |= selected
        grid.show([self._tile(photo) for photo in self.photos.values()], cursor_id=cursor)
        self._start = (set(), None)
        self._show()
        self.choose_reader()

    def _examine(self, ids: Iterable[int]) -> None:
        """Look for faults in these captions, and in the set."""
        reader = self.panel.reader
        for id in ids:
            self.findings[id] = check_photo(self.dataset, self.photos[id], reader)
        self.hints = check_set(self.dataset, list(self.photos.values()))

    def _tile(self, photo: Photo) -> Tile:
        """The words that tell this caption from the others, or what is wrong with it."""
        found = self.findings[photo.id]
        tags = edits.tags(photo.caption)
        label = found[0].kind if found else ", ".join(tags[1:] or tags)
        if label in ("token", "class"):
            label = f"no {label}"
        path = self._thumbnails[photo.id]
        return Tile(photo.id, path, label, "attention" if found else "", faded=photo.split == "out")

    @property
    def panel(self) -> CaptionPanel:
        return self.query_one(CaptionPanel)

    @property
    def photo(self) -> Photo | None:
        """The photo under the cursor."""
        current = self.query_one(PhotoGrid).current
        return self.photos.get(current.id) if current else None

    @property
    def chosen(self) -> list[Photo]:
        """The selected photos, or the one under the cursor."""
        return [self.photos[tile.id] for tile in self.query_one(PhotoGrid).chosen if tile.id in self.photos]

    def _show(self) -> None:
        grid, photo = self.query_one(PhotoGrid), self.photo
        path = self.zen.home.photo(self.slug, photo.hash, photo.suffix) if photo else None
        self.panel.show(photo, path, self.findings[photo.id] if photo else [], self._hints(photo), self.chosen)
        frame = self.query_one("#photos")
        frame.border_title = Content(f"{self.slug} · {self.dataset.token} {self.dataset.class_word}".rstrip())
        flagged = sum(bool(found) for found in self.findings.values())
        told = [f"{grid.cursor + 1:,} of {len(grid.tiles):,}"]
        told += [f"{len(grid.selected):,} selected"] if grid.selected else []
        told += [f"{flagged:,} faulty"] if flagged else []
        frame.border_subtitle = Content(" · ".join(told))

    def _hints(self, photo: Photo | None) -> list[Finding]:
        """Hints for the set, where the caption of `photo` is one of those that are alike."""
        alike = photo is not None and sum(each.caption == photo.caption for each in self.photos.values()) > 1
        return self.hints if alike else []

    def read_by(self, reader: Reader) -> None:
        self.panel.reader = reader
        self._changed(self.photos)

    # Changing ---------------------------------------------------------------------------------------------

    def change(self, photos: Sequence[Photo], edit: Edit, what: str) -> bool:
        """Change the captions of `photos` and say what came of it; False if that could not be done."""
        try:
            change = apply(self.zen.db, self.zen.home, self.dataset, photos, edit, what)
        except ZenError as error:
            self.zen.fail(error)
            return False
        if change.after:
            self.done.append(change)
            self._changed(change.after)
            self.panel.say(f"{plural(len(change.after), 'caption')} changed: {change.what}. u takes it back.")
        else:
            self.panel.say("Nothing changed: it is so already.", "$muted")
        return True

    def _changed(self, ids: Iterable[int]) -> None:
        known = [id for id in ids if id in self.photos]
        self._examine(known)
        self.query_one(PhotoGrid).change([self._tile(self.photos[id]) for id in known])
        self._show()

    def action_undo(self) -> None:
        change = self.done.pop() if self.done else last_change(self.zen.home, self.dataset)
        if change is None:
            self.panel.say("There is no change to take back.", "$muted")
            return
        try:
            restored = take_back(self.zen.db, self.zen.home, self.dataset, change)
        except ZenError as error:
            self.zen.fail(error)
            return
        for id, caption in restored.items():
            if id in self.photos:
                self.photos[id].caption = caption
        self._changed(restored)
        self.panel.say(restored_sentence(change, restored))

    # Hearing ----------------------------------------------------------------------------------------------

    @on(PhotoGrid.Selected)
    def choice_changed(self) -> None:
        if self.photos:
            self._show()

    @on(PhotoGrid.Opened)
    def open_photo(self) -> None:
        from zen_tui.tui.screens.full_size import FullSizeScreen, Shown

        home = self.zen.home
        entries = [
            Shown(home.photo(self.slug, p.hash, p.suffix), f"{p.name} · {p.width}×{p.height}", p.caption)
            for p in self.photos.values()
        ]
        self.app.push_screen(FullSizeScreen(entries, self.query_one(PhotoGrid).cursor))

    @on(OptionList.OptionSelected, "#tags")
    def tag_chosen(self) -> None:
        """Select the photos that have the tag."""
        tag = self.query_one(TagList).current
        if tag is not None:
            having = {photo.id for photo in self.photos.values() if edits.has_tag(photo.caption, tag)}
            self._select(having, f"with “{tag}”")

    @on(CaptionForm.Typed)
    def typed(self, event: CaptionForm.Typed) -> None:
        """Say what would change, before it does."""
        asked, chosen = self.query_one(CaptionForm).edit(event.field), self.chosen
        if asked is None:
            self.panel.say("")
            return
        try:
            count = len(edited(chosen, asked[0]))
        except ZenError as error:
            self.panel.say(error.message, "$attention")
        else:
            self.panel.say(f"Enter changes {count:,} of {plural(len(chosen), 'caption')}.", "$muted")

    @on(CaptionForm.Wanted)
    def wanted(self, event: CaptionForm.Wanted) -> None:
        form = self.query_one(CaptionForm)
        asked = form.edit(event.field)
        if asked is not None and self.change(self.chosen, *asked):
            form.clear()
        self.focus_home()

    @on(CaptionEditor.Changed)
    def caption_typed(self, event: CaptionEditor.Changed) -> None:
        if self.panel.editing:
            self.panel.show_length(" ".join(event.text_area.text.split()))

    @on(CaptionEditor.Ended)
    def caption_edited(self, event: CaptionEditor.Ended) -> None:
        self.panel.stop_editing()
        text, photo = event.text, self.photo
        if text is not None and photo is not None:
            self.change([photo], lambda _: text, f"{photo.name} written anew")
        self._show()
        self.focus_home()

    def on_jobs_changed(self, message: JobsChanged) -> None:
        if message.ended:
            self.load()

    # Doing ------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.photos) or action not in NEED_PHOTOS

    def step_out(self) -> bool:
        grid = self.query_one(PhotoGrid)
        if self.focused is not grid:
            self.query_one(CaptionForm).clear()
            self.panel.say("")
            grid.focus()
            return True
        if grid.selected:
            grid.clear_selection()
            return True
        return False

    def action_edit(self) -> None:
        if self.photo:
            self.panel.edit(self.photo.caption)

    def action_field(self, field: Field, first: bool = False) -> None:
        tags = self.query_one(TagList)
        value = tags.current if field == "old" and self.focused is tags else None
        form = self.query_one(CaptionForm)
        if field == "tag":
            form.know([tag for tag, _ in edits.counted_tags(photo.caption for photo in self.photos.values())])
        form.go(field, first=first, value=value)

    def action_tags(self) -> None:
        self.set_focus(self.query_one(TagList))

    def action_remove_tag(self) -> None:
        """Take the tag under the cursor of the list out of the chosen captions."""
        tags = self.query_one(TagList)
        if self.focused is not tags:
            tags.focus()
        elif (tag := tags.current) is not None:
            self.change(self.chosen, lambda photo: edits.remove_tags(photo.caption, tag), f"“{tag}” taken out")

    def action_template(self) -> None:
        from zen_tui.tui.screens.caption_templates import TemplateChooser

        folders, chosen = library.source_folders(self.zen.db, self.dataset.id), self.chosen

        def taken(template: str | None) -> None:
            if template is not None:
                edit: Edit = lambda photo: fill(template, self.dataset, photo, folders.get(photo.id, ""))  # noqa: E731
                self.change(chosen, edit, f"“{template}” filled in")

        example = self.photo
        folder = folders.get(example.id, "") if example else ""
        self.app.push_screen(TemplateChooser(self.dataset, example, folder, len(chosen)), taken)

    def action_describe(self) -> None:
        """Let a model on this disk write the captions; it leaves those alone that somebody wrote."""
        from zen_tui.tui.screens.look_dialog import LookDialog

        def queued(job: Job | None) -> None:
            if job:
                self.panel.say(f"{job.title}: Jobs shows how far it is.")

        ids = [photo.id for photo in self.chosen]
        self.app.push_screen(LookDialog(self.dataset, ids, len(ids)), queued)

    def action_select_all(self) -> None:
        grid = self.query_one(PhotoGrid)
        every = set(self.photos)
        grid.select(set() if grid.selected == every else every)

    def action_select_flagged(self) -> None:
        self._select({id for id, found in self.findings.items() if found}, "with a fault")

    def _select(self, ids: set[int], which: str) -> None:
        self.query_one(PhotoGrid).select(ids)
        self.panel.say(f"{plural(len(ids), 'photo')} {which} selected." if ids else f"There is no photo {which}.")

    def action_whole_words(self) -> None:
        self.query_one(CaptionForm).toggle("words")

    def action_same_case(self) -> None:
        self.query_one(CaptionForm).toggle("case")
