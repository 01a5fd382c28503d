"""`zen datasets caption` and `token`: what is said about photos, and the word that means their subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zen_tui.cli.output import JsonFlag, narrate, print_json, say, table
from zen_tui.library import datasets as store
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import NotFound, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import plural, shown

if TYPE_CHECKING:
    from zen_tui.photos.caption_edits import Edit

Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")]
BaseOption = Annotated[str, typer.Option(help="The base to read by; else the one trained on last, else CLIP.")]
Flag = typer.Option


def register(app: typer.Typer) -> None:
    """Add these commands to `zen datasets`."""
    app.command("caption")(caption)
    app.command("token")(token)


def caption(
    name: Name,
    photo: Annotated[list[int] | None, Flag(help="A photo's id; again for more; without it, all.")] = None,
    missing: Annotated[bool, Flag("--missing", help="Only photos without a caption.")] = False,
    flagged: Annotated[
        list[str] | None,
        Flag(help="Only photos that --check finds this in: token, class, long …; again for more."),
    ] = None,
    text: Annotated[
        str | None, Flag(help="The caption; {token}, {class}, {name}, {folder} are filled in.")
    ] = None,
    template: Annotated[
        int | None, Flag(metavar="K", help="Template K of the dataset's kind; see --templates.")
    ] = None,
    add: Annotated[str | None, Flag(metavar="TAG", help="Add a tag at the end, unless it is there.")] = None,
    first: Annotated[str | None, Flag(metavar="TAG", help="Add a tag at the front.")] = None,
    remove: Annotated[str | None, Flag(metavar="TAG", help="Take a tag out.")] = None,
    replace: Annotated[tuple[str, str] | None, Flag(metavar="OLD NEW", help="Put NEW where OLD stands.")] = None,
    whole_words: Annotated[bool, Flag("--whole-words", help="Replace only words that stand alone.")] = False,
    same_case: Annotated[bool, Flag("--same-case", help="Replace only in the same upper and lower case.")] = False,
    prefix: Annotated[str | None, Flag(help="Words to put before the caption.")] = None,
    suffix: Annotated[str | None, Flag(help="Words to put after it.")] = None,
    from_folder: Annotated[
        Path | None, Flag("--from", metavar="FOLDER", help="Captions from NAME.txt files in this folder.")
    ] = None,
    undo: Annotated[bool, Flag("--undo", help="Take back the last change of this dataset's captions.")] = False,
    check: Annotated[bool, Flag("--check", help="Say what is wrong with the captions.")] = False,
    templates: Annotated[bool, Flag("--templates", help="List the templates of the dataset's kind.")] = False,
    base: BaseOption = "",
    json: JsonFlag = False,
) -> None:
    """Change captions, take the last change back, or check them. One change at a time.

    A caption is read as tags between commas.

    Example: zen datasets caption mara --text "a photo of {token} {class}" --missing

    zen datasets caption mara --flagged token --prefix "ohwx woman,"

    zen datasets caption mara --check --base sdxl
    """
    wanted = {
        "--text": text, "--template": template, "--add": add, "--first": first, "--remove": remove,
        "--replace": replace, "--prefix": prefix, "--suffix": suffix, "--from": from_folder,
        "--undo": undo or None, "--check": check or None, "--templates": templates or None,
    }  # fmt: skip
    given = [option for option, value in wanted.items() if value is not None]
    if len(given) != 1:
        raise WrongUse(
            f"{' and '.join(given)} are {len(given)} things at once." if given else "Nothing is to be done.",
            'Give one, such as --text "a photo of {token} {class}", --add TAG, --undo or --check.',
        )
    home = Home.find().create()
    with Database.open(home) as db:
        dataset = store.dataset(db, name)
        photos = chosen_photos(dataset, store.photos(db, dataset.id), photo or [])
        photos = [each for each in photos if not (missing and each.caption)]
        if flagged:
            photos = _flagged(db, dataset, photos, flagged, base)
        if templates:
            _list_templates(dataset, json)
        elif undo:
            _undo(db, home, dataset, json)
        elif check:
            _check(db, dataset, photos, base, json)
        else:
            option, value = given[0], wanted[given[0]]
            if from_folder is not None:
                photos, edit = _from_folder(photos, from_folder)
            elif text is not None or template is not None:
                edit = _filled(db, dataset, text, template)
            else:
                edit = _changed(option, value, whole_words, same_case)
            _apply(db, home, dataset, photos, edit, _said(option, value), json)


def token(
    word: Annotated[str, typer.Argument(metavar="WORD", help="The word that is to mean the subject.")],
    base: Annotated[str, typer.Option(help="The base whose vocabulary is asked; else CLIP's.")] = "",
    json: JsonFlag = False,
) -> None:
    """Say whether a word is a good token: rare, short, and without a meaning yet.

    Example: zen datasets token ohwx
    """
    from zen_tui.exchange.token_advice import advise, tokens_in_use
    from zen_tui.exchange.vocabulary import clip_vocabulary, vocabulary_of

    with Database.open() as db:
        vocabulary = vocabulary_of(models.base(db, base)) if base else clip_vocabulary()
        advice = advise(word, vocabulary, tokens_in_use(db))
    if json:
        print_json(advice)
        return
    say(f"{advice.text} (as {advice.vocabulary} reads it)")
    if advice.grade != "good" and advice.suggestions:
        say(f"Good and not used here yet: {', '.join(advice.suggestions)}.")


def chosen_photos(dataset: Dataset, photos: Sequence[Photo], ids: Sequence[int]) -> list[Photo]:
    """Those of `photos` with these ids, all of them where none is named. Raises `NotFound`."""
    known = {photo.id for photo in photos}
    for id in ids:
        if id not in known:
            raise NotFound(f"{dataset.slug} has no photo {id}.", f"`zen datasets show {dataset.slug}` lists them.")
    return [photo for photo in photos if photo.id in ids] if ids else list(photos)


def _changed(option: str, value: object, whole_words: bool, same_case: bool) -> Edit:
    """What is done to each caption. Raises `WrongUse` when there are no words to do it with."""
    from zen_tui.photos import caption_edits as edits

    if isinstance(value, tuple):
        return edits.on_caption(edits.replacer(*value, words=whole_words, case=same_case))
    words = str(value)
    if not words.strip(" ,"):
        raise WrongUse(f"{option} was given no words.", f'Give some: {option} "at sea".')
    changes: dict[str, Callable[[str], str]] = {
        "--add": lambda caption: edits.add_tags(caption, words),
        "--first": lambda caption: edits.add_tags(caption, words, first=True),
        "--remove": lambda caption: edits.remove_tags(caption, words),
        "--prefix": lambda caption: edits.prefix(caption, words),
        "--suffix": lambda caption: edits.suffix(caption, words),
    }
    return edits.on_caption(changes[option])


def _filled(db: Database, dataset: Dataset, text: str | None, template: int | None) -> Edit:
    from zen_tui.photos.caption_templates import chosen_template, fill, require_fields

    form = text if text is not None else chosen_template(dataset.kind, template or 0)
    require_fields(form)
    folders = store.source_folders(db, dataset.id)
    return lambda photo: fill(form, dataset, photo, folders.get(photo.id, ""))


def _from_folder(photos: list[Photo], folder: Path) -> tuple[list[Photo], Edit]:
    from zen_tui.photos.caption_files import captions_from

    found = captions_from(folder, photos)
    without = len(photos) - len(found)
    if without:
        narrate(f"{plural(without, 'photo')} without a file of that name there: left as they were.")
    return [photo for photo in photos if photo.id in found], lambda photo: found[photo.id]


def _apply(
    db: Database, home: Home, dataset: Dataset, photos: list[Photo], edit: Edit, what: str, json: bool
) -> None:
    from zen_tui.photos.caption_journal import apply

    change = apply(db, home, dataset, photos, edit, what)
    if json:
        print_json({"dataset": dataset.slug, "photos": list(change.after), "looked_at": len(photos)})
    else:
        say(f"{dataset.slug}: {plural(len(change.after), 'caption')} changed, of {len(photos):,}.")
        if change.after:
            narrate(f"`zen datasets caption {dataset.slug} --undo` takes it back.")


def _undo(db: Database, home: Home, dataset: Dataset, json: bool) -> None:
    from zen_tui.photos.caption_journal import last_change, restored_sentence, take_back

    change = last_change(home, dataset)
    if change is None:
        raise NotFound(f"There is no change of {dataset.slug}'s captions to take back.")
    restored = take_back(db, home, dataset, change)
    if json:
        print_json({"dataset": dataset.slug, "undone": change.what, "photos": list(restored)})
    else:
        say(f"{dataset.slug}: {restored_sentence(change, restored)}")


def _check(db: Database, dataset: Dataset, photos: list[Photo], base: str, json: bool) -> None:
    from zen_tui.exchange.caption_reader import reader_for
    from zen_tui.exchange.token_advice import token_finding
    from zen_tui.photos.caption_lint import check

    reader = reader_for(db, dataset, base)
    found = [*token_finding(dataset, reader), *check(dataset, photos, reader)]
    if json:
        print_json({"dataset": dataset.slug, "reads": reader.title, "limit": reader.limit, "findings": found})
        return
    for finding in found:
        say(finding.text if finding.photo is None else f"{finding.photo:>5}  {finding.text}")
    if not found:
        say(f"{dataset.slug}: nothing to mend in {plural(len(photos), 'caption')}.")
    narrate(f"Lengths as {reader.title} reads them: {reader.limit} tokens.")


def _flagged(db: Database, dataset: Dataset, photos: list[Photo], kinds: list[str], base: str) -> list[Photo]:
    from zen_tui.exchange.caption_reader import reader_for
    from zen_tui.photos.caption_lint import KINDS, check_photo

    for kind in kinds:
        if kind not in KINDS:
            raise WrongUse(f"There is no finding {kind}.", f"There are: {', '.join(KINDS)}.")
    reader = reader_for(db, dataset, base) if "long" in kinds else None
    return [p for p in photos if any(found.kind in kinds for found in check_photo(dataset, p, reader))]


def _list_templates(dataset: Dataset, json: bool) -> None:
    from zen_tui.photos.caption_templates import templates

    known = templates(dataset.kind)
    if json:
        print_json(known)
    else:
        table(("K", "TEMPLATE"), list(enumerate(known, 1)))


def _said(option: str, value: object) -> str:
    """What was done, in the words it was asked for."""
    words = (
        " with ".join(f"“{shown(word)}”" for word in value)
        if isinstance(value, tuple)
        else f"“{shown(str(value))}”"
    )
    return f"{option.removeprefix('--')} {words}"
