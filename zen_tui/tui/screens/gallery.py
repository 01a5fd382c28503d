"""Gallery: every picture ever made as one grid, newest first, to rate, search, compare and take up again."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from zen_tui.library import pictures
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Picture
from zen_tui.library.text import clean, plural
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import JobsChanged, Recall
from zen_tui.tui.screens.judging import Judge, stars
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.photo_grid import PhotoGrid, Tile

NEEDS_PICTURES = {"rate", "reject", "recall", "export", "copy_path", "compare", "duel"}
MOST_COMPARED = 4
EMPTY = "No picture yet. Generate makes some: g and then 3."


class GalleryScreen(Place):
    """`query` is what was searched for; the grid shows the pictures that match it."""

    place = "gallery"
    scope = "gallery"
    home_focus = "PhotoGrid"
    BINDINGS = bindings("gallery")
    CSS_PATH = "gallery.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.pictures: dict[int, Picture] = {}
        self.query_words = ""
        self.with_rejected = False
        self.judge: Judge | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="find"):
            yield Static("/", id="slash")
            hint = "words of a prompt, rating>=3, adapter:mara, seed:7, job:12"
            yield Input(placeholder=hint, id="search", select_on_focus=False)
            yield Static(id="count")
        with Vertical(id="grid-panel", classes="panel") as panel:
            panel.border_title = "gallery"
            panel.border_subtitle = "newest first"
            panel.styles.padding = 0
            yield PhotoGrid(least=22, empty=EMPTY)
        yield Static(id="about")

    # Reading ----------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.watch(self.query_one(PhotoGrid), "cursor", self.moved, init=False)

    def load(self) -> None:
        self.judge = Judge(self.zen)
        try:
            found = pictures.find_pictures(self.zen.db, self.query_words, rejected=self.with_rejected)
        except ZenError as error:
            self.query_one("#count", Static).update(Content.styled(clean(str(error)), "$attention"))
            return
        self.pictures = {picture.id: picture for picture in found}
        grid = self.query_one(PhotoGrid)
        grid.empty = "No picture matches." if self.query_words else EMPTY
        grid.show([self._tile(picture) for picture in found])
        self._count()
        self._about()
        self.refresh_bindings()

    def _count(self) -> None:
        count = plural(len(self.query_one(PhotoGrid).tiles), "picture")
        self.query_one("#count", Static).update(Content(count))

    def _tile(self, picture: Picture) -> Tile:
        label, tone = ("rejected", "lost") if picture.rejected else (stars(picture.rating) or "·", "best")
        if not picture.rating and not picture.rejected:
            tone = ""
        thumbnail = self.zen.home.picture_thumbnail(picture.hash)
        return Tile(picture.id, thumbnail, label, tone, faded=picture.rejected)

    def _about(self) -> None:
        """One line about the picture under the cursor."""
        picture, grid = self.picture, self.query_one(PhotoGrid)
        panel = self.query_one("#grid-panel")
        picked = f" · {len(grid.selected)} selected" if grid.selected else ""
        place = f"{grid.cursor + 1} of {len(grid.tiles):,}" if grid.tiles else "nothing"
        panel.border_subtitle = Content(f"{place}{picked} · newest first")
        if picture is None:
            self.query_one("#about", Static).update("")
            return
        used = " ".join(f"{a['name']}:{a['weight']:g}" for a in picture.recipe.get("adapters", []))
        facts = f"  {used}  seed {picture.seed}  {picture.width}×{picture.height}"
        width = max(10, self.size.width - len(facts) - 4)
        line = Content.assemble((clean(picture.prompt, width), "$foreground"), (facts, "$muted"))
        self.query_one("#about", Static).update(line)

    @property
    def picture(self) -> Picture | None:
        """The picture under the cursor."""
        current = self.query_one(PhotoGrid).current
        return self.pictures.get(current.id) if current else None

    @property
    def chosen(self) -> list[Picture]:
        """The selected pictures, or the one under the cursor."""
        return [self.pictures[tile.id] for tile in self.query_one(PhotoGrid).chosen]

    # Hearing ----------------------------------------------------------------------------------------------

    @on(PhotoGrid.Selected)
    def moved(self) -> None:
        """Another picture is the current one, or others are selected."""
        self._about()

    @on(PhotoGrid.Opened)
    def opened(self) -> None:
        from zen_tui.tui.screens.viewer import ViewerScreen

        grid = self.query_one(PhotoGrid)
        self.app.push_screen(ViewerScreen([self.pictures[tile.id] for tile in grid.tiles], grid.cursor))

    @on(Input.Changed, "#search")
    def searched(self, event: Input.Changed) -> None:
        self.query_words = event.value
        self.load()

    @on(Input.Submitted, "#search")
    def search_kept(self) -> None:
        self.focus_home()

    def on_jobs_changed(self, message: JobsChanged) -> None:
        if message.ended:
            self.load()

    def search_for(self, query: str) -> None:
        """Show what matches `query`, as when a job's pictures are opened."""
        self.query_one("#search", Input).value = query
        self.focus_home()

    # Doing ------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.pictures) if action in NEEDS_PICTURES else True

    def step_out(self) -> bool:
        field, grid = self.query_one("#search", Input), self.query_one(PhotoGrid)
        if grid.selected and not field.has_focus:
            grid.clear_selection()
            return True
        if field.value or field.has_focus:
            field.value = ""
            self.focus_home()
            return True
        return False

    def action_search(self) -> None:
        self.query_one("#search", Input).focus()

    def action_rejected(self) -> None:
        self.with_rejected = not self.with_rejected
        self.load()

    def action_rate(self, rating: int) -> None:
        chosen = self.chosen
        if self.judge and self.judge.rate(chosen, rating):
            self.query_one(PhotoGrid).change([self._tile(picture) for picture in chosen])

    def action_reject(self, rejected: bool) -> None:
        chosen = self.chosen
        if self.judge and self.judge.reject(chosen, rejected):
            grid = self.query_one(PhotoGrid)
            if self.with_rejected:
                grid.change([self._tile(picture) for picture in chosen])
            else:
                gone = {picture.id for picture in chosen}
                grid.show([tile for tile in grid.tiles if tile.id not in gone])
                self._about()
            self._count()

    def action_restore(self) -> None:
        if self.judge and self.judge.restore():
            self.load()

    def action_recall(self) -> None:
        if self.picture:
            self.post_message(Recall(self.picture))

    def action_export(self) -> None:
        if self.judge:
            self.judge.export(self.chosen)

    def action_copy_path(self) -> None:
        if self.picture:
            self.zen.copy_path(self.zen.home.resolve(self.picture.path))

    def action_compare(self) -> None:
        from zen_tui.tui.screens.compare import CompareScreen

        grid = self.query_one(PhotoGrid)
        chosen = self.chosen
        if len(chosen) < 2:  # nothing selected: this one and the next
            chosen = [self.pictures[tile.id] for tile in grid.tiles[grid.cursor : grid.cursor + 2]]
        if len(chosen) > MOST_COMPARED:
            self.app.notify(f"The first {MOST_COMPARED} of {len(chosen)} selected are shown.")
        self.app.push_screen(CompareScreen(chosen[:MOST_COMPARED]))

    def action_duel(self) -> None:
        from zen_tui.tui.screens.duel import DuelScreen

        grid = self.query_one(PhotoGrid)
        chosen = self.chosen if len(grid.selected) > 1 else [self.pictures[tile.id] for tile in grid.tiles]
        if len(chosen) < 2:
            self.app.notify("A duel needs two pictures or more.")
            return
        self.app.push_screen(DuelScreen(chosen))
