"""`zen pictures`: what was made, rated, found again and taken along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zen_tui.cli.output import JsonFlag, YesFlag, confirm, fields, print_json, say, table
from zen_tui.library import pictures as store
from zen_tui.library.database import Database
from zen_tui.library.durable import write_file
from zen_tui.library.errors import NotFound
from zen_tui.library.paths import Home
from zen_tui.library.records import Picture
from zen_tui.library.text import clean, plural

app = typer.Typer(
    help="Pictures that were made. Example: zen pictures list",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Id = Annotated[int, typer.Argument(metavar="ID", help="The picture's number.")]


@app.command("list")
def list_pictures(
    rejected: Annotated[bool, typer.Option("--rejected", help="Rejected ones too.")] = False,
    json: JsonFlag = False,
) -> None:
    """List the pictures, newest last. Example: zen pictures list"""
    _print_found("", rejected, json)


@app.command("find")
def find(
    query: Annotated[list[str], typer.Argument(metavar="WORD…", help="Words; rating>=3; adapter:mara; seed:7.")],
    rejected: Annotated[bool, typer.Option("--rejected", help="Rejected ones too.")] = False,
    json: JsonFlag = False,
) -> None:
    """Find pictures by prompt, rating, adapter or seed. Example: zen pictures find marble "rating>=3\""""
    _print_found(" ".join(query), rejected, json)


@app.command("show")
def show(picture: Id, json: JsonFlag = False) -> None:
    """Show one picture's record. Example: zen pictures show 12"""
    home = Home.find().create()
    with Database.open(home) as db:
        found = store.picture(db, picture)
    if json:
        print_json(_document(home, found))
        return
    fields(
        [("id", found.id), ("path", home.resolve(found.path)), ("prompt", clean(found.prompt)),
         ("negative", clean(found.negative)), ("seed", found.seed), ("size", f"{found.width}×{found.height}"),
         ("rating", "★" * found.rating), ("rejected", "yes" if found.rejected else "")]
    )  # fmt: skip


@app.command("recipe")
def recipe(picture: Id, json: JsonFlag = False) -> None:
    """Print everything that is needed to make a picture again. Example: zen pictures recipe 12"""
    with Database.open() as db:
        found = store.picture(db, picture)
    if json:
        print_json(found.recipe)
    else:
        fields((key, clean(str(value))) for key, value in found.recipe.items())


@app.command("rate")
def rate(
    picture: Id,
    stars: Annotated[int, typer.Argument(metavar="STARS", help="0 to 5.")],
    reject: Annotated[bool, typer.Option("--reject", help="Hide it from the gallery.")] = False,
    json: JsonFlag = False,
) -> None:
    """Give a picture 0 to 5 stars. Example: zen pictures rate 12 5"""
    home = Home.find().create()
    with Database.open(home) as db:
        store.rate(db, picture, stars)
        store.reject(db, picture, reject)
        found = store.picture(db, picture)
    if json:
        print_json(_document(home, found))
    else:
        say(f"picture {picture}: {'★' * stars or 'no stars'}{', rejected' if reject else ''}")


@app.command("export")
def export(
    pictures: Annotated[list[int], typer.Argument(metavar="ID…", help="The pictures' numbers.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")],
    json: JsonFlag = False,
) -> None:
    """Copy pictures into a folder. The files carry no prompt. Example: zen pictures export 12 13 --out ~/best"""
    home = Home.find().create()
    written = []
    with Database.open(home) as db:
        for number in pictures:
            found = store.picture(db, number)
            source = home.resolve(found.path)
            target = _free(out / f"{found.id:04d}-{found.seed}{source.suffix}")
            write_file(target.absolute(), source.read_bytes())
            written.append(str(target))
    if json:
        print_json({"files": written})
    else:
        say("\n".join(written))


@app.command("remove")
def remove(
    pictures: Annotated[list[int], typer.Argument(metavar="ID…", help="The pictures' numbers.")],
    yes: YesFlag = False,
    json: JsonFlag = False,
) -> None:
    """Delete pictures from Zen. Exported copies stay. Example: zen pictures remove 12"""
    home = Home.find().create()
    with Database.open(home) as db:
        doomed = [store.picture(db, number) for number in pictures]
        confirm(f"Delete {plural(len(doomed), 'picture')}?", yes)
        for picture in doomed:
            store.remove_picture(db, picture.id)
            if not store.uses_hash(db, picture.hash):
                home.resolve(picture.path).unlink(missing_ok=True)
                home.picture_thumbnail(picture.hash).unlink(missing_ok=True)
    if json:
        print_json({"removed": [p.id for p in doomed]})
    else:
        say(f"{plural(len(doomed), 'picture')} deleted.")


def _print_found(query: str, rejected: bool, json: bool) -> None:
    home = Home.find().create()
    with Database.open(home) as db:
        found = store.find_pictures(db, query, rejected=rejected)[::-1]
    if json:
        print_json([_document(home, picture) for picture in found])
    elif not found:
        say("No picture matches." if query else "No picture yet. `zen generate PROMPT` makes one.")
    else:
        table(
            ("ID", "SEED", "SIZE", "STARS", "PROMPT"),
            [(p.id, p.seed, f"{p.width}×{p.height}", "★" * p.rating, clean(p.prompt, 80)) for p in found],
        )


def _free(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def _document(home: Home, picture: Picture) -> dict[str, Any]:
    path = home.resolve(picture.path)
    if not path.exists():
        raise NotFound(f"The file of picture {picture.id} is gone: {path}.", "Was it moved or deleted by hand?")
    return {
        "id": picture.id,
        "name": str(picture.id),
        "path": str(path),
        "prompt": picture.prompt,
        "negative": picture.negative,
        "seed": picture.seed,
        "width": picture.width,
        "height": picture.height,
        "rating": picture.rating,
        "rejected": picture.rejected,
        "job": picture.job_id,
        "created": picture.created,
    }
