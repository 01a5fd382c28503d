"""Every key of the app, declared once: footer, help, palette and the documented key page come from here.

An action has an id by which a person rebinds it in `settings.toml` (`[keys]`), a default key, a short label
for the footer and a sentence. A scope is a screen or a widget that answers to the actions listed under it;
`TOGETHER` says which scopes are alive at the same time, where keys must not collide.

In Datasets and the Gallery, and in full size, the digits 1 to 5 rate a photo or picture. Everywhere else 1
to 7 choose a screen; `g` and then a digit does so in every screen, and `[` and `]` go to the neighbouring one.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import Binding, BindingType

from zen_tui.tui.action import Action
from zen_tui.tui.editor_keys import EDITORS

PLACES = ("datasets", "train", "generate", "gallery", "jobs", "bases", "privacy")
LABELS = {place: place.capitalize() for place in PLACES}


def _go(number: int, place: str) -> Action:
    label = LABELS[place]
    return Action(f"app.go_{place}", str(number), label, f"Open the {label} screen.", f"go('{place}')")


_APP = (
    *(_go(number, place) for number, place in enumerate(PLACES, 1)),
    Action("app.previous_place", "left_square_bracket", "screen before", "Open the screen to the left."),
    Action("app.next_place", "right_square_bracket", "screen after", "Open the screen to the right."),
    Action("app.back", "q", "back", "Leave this page, or Zen itself; work in progress goes on."),
    Action("app.escape", "escape", "back", "Close what is open, or step out of a field."),
    Action("app.help", "question_mark,f1", "help", "Show the keys that work here.", footer=True),
    Action("app.palette", "ctrl+p,colon", "commands", "Find any command by its name.", "command_palette"),
    Action("app.theme", "", "theme", "Choose the colours of the app."),
    Action("app.quit", "ctrl+q", "quit", "Leave Zen. Work in progress goes on.", priority=True),
)
_GRID = (
    Action("grid.left", "left,h", "left", "Move to the picture on the left.", "move(-1, 0)"),
    Action("grid.right", "right,l", "right", "Move to the picture on the right.", "move(1, 0)"),
    Action("grid.up", "up,k", "up", "Move up a row.", "move(0, -1)"),
    Action("grid.down", "down,j", "down", "Move down a row.", "move(0, 1)"),
    Action("grid.page_up", "pageup,ctrl+u", "page up", "Move up a page.", "page(-1)"),
    Action("grid.page_down", "pagedown,ctrl+d", "page down", "Move down a page.", "page(1)"),
    Action("grid.first", "home,g", "first", "Move to the first picture."),
    Action("grid.last", "end,G", "last", "Move to the last picture."),
    Action("grid.select", "space", "select", "Select or deselect the picture."),
    Action("grid.open", "enter", "open", "Open the picture as large as the terminal allows."),
)
_LIST = (
    Action("list.up", "k", "up", "Move up in the list.", "cursor_up"),
    Action("list.down", "j", "down", "Move down in the list.", "cursor_down"),
    Action("list.first", "g", "first", "Move to the top of the list."),
    Action("list.last", "G", "last", "Move to the end of the list."),
)
_WIZARD = (
    Action("wizard.import", "ctrl+r", "import", "Copy the photos that can be used.", "start", True),
    Action("wizard.cancel", "escape", "cancel", "Stop, or leave without importing.", footer=True),
)
_RATINGS = tuple(
    (
        str(stars),
        "rate" if stars else "no rating",
        "Give one to five stars."
        if stars == 1
        else f"Give {stars} of 5 stars."
        if stars
        else "Take the rating away.",
        f"rate({stars})",
        stars == 1,
        "1–5" if stars == 1 else "",
    )
    for stars in (1, 2, 3, 4, 5, 0)
)


def _rated(scope: str) -> Iterator[Action]:
    for key, label, tooltip, run, footer, display in _RATINGS:
        yield Action(f"{scope}.rate_{key}", key, label, tooltip, run, footer, display=display)


def _judged(scope: str) -> Iterator[Action]:
    """What can be done with a picture, in the grid and in the full-size view alike."""
    yield from _rated(scope)
    yield Action(f"{scope}.reject", "x", "reject", "Hide the picture from the gallery.", "reject(True)", True)
    yield Action(f"{scope}.restore", "u", "undo", "Bring the last rejected picture back.", "restore")
    yield Action(f"{scope}.recall", "r", "recall", "Open the recipe of the picture in Generate.", footer=True)
    yield Action(f"{scope}.export", "o", "export", "Copy the selected pictures to a folder.", footer=True)


def _culled(scope: str) -> Iterator[Action]:
    """What sorts photos out, in the grid and in the full-size view alike."""
    yield Action(
        f"{scope}.use", "u", "use", "Train on this photo; takes back out and hold out.", "mark('train')", True
    )
    yield Action(f"{scope}.out", "x", "out", "Leave this photo out; nothing is deleted.", "mark('out')", True)
    yield Action(f"{scope}.hold_out", "o", "hold out", "Keep this photo to measure with.", "mark('holdout')", True)
    yield Action(f"{scope}.this_one", "d", "this one", "Use this photo and leave those like it out.", "", True)
    yield from _rated(scope)
    yield Action(f"{scope}.heavier", "plus,equals_sign", "heavier", "Let it count twice as much.", "weigh(2)")
    yield Action(f"{scope}.lighter", "minus", "lighter", "Let it count half as much.", "weigh(0.5)")
    yield Action(f"{scope}.undo", "U,backspace", "undo", "Take back what was done last, and so on.", footer=True)
    yield Action(f"{scope}.advance", "a", "go on or stay", "Go on to the next photo after each mark, or stay.")


_DATASETS = (
    *_culled("datasets"),
    Action(
        "datasets.filter",
        "slash",
        "filter",
        "Show only what has these words, or flag:blur, rating>=3.",
        footer=True,
    ),
    Action("datasets.sort", "s", "sort", "Change the order of the photos to the next one.", footer=True),
    Action("datasets.order", "S", "orders", "Choose the order of the photos from a list."),
    Action("datasets.large", "f", "large", "Make the photo large beside a narrow grid, or not.", footer=True),
    Action("datasets.caption", "e", "caption", "Edit the caption in place.", footer=True),
    Action("datasets.captions", "C", "captions", "Edit the captions of many photos at once.", footer=True),
    Action("datasets.crop", "c", "crop", "Choose the part of the photo that is trained on.", footer=True),
    Action("datasets.mask", "M", "mask", "Draw where the subject is in the photo."),
    Action("datasets.look", "R", "local model", "Let a model on this disk describe or mask the photos."),
    Action("datasets.train", "t", "train", "Train on this dataset.", footer=True),
    Action("datasets.import", "i", "import", "Bring photos from a folder into a dataset.", "import_photos", True),
    Action("datasets.caption_editor", "ctrl+e", "caption in editor", "Edit the caption in $EDITOR."),
    Action("datasets.out_flagged", "F", "flagged out", "Leave every flagged photo out that is shown. Asks first."),
    Action("datasets.select_all", "A", "select all", "Select every photo that is shown, or none."),
    Action("datasets.copy_path", "y", "copy path", "Copy the path of the photo."),
    Action("datasets.demo", "D", "demo", "See the whole loop on a made-up person first.", "app.demo", True),
)
_GALLERY = (
    *_judged("gallery"),
    Action("gallery.compare", "v", "compare", "Put two to four selected pictures side by side.", footer=True),
    Action("gallery.duel", "D", "duel", "Choose between two, again and again, until one is best.", footer=True),
    Action("gallery.search", "slash", "find", "Find by words, rating>=3, adapter:NAME, seed:N.", footer=True),
    Action("gallery.copy_path", "y", "copy path", "Copy the path of the picture."),
    Action("gallery.rejected", "X", "rejected too", "Show rejected pictures as well, or hide them again."),
)
_FULL = (
    Action("full.previous", "left,h", "before", "Show the picture before.", "step(-1)", True),
    Action("full.next", "right,l", "after", "Show the picture after.", "step(1)", True),
    Action("full.first", "home,g", "first", "Show the first picture.", "step(-999999)"),
    Action("full.last", "end,G", "last", "Show the last picture.", "step(999999)"),
    Action("full.copy_path", "y", "copy path", "Copy the path of the picture."),
)
_VIEWER = tuple(_judged("viewer"))
_CULL = tuple(_culled("cull"))
_COMPARE = (
    Action("compare.left", "left,h", "left", "Look at the picture on the left.", "move(-1)", True),
    Action("compare.right", "right,l", "right", "Look at the picture on the right.", "move(1)", True),
    *_rated("compare"),
)
_COMPARE_RUNS = (
    Action(
        "compare_runs.before", "up,k", "prompt before", "Show what was drawn for the prompt before.", "prompt(-1)"
    ),
    Action(
        "compare_runs.next", "down,j", "next prompt", "Show what was drawn for the next prompt.", "prompt(1)", True
    ),
    Action("compare_runs.earlier", "left,h", "earlier", "Show the samples of an earlier step.", "scrub(-1)", True),
    Action("compare_runs.later", "right,l", "later", "Show the samples of a later step.", "scrub(1)", True),
)
_DUEL = (
    Action("duel.left", "left,h", "the left one", "The left picture is better.", "choose(0)", True),
    Action("duel.right", "right,l", "the right one", "The right picture is better.", "choose(1)", True),
    Action("duel.undo", "u", "undo", "Take the last choice back.", footer=True),
)
_BASES = (
    Action("bases.add", "i", "add a base", "Add a base that is on this disk.", footer=True),
    Action("bases.add_adapter", "a", "add an adapter", "Add an adapter file that is on this disk.", footer=True),
    Action("bases.export", "o", "export", "Write the adapter as a file for other tools.", footer=True),
    Action("bases.copy_path", "y", "copy path", "Copy the path.", footer=True),
)
_ADDING = (
    Action("adding.add", "ctrl+r", "add", "Read the chosen bases through and add them.", "start", True),
    Action("adding.take", "space", "choose", "Choose the base, or leave it out.", footer=True),
    Action("adding.take_all", "A", "choose all", "Choose every base, or none."),
    Action("adding.cancel", "escape", "cancel", "Stop the reading, or leave.", footer=True),
)
_PRIVACY = (
    Action("privacy.prove", "p", "prove it", "Try every way out from inside the lock.", footer=True),
    Action("privacy.copy_path", "y", "copy path", "Copy the path of Zen's folder.", footer=True),
)
_PLOT = (
    Action("plot.left", "left,h", "read left", "Read the loss a little further left.", "read(-1)"),
    Action("plot.right", "right,l", "read right", "Read the loss a little further right.", "read(1)"),
    Action(
        "plot.far_left", "shift+left,pageup", "far left", "Read the loss ten columns further left.", "read(-10)"
    ),
    Action(
        "plot.far_right", "shift+right,pagedown", "far right", "Read it ten columns further right.", "read(10)"
    ),
    Action("plot.first", "home", "first step", "Read the loss of the first step.", "read_first"),
    Action("plot.last", "end", "newest step", "Read the loss of the newest step.", "read_last"),
)
_SAMPLES = (
    Action("samples.left", "left,h", "before", "Show the sample of an earlier step.", "scrub(-1)"),
    Action("samples.right", "right,l", "after", "Show the sample of a later step.", "scrub(1)"),
    Action("samples.up", "up,k", "prompt before", "Show the samples of the prompt before.", "prompt(-1)"),
    Action("samples.down", "down,j", "next prompt", "Show the samples of the next prompt.", "prompt(1)"),
    Action("samples.first", "home", "first step", "Show the first sample.", "scrub(-9999)"),
    Action("samples.last", "end,G", "newest step", "Show the newest sample and follow.", "scrub(9999)"),
    Action("samples.open", "enter", "full size", "Show the sample as large as the terminal allows."),
)
_BOARD = (
    Action("board.left", "left,h", "left", "Move to the picture on the left.", "move(-1, 0)"),
    Action("board.right", "right,l", "right", "Move to the picture on the right.", "move(1, 0)"),
    Action("board.up", "up,k", "up", "Move up a row.", "move(0, -1)"),
    Action("board.down", "down,j", "down", "Move down a row.", "move(0, 1)"),
    Action("board.first", "home", "first", "Move to the first picture."),
    Action("board.last", "end,G", "last", "Move to the last picture."),
    Action("board.open", "enter", "full size", "Show the picture as large as the terminal allows."),
)
_TRAIN = (
    Action("train.start", "ctrl+r", "start", "Put this training on the queue and watch it.", footer=True),
    Action("train.more", "f2", "more settings", "Show the rest of the settings, or fold them away.", footer=True),
    Action(
        "train.defaults", "f4", "defaults", "Go back to the settings that suit this base and preset.", footer=True
    ),
    Action(
        "train.open",
        "ctrl+o",
        "open settings",
        "Take the settings of a file or a run.",
        "open_settings",
        True,
        True,
    ),
    Action("train.save", "f6", "save settings", "Write these to a file.", "save_settings", True, True),
)
_RUN = (
    Action("run.pause", "p", "pause", "Pause the run after a checkpoint, or take it up again.", footer=True),
    Action("run.sample", "s", "sample now", "Draw the sample pictures after this step.", footer=True),
    Action("run.checkpoint", "c", "checkpoint now", "Save a checkpoint after this step.", footer=True),
    Action("run.stop", "x", "stop", "End the run; what it has saved is kept. Asks first.", footer=True),
    Action("run.extend", "e", "go on", "Let a run that ended or was stopped learn for more steps.", footer=True),
    Action(
        "run.fork", "b", "branch", "Begin a new run from the newest checkpoint, with other settings.", footer=True
    ),
    Action("run.log_scale", "L", "log scale", "Draw the loss on a logarithmic scale, or not.", footer=True),
    Action("run.fit", "f", "fit", "Fit the plot to the steps so far, or show the whole run.", footer=True),
    Action("run.notes", "n", "notes", "Show what the run said, its warnings and its log.", footer=True),
    Action("run.make", "m", "make pictures", "Open Generate with what this run learned.", footer=True),
)
_GENERATE = (
    Action("generate.make", "ctrl+r", "make them", "Put these pictures on the queue.", "", True, True),
    Action("generate.sheet", "ctrl+o", "open sheet", "Open a text file of prompts.", "open_sheet", True, True),
    Action("generate.editor", "ctrl+e", "in editor", "Edit the prompts in $EDITOR.", "edit", True, True),
    Action("generate.adapters", "f3", "adapters", "Choose adapters and their weights.", footer=True),
    Action("generate.settings", "f2", "settings", "Go to size, steps, guidance, seed and count.", footer=True),
    Action("generate.board", "f4", "pictures", "Go to the pictures.", "pictures", True),
)
_CHOOSER = (
    Action("chooser.take", "space", "take", "Take the adapter, or leave it."),
    Action("chooser.heavier", "plus", "heavier", "Give the adapter more weight.", "weigh(1)"),
    Action("chooser.lighter", "minus", "lighter", "Give the adapter less weight.", "weigh(-1)"),
    Action("chooser.leave", "escape", "leave", "Leave without changing anything."),
)
_EXPORT = (
    Action("export.take", "space", "keep", "Keep a key of the old header, or leave it out."),
    Action("export.next_format", "f2", "format", "Choose the next format that other tools read."),
    Action("export.leave", "escape", "leave", "Leave without writing anything."),
)
_JOBS = (
    Action("jobs.open", "enter", "open", "Open the run, or the pictures of the job.", footer=True),
    Action("jobs.pause", "p", "pause", "Pause the job, or take it up again.", footer=True),
    Action("jobs.cancel", "x", "cancel", "End the job; what it has made is kept. Asks first.", footer=True),
    Action("jobs.earlier", "K,shift+up", "earlier", "Move the job up in the queue.", "shift(-1)", True),
    Action("jobs.later", "J,shift+down", "later", "Move the job down in the queue.", "shift(1)", True),
    Action("jobs.select", "space", "select", "Select the training, to compare it, or not."),
    Action("jobs.compare", "v", "compare", "Put two to four selected trainings side by side.", footer=True),
    Action("jobs.log", "L", "log", "Show or hide the log of the job.", footer=True),
)

ACTIONS: dict[str, tuple[Action, ...]] = {
    "app": _APP, "grid": _GRID, "list": _LIST, "datasets": _DATASETS, "wizard": _WIZARD, "train": _TRAIN,
    **EDITORS,
    "run": _RUN,
    "plot": _PLOT, "samples": _SAMPLES, "board": _BOARD, "chooser": _CHOOSER, "export": _EXPORT,
    "generate": _GENERATE, "gallery": _GALLERY, "full": _FULL, "viewer": _VIEWER, "cull": _CULL,
    "compare": _COMPARE, "compare_runs": _COMPARE_RUNS, "duel": _DUEL,
    "jobs": _JOBS, "bases": _BASES, "adding": _ADDING, "privacy": _PRIVACY,
}  # fmt: skip

TOGETHER: dict[str, tuple[str, ...]] = {
    "datasets": ("datasets", "grid", "list", "app"),
    "captions": ("captions", "grid", "list", "app"),
    "rectangle": ("rectangle", "app"),
    "crop": ("crop", "rectangle", "app"),
    "mask": ("mask", "rectangle", "app"),
    "look": ("look",),
    "wizard": ("wizard", "app"),
    "train": ("train", "app"),
    "run": ("run", "plot", "samples", "app"),
    "generate": ("generate", "board", "app"),
    "gallery": ("gallery", "grid", "app"),
    "full": ("full", "app"),
    "viewer": ("viewer", "full", "app"),
    "cull": ("cull", "full", "app"),
    "compare": ("compare", "app"),
    "compare_runs": ("compare_runs", "app"),
    "duel": ("duel", "app"),
    "chooser": ("chooser", "list"),
    "export": ("export", "list"),
    "jobs": ("jobs", "list", "app"),
    "bases": ("bases", "list", "app"),
    "adding": ("adding", "list", "app"),
    "privacy": ("privacy", "app"),
}
# Keys that a screen takes from the app on purpose: digits rate in these, escape stops what goes on first, and an
# editor says what it leaves behind.
OVERRIDES = {
    **{scope: set("12345") for scope in ("datasets", "cull", "gallery", "viewer", "compare")},
    **{scope: {"escape"} for scope in ("wizard", "adding")},
    **{scope: {"escape", "q"} for scope in ("rectangle", "crop", "mask")},
}


def bindings(scope: str) -> list[BindingType]:
    """The Textual bindings of a scope, for its class's `BINDINGS`."""
    return [
        Binding(
            action.key,
            action.action,
            action.label,
            show=action.footer,
            key_display=action.display or None,
            priority=action.priority,
            tooltip=action.tooltip,
            id=action.id,
        )
        for action in ACTIONS[scope]
        if action.key
    ]


def scopes(scope: str) -> tuple[str, ...]:
    """The scopes whose keys work together with `scope`, itself first."""
    return TOGETHER.get(scope, (scope, "app"))
