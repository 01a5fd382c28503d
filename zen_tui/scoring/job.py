"""The job that compares a base with its adapter: who is in the pictures, and do they obey their prompts."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from zen_tui.exchange.bases import base_folder
from zen_tui.library import datasets, models, pictures
from zen_tui.library.database import Database
from zen_tui.library.durable import write_file
from zen_tui.library.errors import BadFile, ZenError
from zen_tui.library.events import AnyEvent, Feed, Interrupted, Progress
from zen_tui.library.mannequin_specs import MannequinScoreSpec
from zen_tui.library.paths import Home
from zen_tui.library.records import Picture, Run
from zen_tui.photos.open import open_upright
from zen_tui.scoring import adherence, identity
from zen_tui.scoring.asked import shows_identity
from zen_tui.scoring.contact import Row, contact_sheet
from zen_tui.scoring.loss_png import loss_plot

OTHERS = 49  # people that the right one is told from
SIDE = 128  # pixels of the pictures that the readers know
SHOWN = 3  # pictures of a prompt on the sheet


@dataclass(frozen=True)
class Readers:
    """What looks at pictures (uint8, N x 3 x 128 x 128), and the other people (M, D)."""

    identity: Callable[[Tensor], Tensor]
    attributes: Callable[[Tensor], Sequence[adherence.Seen]]
    others: Tensor


def mannequin_score(spec: MannequinScoreSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Score the pictures of both jobs, draw the contact sheet and the loss.

    Returns:
        `identity` and `adherence`, each with `base` and `adapter` in 0..1; `attributes` with the same by
        attribute; `pictures`, how many were looked at; the paths `sheet` and `loss`.

    Raises:
        ZenError: one of the jobs has no pictures.
        BadFile: the run's base has no readers beside it: it is not the built-in one.
    """
    run = models.run_by_id(db, spec.run)
    base = models.base_by_id(db, run.base_id)
    return score(spec, feed, db, home, load_readers(base_folder(base) / "readers"))


def load_readers(folder: Path) -> Readers:
    """The readers that travel with the built-in base. Raises `BadFile` when they are not in `folder`."""
    from zen_tui.mannequins.readers import gallery, load_attribute_reader, load_identity_reader

    try:
        return Readers(
            identity=load_identity_reader(folder),
            attributes=load_attribute_reader(folder),
            others=gallery(OTHERS, folder=folder),
        )
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:  # missing, torn, or of another shape
        raise BadFile(
            f"The readers that score pictures cannot be loaded from {folder}.", "Install Zen again."
        ) from error


def score(spec: MannequinScoreSpec, feed: Feed, db: Database, home: Home, readers: Readers) -> dict[str, Any]:
    """As `mannequin_score`, with any readers."""
    run = models.run_by_id(db, spec.run)
    dataset = datasets.dataset(db, spec.dataset)
    paths = [home.photo(dataset.slug, p.hash, p.suffix) for p in datasets.photos(db, dataset.id, usable=True)]
    photos = [open_upright(path) for path in paths]
    person = identity.mean_identity(readers.identity(as_tensor(photos)))

    result: dict[str, Any] = {name: {} for name in ("identity", "adherence", "attributes", "pictures")}
    drawn: dict[str, list[tuple[Picture, Image.Image]]] = {}
    for done, (who, job_id) in enumerate((("base", spec.base_job), ("adapter", spec.adapter_job))):
        if how := feed.asked():
            raise Interrupted(how)
        feed.tell(Progress(what="scoring pictures", done=done, total=2))
        made = pictures.of_job(db, job_id)
        if not made:
            raise ZenError(f"Job {job_id} has no pictures to score.", "Make its pictures first.")
        drawn[who] = [(picture, open_upright(home.resolve(picture.path))) for picture in made]
        seen = as_tensor([image for _, image in drawn[who]])
        prompts = [picture.prompt for picture in made]
        counts = adherence.by_attribute(prompts, readers.attributes(seen))
        legible = [n for n, prompt in enumerate(prompts) if shows_identity(prompt)]
        faces = readers.identity(seen[legible])
        result["identity"][who] = round(identity.top1(faces, person, readers.others), 4) if legible else 0.0
        result["adherence"][who] = round(adherence.share(counts.values()), 4)
        result["attributes"][who] = {name: round(right / total, 4) for name, (right, total) in counts.items()}
        result["pictures"][who] = len(made)
    feed.tell(Progress(what="scoring pictures", done=2, total=2))

    sheet = Path(spec.sheet)
    loss = sheet.with_name(f"{sheet.stem}-loss.png")
    write_png(_sheet(dataset.slug, photos, drawn, result), sheet)
    write_png(loss_plot(events_of(home, run), title=f"Loss of {run.slug}"), loss)
    return {**result, "sheet": str(sheet), "loss": str(loss)}


def as_tensor(images: Sequence[Image.Image]) -> Tensor:
    """Pictures as (N, 3, 128, 128) uint8."""
    small = [image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS) for image in images]
    rows = [torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8) for image in small]
    return torch.stack(rows).reshape(-1, SIDE, SIDE, 3).permute(0, 3, 1, 2).contiguous()


def events_of(home: Home, run: Run) -> list[AnyEvent]:
    """The events of the job that trained `run`; lines that cannot be read are left out."""
    path = home.events(run.job_id) if run.job_id is not None else None
    decoder = msgspec.json.Decoder(AnyEvent)
    events: list[AnyEvent] = []
    for line in path.read_bytes().splitlines() if path and path.exists() else []:
        try:
            events.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return events


def write_png(image: Image.Image, path: Path) -> None:
    """Write `image` to `path`, durably."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    write_file(path, buffer.getvalue())


def _sheet(
    name: str,
    photos: list[Image.Image],
    drawn: dict[str, list[tuple[Picture, Image.Image]]],
    result: dict[str, Any],
) -> Image.Image:
    """The contact sheet: base beside adapter, one row a prompt."""
    columns = []
    for pairs in drawn.values():
        by_prompt: dict[str, list[Image.Image]] = {}
        for picture, image in pairs:
            by_prompt.setdefault(picture.prompt, []).append(image)
        columns.append([(prompt, images[:SHOWN]) for prompt, images in by_prompt.items()])
    nothing: tuple[str, list[Image.Image]] = ("", [])
    pairs_of_rows = itertools.zip_longest(*columns, fillvalue=nothing)
    rows = [Row(adapter[0] or base[0], [base[1], adapter[1]]) for base, adapter in pairs_of_rows]
    notes = [
        f"the right person in {result['identity'][who]:.0%} of pictures, "
        f"the prompt kept to {result['adherence'][who]:.0%}"
        for who in drawn
    ]
    return contact_sheet(
        rows,
        ["the base alone", f"with {name}"],
        title=f"{name}: someone the base has never seen",
        photos=photos,
        photos_title=f"Learned from {len(photos)} photos such as these.",
        notes=notes,
    )
