"""What a run trains on: its photos, masks and captions, fixed at its start, as latents and text embeddings.

All are kept in the dataset's cache under a key of everything they depend on, so that the encoders run
once a view of a photo and once a caption, and not at all in the next run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.library.durable import replacing
from zen_tui.library.specs import TrainSettings
from zen_tui.training.beginning import Example
from zen_tui.training.buckets import Size, trained_size
from zen_tui.training.masks import coverage, open_mask, weights
from zen_tui.training.pixels import open_photo, pixels
from zen_tui.training.views import View, all_views, plain_view
from zen_tui.training.wordings import wordings

Report = Callable[[str, int, int], None]
"""Told what is done ('reading photos'), how many, of how many; may raise to stop the work."""


@dataclass(frozen=True)
class Material:
    """All that the loop needs of photos and captions.

    `latents` has one tensor a photo, (V, C, h, w): its views, the plain one first; on the CPU. `counted` says
    what the squared error counts at each of them, (V, 1, h, w), None for a photo without a mask. `sizes` are
    those of the photos in pixels. `captions` has a row for each of `texts`, as the base reads it, on the device;
    `caption_rows` gives each photo's text in all its wordings, `plain_rows` the one without the token, `blank` the
    row of the empty one. `train` holds row numbers with repeats, in one list a size; `held_out` those kept for
    scoring; `of_class` those of pictures of the class, which are of one size. `shares` are the photos' weights.
    """

    sizes: list[Size]
    latents: list[Tensor]
    counted: list[Tensor | None]
    texts: list[str]
    captions: Cond
    caption_rows: list[list[int]]
    plain_rows: list[int]
    blank: int
    train: list[list[int]]
    held_out: list[int]
    of_class: list[int]
    shares: list[float]

    def share(self, rows: Sequence[int]) -> Tensor | None:
        """How much the loss of each photo counts, (N,); None where all count alike."""
        found = [self.shares[row] for row in rows]
        return None if all(share == 1 for share in found) else torch.tensor(found)

    def clean(self, rows: Sequence[int], views: Sequence[int]) -> Tensor:
        """The latents of photos of one size, each in the view named, (N, C, h, w)."""
        return torch.stack([self.latents[row][view] for row, view in zip(rows, views, strict=True)])

    def wording(self, row: int, number: int = 0) -> int:
        """The row of a photo's caption, in wording `number`; 0 is as it was written."""
        rows = self.caption_rows[row]
        return rows[number % len(rows)]

    def weights(self, rows: Sequence[int], views: Sequence[int]) -> Tensor | None:
        """What their squared errors count, (N, 1, h, w); None where none of them has a mask."""
        found = [self.counted[row] for row in rows]
        if not any(counted is not None for counted in found):
            return None
        shape = (1, *self.latents[rows[0]].shape[2:])
        return torch.stack(
            [torch.ones(shape) if c is None else c[view] for c, view in zip(found, views, strict=True)]
        )


def gather(
    family: Family, examples: list[Example], settings: TrainSettings, cache: Path, report: Report
) -> Material:
    """Read or make latents and embeddings; encoders are loaded only if something is missing, and released."""
    sizes = [trained_size(e.width, e.height, e.crop, settings, family.multiple) for e in examples]
    seen = [_views(example, size, settings) for example, size in zip(examples, sizes, strict=True)]
    counted = [
        _counted(example, views, family.latent_shape(*size), settings.mask_outside, cache)
        for example, views, size in zip(examples, seen, sizes, strict=True)
    ]
    latents = _photo_latents(family, examples, sizes, seen, cache, report)
    worded = [[e.caption] if e.held_out or e.of_class else wordings(e.caption, settings) for e in examples]
    plain = [e.plain_caption for e in examples]
    texts = list(dict.fromkeys(["", *(text for texts in worded for text in texts), *plain]))
    rows = {text: row for row, text in enumerate(texts)}
    captions = _captions(family, texts, cache, report)
    train: dict[Size, list[int]] = {}
    for row, example in enumerate(examples):
        if not example.held_out and not example.of_class:
            train.setdefault(sizes[row], []).extend([row] * max(1, example.repeats))
    return Material(
        sizes=sizes,
        latents=latents,
        counted=counted,
        texts=texts,
        captions=captions.to(family.device),
        caption_rows=[[rows[text] for text in texts] for texts in worded],
        plain_rows=[rows[text] for text in plain],
        blank=rows[""],
        train=[train[size] for size in sorted(train)],
        held_out=[row for row, e in enumerate(examples) if e.held_out],
        of_class=[row for row, e in enumerate(examples) if e.of_class],
        shares=[e.weight for e in examples],
    )


