"""The keys of what works on photos: the editors of captions, crops and masks, and the window of local models."""

from __future__ import annotations

from zen_tui.tui.action import Action

_RECTANGLE = (
    Action("rectangle.keep", "enter", "keep", "Keep this, and go back.", footer=True),
    Action("rectangle.left", "left,h", "left", "Move to the left.", "nudge(-1, 0)"),
    Action("rectangle.right", "right,l", "right", "Move to the right.", "nudge(1, 0)"),
    Action("rectangle.up", "up,k", "up", "Move up.", "nudge(0, -1)"),
    Action("rectangle.down", "down,j", "down", "Move down.", "nudge(0, 1)"),
    Action("rectangle.far_left", "shift+left,H", "far left", "Move far to the left.", "nudge(-1, 0, True)"),
    Action("rectangle.far_right", "shift+right,L", "far right", "Move far to the right.", "nudge(1, 0, True)"),
    Action("rectangle.far_up", "shift+up,K", "far up", "Move far up.", "nudge(0, -1, True)"),
    Action("rectangle.far_down", "shift+down,J", "far down", "Move far down.", "nudge(0, 1, True)"),
    Action("rectangle.larger", "plus,equals_sign", "size", "Make it larger.", "size(1)", True, display="+ -"),
    Action("rectangle.smaller", "minus,underscore", "smaller", "Make it smaller.", "size(-1)"),
    Action("rectangle.much_larger", "pageup", "much larger", "Make it much larger.", "size(1, True)"),
    Action("rectangle.much_smaller", "pagedown", "much smaller", "Make it much smaller.", "size(-1, True)"),
    Action("rectangle.side", "tab", "side", "Choose what arrows move: all, or one side.", "side(1)", True),
    Action("rectangle.side_before", "shift+tab", "side before", "Choose the side before.", "side(-1)"),
    Action("rectangle.undo", "u", "undo", "Take the last change of this photo back.", footer=True),
    Action(
        "rectangle.next", "n", "photos", "Keep this, and go to the next photo.", "photo(1)", True, display="n p"
    ),
    Action("rectangle.previous", "p", "photo before", "Keep this, and go to the photo before.", "photo(-1)"),
    Action("rectangle.leave", "escape,q", "leave", "Go back without keeping what changed in this photo."),
)
_CROP = (
    Action("crop.shape", "r", "shape", "Hold another shape: free, square, 2:3 and so on.", "shape(1)", True),
    Action("crop.shape_before", "R", "shape before", "Hold the shape before.", "shape(-1)"),
    Action("crop.whole", "0", "whole photo", "Take the whole photo.", footer=True),
    Action("crop.suggest", "f", "suggest", "Keep the head and shoulders, or the subject.", footer=True),
    Action("crop.aspect", "b", "as trained", "See it as a training in squares does, or one in many shapes."),
    Action("crop.resolution", "z", "resolution", "See it as a training at another resolution does."),
)
_MASK = (
    Action("mask.add", "a", "add", "Add a rectangle.", footer=True),
    Action(
        "mask.kind",
        "space",
        "subject or not",
        "Say that the rectangle is subject, or that it is not.",
        footer=True,
    ),
    Action("mask.other", "o", "other one", "Take up the next rectangle.", footer=True),
    Action("mask.drop", "d", "drop", "Take the rectangle away.", footer=True),
    Action("mask.clear", "x", "no mask", "Take the mask away: all of the photo counts.", footer=True),
)
_LOOK = (
    Action("look.task", "f2", "describe or mask", "Describe the photos, or mask them."),
    Action("look.overwrite", "f3", "replace", "Replace what people wrote or drew too, or leave it."),
    Action("look.leave", "escape", "leave", "Leave without queueing anything."),
)
_CAPTIONS = (
    Action("captions.edit", "e", "edit", "Edit the caption of this photo in place.", footer=True),
    Action("captions.add_tag", "a", "add tag", "Add a tag at the end of the captions.", "field('tag')", True),
    Action("captions.first_tag", "f", "first tag", "Add a tag at their front.", "field('tag', True)"),
    Action(
        "captions.remove_tag", "x", "tag out", "Take the tag under the cursor out of the captions.", footer=True
    ),
    Action("captions.replace", "r", "replace", "Find words and put others in their place.", "field('old')", True),
    Action("captions.undo", "u", "undo", "Take back the last change, and the ones before it.", footer=True),
    Action("captions.template", "m", "template", "Write the captions from a template.", footer=True),
    Action("captions.before", "p", "before", "Put words before the captions.", "field('before')", True),
    Action("captions.after", "s", "after", "Put words after the captions.", "field('after')", True),
    Action(
        "captions.tags",
        "t",
        "tags",
        "Go to the tags; enter selects the photos with one.",
        footer=True,
    ),
    Action("captions.flagged", "w", "faulty", "Select photos with faulty captions.", "select_flagged", True),
    Action("captions.describe", "R", "describe", "Let a model on this disk write the captions.", footer=True),
    Action("captions.select_all", "A", "select all", "Select every photo, or none.", footer=True),
    Action("captions.base", "b", "read as", "Count tokens as the next base reads them.", "next_base", True),
    Action("captions.whole_words", "f2", "whole words", "Find only words that stand alone, or parts too."),
    Action("captions.same_case", "f3", "same case", "Find only the same upper and lower case, or any."),
)

EDITORS: dict[str, tuple[Action, ...]] = {
    "captions": _CAPTIONS,
    "rectangle": _RECTANGLE,
    "crop": _CROP,
    "mask": _MASK,
    "look": _LOOK,
}
