"""`manifest.json`: all that Zen knows of a dataset's photos, beside the photos, to be imported again.

Nothing that is told from faces is written: no measures, no likenesses. They are made anew on import.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from zen_tui.exchange.dataset_paths import text_of
from zen_tui.exchange.dataset_sources import DatasetSources
from zen_tui.library.datasets import HEAVIEST
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.records import KINDS, Crop, Dataset, Split, Verdict
from zen_tui.library.text import clean, plural, shown
from zen_tui.photos.captions import LONGEST
from zen_tui.photos.export import Written
from zen_tui.photos.sources import Said, Source, find_sources

FORMAT, VERSION = "zen-dataset", 1


class Subject(msgspec.Struct, kw_only=True, rename={"class_word": "class"}):
    """What the dataset is of; the words as in `zen datasets show`."""

    name: str
    token: str
    class_word: str
    kind: str


class Entry(msgspec.Struct, kw_only=True):
    """One photo. `file` and `mask` lie beside the manifest; `hash` is the SHA-256 of the original as imported.

    `bytes`, `width` and `height` are of `file`, which differs from the original where it was cropped, cleaned
    or converted. `crop` is in fractions of it.
    """

    file: str
    hash: str
    bytes: int
    width: int
    height: int
    name: str
    aliases: list[str] = []
    caption: str = ""
    split: Split = "train"
    repeats: int = 1
    weight: float = 1.0
    rating: int = 0
    crop: Crop | None = None
    mask: str | None = None
    verdicts: list[Verdict] = []


class Manifest(msgspec.Struct, kw_only=True):
    """The whole file."""

    format: str
    version: int
    dataset: Subject
    photos: list[Entry]


class _Head(msgspec.Struct):
    format: str = ""


def is_manifest(path: Path) -> bool:
    """Whether a file called manifest.json is one of Zen's."""
    try:
        return msgspec.json.decode(text_of(path), type=_Head).format == FORMAT
    except (msgspec.MsgspecError, BadFile):
        return False


def entry(written: Written, *, cropped: bool) -> Entry:
    """What the manifest says of a photo that was written."""
    photo = written.photo
    return Entry(
        file=written.path.name,
        hash=photo.hash,
        bytes=written.size,
        width=written.width,
        height=written.height,
        name=photo.name,
        aliases=photo.aliases,
        caption=photo.caption,
        split=photo.split,
        repeats=photo.repeats,
        weight=photo.weight,
        rating=photo.rating,
        crop=None if cropped else photo.crop,
        mask=written.mask.name if written.mask else None,
        verdicts=photo.verdicts,
    )


def encode(dataset: Dataset, entries: list[Entry]) -> str:
    """The manifest as text, to be read by people too."""
    subject = Subject(name=dataset.slug, token=dataset.token, class_word=dataset.class_word, kind=dataset.kind)
    whole = Manifest(format=FORMAT, version=VERSION, dataset=subject, photos=entries)
    return msgspec.json.format(msgspec.json.encode(whole), indent=1).decode() + "\n"


def read_manifest(path: Path) -> DatasetSources:
    """The photos of an exported dataset with all that is said of them; others in the folder come in as well.

    Raises:
        BadFile: the manifest is damaged, or names files outside its folder.
        Refused: it was written by a newer Zen.
    """
    try:
        manifest = msgspec.json.decode(text_of(path), type=Manifest)
    except msgspec.MsgspecError as error:
        raise BadFile(f"{shown(path)} is damaged: {clean(str(error))}.") from None
    if manifest.version > VERSION:
        raise Refused(f"{shown(path)} was written by a newer Zen.", "Update Zen, or import the photos without it.")
    known = {entry.file: entry for entry in manifest.photos}
    for name in (*known, *(each.mask for each in manifest.photos if each.mask)):
        if Path(name).name != name or name in ("", ".", ".."):
            raise BadFile(f"{shown(path)} names a file outside its folder: {clean(name)}.")
    subject = manifest.dataset
    found = DatasetSources(
        token=clean(subject.token, 60),
        class_word=clean(subject.class_word, 60),
        kind=subject.kind if subject.kind in KINDS else "",
    )
    changed = others = 0
    for source in find_sources([path.parent]):
        each = known.pop(source.path.name, None) if source.path.parent == path.parent else None
        others += each is None
        changed += each is not None and each.bytes != source.size
        found.sources.append(_source(source, each) if each and not source.reason else source)
    for count, what in (
        (others, "not in the manifest, and taken as they are"),
        (changed, "changed since the export"),
        (len(known), "in the manifest, and not there"),
    ):
        if count:
            found.notes.append(f"{plural(count, 'file')} in {shown(path.parent)}: {what}.")
    return found


def _source(source: Source, each: Entry) -> Source:
    mask = source.path.with_name(each.mask) if each.mask else None
    crop = each.crop
    if crop and not (0 <= crop.left < crop.right <= 1 and 0 <= crop.top < crop.bottom <= 1):
        crop = None
    said = Said(
        caption=clean(each.caption, LONGEST),
        exact=True,
        repeats=max(1, each.repeats),
        weight=each.weight if 0 < each.weight <= HEAVIEST else 1.0,
        split=each.split,
        mask=mask if mask and mask.is_file() else None,
        name=clean(each.name),
        aliases=tuple(clean(alias) for alias in each.aliases),
        rating=min(max(each.rating, 0), 5),
        crop=crop,
        verdicts=tuple(
            msgspec.structs.replace(v, kind=clean(v.kind, 40), text=clean(v.text)) for v in each.verdicts
        ),
    )
    return Source(source.path, source.size, said=said)
