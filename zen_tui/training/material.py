"""What a run trains on: its photos and captions, fixed at its start, as latents and text embeddings.

Both are kept in the dataset's cache under a key of everything they depend on, so that the encoders run
once a photo and once a caption, and not at all in the next run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.library.durable import replacing
from zen_tui.library.errors import BadFile
from zen_tui.library.records import Crop
from zen_tui.photos.open import open_upright
from zen_tui.training.beginning import Example

Report = Callable[[str, int, int], None]
"""Told what is done ('reading photos'), how many, of how many; may raise to stop the work."""


@dataclass(frozen=True)
class Material:
    """All that the loop needs of photos and captions.

    `latents` is (N, C, h, w), one row a photo, on the CPU; `captions` has a row a text, on the device.
    `caption_rows` and `plain_rows` give each photo's text, `blank` the row of the empty one. `train` holds
    row numbers with repeats, `held_out` those kept for scoring.
    """

    latents: Tensor
    captions: Cond
    caption_rows: list[int]
    plain_rows: list[int]
    blank: int
    train: list[int]
    held_out: list[int]


def gather(family: Family, examples: list[Example], resolution: int, cache: Path, report: Report) -> Material:
    """Read or make latents and embeddings; encoders are loaded only if something is missing, and released."""
    latents = _photo_latents(family, examples, resolution, cache, report)
    texts = list(dict.fromkeys(["", *(t for e in examples for t in (e.caption, e.plain_caption))]))
    rows = {text: row for row, text in enumerate(texts)}
    captions = _captions(family, texts, cache, report)
    return Material(
        latents=latents,
        captions=captions.to(family.device),
        caption_rows=[rows[example.caption] for example in examples],
        plain_rows=[rows[example.plain_caption] for example in examples],
        blank=rows[""],
        train=[row for row, e in enumerate(examples) if not e.held_out for _ in range(max(1, e.repeats))],
        held_out=[row for row, e in enumerate(examples) if e.held_out],
    )


def pixels(example: Example, resolution: int) -> Tensor:
    """The photo as the model sees it: upright, cropped to the middle square of its crop, (3, R, R) in 0..1.

    Raises:
        BadFile: the stored photo is gone or damaged.
    """
    short = min(example.width, example.height) or resolution
    enough = None if example.crop else -(-2 * resolution * max(example.width, example.height) // short)
    try:
        picture = open_upright(Path(example.path), largest=enough)
    except BadFile as error:
        raise BadFile(
            f"A photo of the dataset cannot be read: {Path(example.path).name}, {error.message}.",
            "Take it out of the dataset, or import it again.",
        ) from None
    square = picture.resize((resolution, resolution), Image.Resampling.LANCZOS, box=_square(picture, example.crop))
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255


def _square(picture: Image.Image, crop: Crop | None) -> tuple[float, float, float, float]:
    crop = crop or Crop(0, 0, 1, 1)
    left, top = crop.left * picture.width, crop.top * picture.height
    width, height = crop.right * picture.width - left, crop.bottom * picture.height - top
    side = min(width, height)
    left, top = left + (width - side) / 2, top + (height - side) / 2
    return left, top, left + side, top + side


def _photo_latents(
    family: Family, examples: list[Example], resolution: int, cache: Path, report: Report
) -> Tensor:
    encoder = fingerprint(family, [family.profile.vae])
    found: list[Tensor] = []
    for done, example in enumerate(examples):
        report("reading photos", done, len(examples))
        file = cache / f"latents-{_key(example.hash, example.crop, resolution, encoder)}.safetensors"
        kept = _read(file)
        if kept is None:
            kept = {"latents": family.latents(pixels(example, resolution)[None])[0].cpu()}
            _write(file, kept)
        found.append(kept["latents"])
    report("reading photos", len(examples), len(examples))
    family.release("vae")
    return torch.stack(found)


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
