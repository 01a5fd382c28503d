"""Who is in a picture, told by whatever can tell it here: the readers of the built-in base, else faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor

from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home
from zen_tui.photos import faces
from zen_tui.photos.likeness import AGREE, own_likeness
from zen_tui.photos.measure import SIDE
from zen_tui.photos.open import open_upright
from zen_tui.scoring.adherence import Seen
from zen_tui.scoring.asked import asked, shows_identity
from zen_tui.scoring.identity import mean_identity
from zen_tui.scoring.job import Readers, as_tensor, load_readers


class Eyes(Protocol):
    """What tells people apart, by a unit vector of each picture."""

    by: str
    """Its name beside the scores."""

    def look(self, images: Sequence[Image.Image]) -> list[Tensor | None]:
        """Who is in each picture, (D,); None where nobody is found."""

    def can_read(self, prompt: str) -> bool:
        """Whether a picture of `prompt` can show who it is."""


class ReaderEyes:
    """The readers of the built-in base, which see somebody in every picture, and attributes too."""

    by = "identity"

    def __init__(self, readers: Readers) -> None:
        self.readers = readers

    def look(self, images: Sequence[Image.Image]) -> list[Tensor | None]:
        return [*self.readers.identity(as_tensor(images))] if images else []

    def attributes(self, images: Sequence[Image.Image]) -> Sequence[Seen]:
        return self.readers.attributes(as_tensor(images))

    def can_read(self, prompt: str) -> bool:
        return shows_identity(prompt)


class FaceEyes:
    """The largest face of a picture, as SFace sees it; made for photographs."""

    by = "faces"

    def __init__(self, finder: faces.FaceFinder) -> None:
        self.finder = finder

    def look(self, images: Sequence[Image.Image]) -> list[Tensor | None]:
        found = [self.finder.find(_fitted(image)).likenesses for image in images]
        return [torch.tensor(likenesses[0]) if likenesses else None for likenesses in found]

    def can_read(self, prompt: str) -> bool:
        return asked(prompt).get("style", "photo") == "photo"

    def person(
        self, home: Home, slug: str, photos: Sequence[tuple[str, Path]], measured: set[str]
    ) -> Tensor | None:
        """Whose face the photos (content hash and path) with a hash in `measured` share, (D,); None where none
        has a face of the person that most photos show."""
        seen = {}
        for row, (hash, path) in enumerate(photos):
            seen[row] = faces.likenesses_of(home, slug, hash)
            if not seen[row] and hash in measured:
                seen[row] = self.finder.find(_fitted(open_upright(path, largest=SIDE))).likenesses
        own = own_likeness(seen)
        chosen = []
        for row, (hash, _) in enumerate(photos):
            alike, face = own.get(row, (1.0, 0))
            if hash in measured and seen[row] and alike > AGREE:
                chosen.append(seen[row][face])
        return mean_identity(torch.tensor(chosen)) if chosen else None


def eyes_for(readers: Path, kind: str) -> tuple[ReaderEyes | FaceEyes | None, str]:
    """What can tell who is in pictures of the base with its readers at `readers`; else None, and why in words."""
    if kind != "person":
        return None, "Identity is not judged: only people are told apart."
    try:
        return ReaderEyes(load_readers(readers)), ""
    except BadFile:  # every base but the built-in one
        finder = faces.finder()
    return (FaceEyes(finder), "") if finder else (None, f"Identity is not judged. {faces.missing()}")


def _fitted(image: Image.Image) -> Image.Image:
    """`image` with its longest side as the finder wants it."""
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
