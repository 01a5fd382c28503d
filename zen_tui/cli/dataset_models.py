"""`zen datasets describe` and `zen datasets mask`: what local models see in photos, and masks drawn by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zen_tui.cli.dataset_captions import chosen_photos
from zen_tui.cli.output import JsonFlag, WaitFlag, narrate, print_json, say
from zen_tui.cli.waiting import wait_for
from zen_tui.library import datasets as store
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Dataset, Job, Photo
from zen_tui.library.text import plural

Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")]
Photos = Annotated[
    list[int] | None, typer.Option("--photo", metavar="ID", help="A photo's id; again for more; without it, all.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to `zen datasets`."""
    app.command("describe")(describe)
    app.command("mask")(mask)


def describe(
    name: Name,
    model: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder of a model that describes photos.")],
    prompt: Annotated[str | None, typer.Option(help="What the model is asked; else its own question.")] = None,
    prefix: Annotated[
        str | None, typer.Option(help="Goes before each caption; {token} and {class} are filled in.")
    ] = None,
    suffix: Annotated[str, typer.Option(help="Goes behind each caption, likewise.")] = "",
    length: Annotated[int, typer.Option(help="The most tokens of a caption, or tags of a tagger.")] = 128,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also photos that have a caption.")] = False,
    photo: Photos = None,
    wait: WaitFlag = False,
    json: JsonFlag = False,
) -> None:
    """Let a model on this machine write the captions, in the background.

    BLIP, Florence-2, Qwen2.5-VL, Qwen3-VL, LLaVA, JoyCaption and WD14 taggers work. Without --prefix, the token
    and the class word are put where they belong.

    Example: zen datasets describe mara --model ~/models/Florence-2-base --wait
    """
    from zen_tui.jobs.looking import submit_captions

    home = Home.find().create()
    with Database.open(home) as db:
        dataset = store.dataset(db, name)
        job = submit_captions(
            db,
            home,
            dataset,
            model,
            photos=photo or [],
            prompt=prompt,
            prefix=prefix,
            suffix=suffix,
            length=length,
            overwrite=overwrite,
        )
        document = _run(home, db, dataset, job, "describing photos", wait, json)
        if wait:
            ids = document["captioned"]
            made = {p.id: p for p in store.photos(db, dataset.id)}
            document["captioned"] = [{"id": id, "name": made[id].name, "caption": made[id].caption} for id in ids]
    if json:
        print_json(document)
    elif wait:
        for each in document["captioned"]:
            say(f"{each['name']}: {each['caption']}")
        say(f"{dataset.slug}: {plural(len(document['captioned']), 'photo')} captioned, {document['kept']} kept.")
    _fail_if_some_failed(document)


def mask(
    name: Name,
    model: Annotated[
        Path | None, typer.Option(metavar="PATH", help="U²-Net or IS-Net as .onnx, or a BiRefNet folder.")
    ] = None,
    rectangle: Annotated[
        list[str] | None,
        typer.Option(metavar="L,T,R,B", help="Draw it: left,top,right,bottom in fractions; again for more."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take masks away.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also masks drawn or imported.")] = False,
    photo: Photos = None,
    wait: WaitFlag = False,
    json: JsonFlag = False,
) -> None:
    """Say where the subject is: by a model, by rectangles, or not at all.

    Example: zen datasets mask mara --model ~/models/u2netp.onnx --wait
    """
    if sum((model is not None, bool(rectangle), clear)) != 1:
        raise WrongUse("Give one of --model PATH, --rectangle L,T,R,B and --clear.")
    home = Home.find().create()
    with Database.open(home) as db:
        dataset = store.dataset(db, name)
        if model is not None:
            _mask_by_model(home, db, dataset, model, photo or [], overwrite, wait, json)
            return
        if rectangle and not photo:
            raise WrongUse("A rectangle is drawn on one photo, or on several.", "Add --photo ID.")
        chosen = chosen_photos(dataset, store.photos(db, dataset.id), photo or [])
    boxes = [_crop(text) for text in rectangle or []]
    changed = _clear(home, dataset, chosen) if clear else _draw(home, dataset, chosen, boxes, overwrite)
    if json:
        print_json({"dataset": dataset.slug, "photos": [p.id for p in changed]})
    else:
        say(f"{dataset.slug}: {plural(len(changed), 'mask')} {'removed' if clear else 'drawn'}.")


def _mask_by_model(
    home: Home,
    db: Database,
    dataset: Dataset,
    model: Path,
    ids: list[int],
    overwrite: bool,
    wait: bool,
    json: bool,
) -> None:
    from zen_tui.jobs.looking import submit_masks

    job = submit_masks(db, home, dataset, model, photos=ids, overwrite=overwrite)
    document = _run(home, db, dataset, job, "making masks", wait, json)
    if json:
        print_json(document)
    elif wait:
        say(f"{dataset.slug}: {plural(len(document['masked']), 'mask')} made, {document['kept']} kept.")
    _fail_if_some_failed(document)


def _run(
    home: Home, db: Database, dataset: Dataset, job: Job, label: str, wait: bool, json: bool
) -> dict[str, Any]:
    """Start a worker on `job`, and with `wait` follow it to its end; what is to be printed."""
    from zen_tui.jobs.launch import ensure_worker

    document: dict[str, Any] = {"dataset": dataset.slug, "job": job.id}
    if not json:
        narrate(f"Job {job.id}: {job.title}.")
    ensure_worker(home)
    if wait:
        result = wait_for(home, db, job.id, label)
        document |= {"status": "done", **{name: value for name, value in result.items() if name != "dataset"}}
    elif not json:
        narrate(f"It runs in the background. `zen jobs watch {job.id}` shows it.")
    return document


def _draw(home: Home, dataset: Dataset, photos: list[Photo], boxes: list[Crop], overwrite: bool) -> list[Photo]:
    from zen_tui.photos.masks import draw_rectangles, mask_size, origin_of, write_mask

    for photo in photos:
        if not overwrite and origin_of(home.mask(dataset.slug, photo.hash)) in ("drawn", "imported"):
            raise Refused(
                f"Photo {photo.id} has a mask that was drawn or imported.", "Add --overwrite to replace it."
            )
    for photo in photos:
        drawn = draw_rectangles(mask_size(photo.width, photo.height), boxes)
        write_mask(home.mask(dataset.slug, photo.hash), drawn, "drawn")
    return photos


def _clear(home: Home, dataset: Dataset, photos: list[Photo]) -> list[Photo]:
    cleared = []
    for photo in photos:
        path = home.mask(dataset.slug, photo.hash)
        if path.exists():
            path.unlink()
            cleared.append(photo)
    return cleared


def _crop(text: str) -> Crop:
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise WrongUse(f"{text!r} is not a rectangle.", "Give four fractions, such as 0.1,0,0.9,0.8.") from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise WrongUse("The rectangle is empty or leaves the photo.", "Each fraction lies between 0 and 1.")
    return Crop(left, top, right, bottom)


def _fail_if_some_failed(document: dict[str, Any]) -> None:
    if document.get("failed"):
        raise typer.Exit(1)