def _views(example: Example, size: Size, settings: TrainSettings) -> list[View]:
    """How a photo is seen: one that is held out, as it is, and likewise a picture of the class."""
    if example.held_out or example.of_class:
        return [plain_view(example.width, example.height, example.crop, size)]
    return all_views(example.hash, example.width, example.height, example.crop, size, settings)


def _photo_latents(
    family: Family,
    examples: list[Example],
    sizes: list[Size],
    seen: list[list[View]],
    cache: Path,
    report: Report,
) -> list[Tensor]:
    """The views of each photo as latents, (V, C, h, w); a photo is opened once, and not if all are cached."""
    encoder = fingerprint(family, [family.profile.vae])
    done, total = 0, sum(map(len, seen))
    found: list[Tensor] = []
    for example, size, views in zip(examples, sizes, seen, strict=True):
        photo: Image.Image | None = None
        latents: list[Tensor] = []
        for view in views:
            report("reading photos", done, total)
            file = cache / f"latents-{_key(example.hash, view, size, encoder)}.safetensors"
            kept = _read(file)
            if kept is None:
                photo = photo or open_photo(example, size)
                kept = {"latents": family.latents(pixels(photo, view, size)[None])[0].cpu()}
                _write(file, kept)
            latents.append(kept["latents"])
            done += 1
        found.append(torch.stack(latents))
    report("reading photos", total, total)
    family.release("vae")
    return found


def _counted(
    example: Example, views: list[View], shape: tuple[int, int, int], outside: float, cache: Path
) -> Tensor | None:
    """What the squared error of a photo counts at its latents, (V, 1, h, w); None without a mask."""
    if not example.mask:
        return None
    _, rows, columns = shape
    file = cache / f"mask-{_key(example.mask, views, rows, columns)}.safetensors"
    kept = _read(file)
    if kept is None:
        mask = open_mask(example)
        kept = {"covered": torch.stack([coverage(mask, view, rows, columns) for view in views])}
        _write(file, kept)
    return weights(kept["covered"], outside)


def _captions(family: Family, texts: list[str], cache: Path, report: Report) -> Cond:
    encoder = fingerprint(family, family.profile.text_encoders, family.profile.tokenizers)
    found: list[Cond] = []
    for done, text in enumerate(texts):
        report("reading captions", done, len(texts))
        file = cache / f"text-{_key(text, encoder, *family.reading)}.safetensors"
        kept = _read(file)
        if kept is None:
            kept = family.encode([text]).to(torch.device("cpu")).tensors
            _write(file, kept)
        found.append(Cond(kept))
    report("reading captions", len(texts), len(texts))
    family.release("text")
    return Cond.join(found)


def _key(*parts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:40]


def fingerprint(family: Family, models: Sequence[str], tokenizers: Sequence[str] = ()) -> str:
    """What tells these parts of a base from any other: their files by name, size and time of change.

    The files of a large base take minutes to read; that a file changes and keeps all three is not to be feared.
    """
    parts = [family.source.parts[sub] for sub in models if sub in family.source.parts]
    folders = [part.config for part in parts] + [family.source.folder(sub) for sub in tokenizers]
    files = [file for folder in folders for file in sorted(folder.glob("*.json"))]
    files += [file for part in parts for file in part.files]
    known = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return _key([part.prefix for part in parts], known)


def _read(file: Path) -> dict[str, Tensor] | None:
    """What is cached, or None if it is not there or damaged: it can be made again."""
    try:
        return load_file(file) if file.exists() else None
    except (SafetensorError, OSError):
        return None


def _write(file: Path, tensors: dict[str, Tensor]) -> None:
    with replacing(file) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
