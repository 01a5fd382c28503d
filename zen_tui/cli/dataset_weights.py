"""`zen datasets weigh`: how much a photo counts, and how often it comes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zen_tui.cli.dataset_captions import chosen_photos
from zen_tui.cli.output import JsonFlag, print_json, say, table
from zen_tui.library import datasets as store
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse
from zen_tui.library.text import plural


def register(app: typer.Typer) -> None:
    """Add this command to `zen datasets`."""
    app.command("weigh")(weigh)


def weigh(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")],
    photo: Annotated[list[int] | None, typer.Option(help="The photo's id, as often as needed.")] = None,
    weight: Annotated[
        float | None, typer.Option(help="How much its loss counts: 1 as others, 0.5 half, at most 10.")
    ] = None,
    repeats: Annotated[int | None, typer.Option(help="How often it comes in an epoch, 1 to 100.")] = None,
    json: JsonFlag = False,
) -> None:
    """Let a photo count more or less than others in a training, or come more often.

    A weight changes how far a step on the photo goes, repeats how many steps there are on it; 1 and 1 is how a
    photo comes in. Without options it shows those that differ.

    Example: zen datasets weigh mara --photo 3 --weight 0.5
    """
    values: dict[str, Any] = {"weight": weight, "repeats": repeats}
    values = {key: value for key, value in values.items() if value is not None}
    if bool(photo) != bool(values):
        raise WrongUse("Nothing was chosen.", "Add --photo ID and --weight 0.5 or --repeats 2.")
    with Database.open() as db:
        dataset = store.dataset(db, name)
        photos = store.photos(db, dataset.id)
        if photo:
            chosen = chosen_photos(dataset, photos, photo)
            store.change_photos(db, {each.id: values for each in chosen})
            photos = store.photos(db, dataset.id)
    differing = [each for each in photos if each.weight != 1 or each.repeats != 1]
    if json:
        listed = [{"id": p.id, "name": p.name, "weight": p.weight, "repeats": p.repeats} for p in differing]
        print_json({"dataset": dataset.slug, "photos": listed})
        return
    if not differing:
        say(f"{dataset.slug}: {plural(len(photos), 'photo')}, all of which count alike.")
        return
    table(("ID", "FILE", "WEIGHT", "REPEATS"), [(p.id, p.name, f"{p.weight:g}", p.repeats) for p in differing])
