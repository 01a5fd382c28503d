"""WD14 taggers: not sentences but the names of what is seen, each with how sure the model is.

The model reads 448 pixels, blue before green before red, on white; github.com/SmilingWolf. Its file is run by
onnxruntime, which is an extra of Zen's.
"""

from __future__ import annotations

import csv
import importlib.util
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from zen_tui.exchange.captioners import TAGGER, TAGS, Captioner
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.text import clean, shown
from zen_tui.vision.captioner import Describer

GENERAL, CHARACTER = "0", "4"  # what `category` says in selected_tags.csv; 9 rates how decent the picture is
SURE = {GENERAL: 0.35, CHARACTER: 0.85}  # from here on a tag is given
SHORT = 4  # letters; what is shorter and has an underscore is a face such as ^_^


class Tag(NamedTuple):
    """A row of the table: its name as a person writes it, and its category."""

    name: str
    category: str


class Tagger(Describer):
    """A tagger's `model.onnx` with its `selected_tags.csv`.

    Raises:
        Refused: onnxruntime is not installed.
        BadFile: one of the two files is damaged.
    """

    def __init__(self, found: Captioner, device: torch.device) -> None:
        super().__init__(found, device)
        if importlib.util.find_spec("onnxruntime") is None:
            raise Refused(
                "Taggers are run by onnxruntime, which is not installed.",
                'Install it: pip install "zen-tui[tagger]".',
            )
        self.tags = _tags(found)
        self.session = _session(found)
        self.input = self.session.get_inputs()[0]
        self.side = next((size for size in self.input.shape[1:3] if isinstance(size, int)), 448)

    def describe(self, photo: Image.Image, prompt: str, length: int) -> tuple[str, bool]:
        """The names of what is seen, the surest first, `length` of them at most; `prompt` is not read."""
        scores = self.session.run(None, {self.input.name: _pixels(photo, self.side)})[0][0]
        if len(scores) != len(self.tags):
            raise BadFile(
                f"{TAGS} in {shown(self.found.folder)} has {len(self.tags)} tags and the model {len(scores)}.",
                "Get both files of the same model.",
            )
        seen = [
            (float(score), tag.name)
            for score, tag in zip(scores, self.tags, strict=True)
            if score > SURE.get(tag.category, np.inf)
        ]
        return ", ".join(name for _, name in sorted(seen, reverse=True)[:length]), True


def _pixels(photo: Image.Image, side: int) -> Any:
    """(1, side, side, 3) in 0..255, blue first, the photo in the middle of white."""
    square = Image.new("RGB", (max(photo.size),) * 2, (255, 255, 255))
    square.paste(photo, ((square.width - photo.width) // 2, (square.height - photo.height) // 2))
    small = square.resize((side, side), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(small, dtype=np.float32)[None, :, :, ::-1])


def _tags(found: Captioner) -> list[Tag]:
    try:
        with open(found.folder / TAGS, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [Tag(_plain(row["name"]), row["category"]) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError):
        raise BadFile(f"{TAGS} in {shown(found.folder)} is damaged.", "Get the file again.") from None


def _plain(name: str) -> str:
    name = clean(name, 100)
    return name if len(name) < SHORT else name.replace("_", " ")


def _session(found: Captioner) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is told as a sentence
    try:
        able = onnxruntime.get_available_providers()
        wanted = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in able]
        return onnxruntime.InferenceSession(str(found.folder / TAGGER), options, providers=wanted)
    except Exception as error:  # onnxruntime has a dozen exceptions of its own
        reason = clean(str(error).splitlines()[0] if str(error) else type(error).__name__, 200)
        raise BadFile(f"{TAGGER} in {shown(found.folder)} cannot be loaded: {reason}.", "Get it again.") from error
