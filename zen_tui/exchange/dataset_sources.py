"""What a path given to an import is: photos, or the dataset of another tool, with what it says of each photo.

Folders are plain or kohya's (`10_ohwx woman`); a `.toml` is kohya's, a `.yaml` ai-toolkit's, a `.json`
OneTrainer's; a folder with `manifest.json` is what Zen exported. Whatever is not taken over becomes a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from zen_tui.library.errors import NotFound, Refused
from zen_tui.library.text import clean, plural, shown
from zen_tui.photos.captions import caption_beside, folder_class
from zen_tui.photos.sources import Said, Source, find_sources, no_photos

MANIFEST = "manifest.json"


class DatasetSources(msgspec.Struct, kw_only=True):
    """The photos of one import. `notes` are sentences about what was not taken over, for a person.

    `token` and `class_word` are what the dataset calls its subject, '' where it does not say; `kind` likewise.
    """

    sources: list[Source] = []
    notes: list[str] = []
    token: str = ""
    class_word: str = ""
    kind: str = ""


def gather(paths: Sequence[Path]) -> DatasetSources:
    """The photos in files, folders and dataset descriptions, in the order of `paths`.

    Raises:
        NotFound: one of them, or every folder that a description names, is not there.
        BadFile: a description that cannot be understood.
        Refused: a description of something else, or nothing that could be a photo.
    """
    whole = DatasetSources()
    for path in paths:
        found = _recognised(path)
        whole.sources += found.sources
        whole.notes += found.notes
        for name in ("token", "class_word", "kind"):
            if not getattr(whole, name):
                setattr(whole, name, getattr(found, name))
    if not whole.sources:
        raise no_photos(paths)
    return whole


def _recognised(path: Path) -> DatasetSources:
    from zen_tui.exchange import aitoolkit_jobs, dataset_manifest, kohya_datasets, onetrainer_concepts

    readers: dict[str, Callable[[Path], DatasetSources]] = {
        ".toml": kohya_datasets.read_toml,
        ".yaml": aitoolkit_jobs.read_job,
        ".yml": aitoolkit_jobs.read_job,
        ".json": onetrainer_concepts.read_concepts,
    }
    if path.is_dir():
        manifest = path / MANIFEST
        if manifest.is_file() and dataset_manifest.is_manifest(manifest):
            return dataset_manifest.read_manifest(manifest)
        return read_folder(path)
    if path.is_file() and path.name == MANIFEST and dataset_manifest.is_manifest(path):
        return dataset_manifest.read_manifest(path)
    if path.is_file() and path.suffix.lower() in readers:
        return readers[path.suffix.lower()](path)
    return DatasetSources(sources=list(find_sources([path])))


def read_folder(folder: Path) -> DatasetSources:
    """A folder of photos; its name, or its folders' names, may be kohya's and say repeats and subject."""
    aside: Counter[str] = Counter()
    sources = list(find_sources([folder], aside=aside))
    classes = dict.fromkeys(folder_class(source.path.parent)[1] for source in sources if not source.reason)
    subjects = [words for words in classes if words]
    found = DatasetSources(sources=sources, notes=left_aside(folder, aside))
    found.token, found.class_word = subject_of(subjects)
    if len(subjects) > 1:
        found.notes.append(f"{shown(folder)} names several subjects: {', '.join(subjects)}.")
    return found


def subject_of(class_tokens: Sequence[str]) -> tuple[str, str]:
    """Token and class word where all agree on 'ohwx woman'; of one word alone it is not known which it is."""
    if len(set(class_tokens)) != 1 or " " not in class_tokens[0]:
        return "", ""
    token, _, class_word = class_tokens[0].partition(" ")
    return token, class_word.strip()


def left_aside(folder: Path, aside: Counter[str]) -> list[str]:
    """The sentence about files of other tools that were passed over; empty if there are none."""
    if not aside:
        return []
    counted = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(aside.items()))
    text = f"Left aside in {shown(folder)}: {counted}."
    if ".toml" in aside:
        text += " To take over what a kohya dataset TOML says, import that file instead."
    return [text]


class Folder(msgspec.Struct, kw_only=True):
    """One folder that a description names, and how it says that the photos in it are to be read.

    `words` gives a photo's caption from its text file's; `suffixes` are of those files, the first expected.
    """

    path: Path
    recursive: bool = False
    suffixes: tuple[str, ...] = (".txt", ".caption")
    words: Callable[[Path, str], str] = lambda path, caption: caption
    class_words: str = ""
    repeats: int = 1
    masks: Path | None = None
    held_out: bool = False


def read_described(folder: Folder, notes: Counter[str]) -> list[Source]:
    """The photos of a described folder with all that is said of them; `notes` counts what was not taken over."""
    aside: Counter[str] = Counter()
    masks = _by_stem(folder.masks)
    sources = []
    for source in find_sources([folder.path], recursive=folder.recursive, aside=aside):
        if source.reason:
            sources.append(source)
            continue
        beside = caption_beside(source.path, folder.suffixes)
        notes.update(beside.notes)
        said = Said(
            caption=folder.words(source.path, beside.text),
            class_words=folder.class_words,
            repeats=folder.repeats,
            split="holdout" if folder.held_out else None,
            mask=masks.get(source.path.stem),
        )
        sources.append(Source(source.path, source.size, said=said))
    return sources


def described(
    path: Path, kind: str, folders: Sequence[Folder], missing: Sequence[str], notes: Sequence[str]
) -> DatasetSources:
    """A whole description: its folders read, and sentences about what is not taken over.

    Raises:
        NotFound: none of the folders it names is there.
        Refused: it names none.
    """
    if missing and not folders:
        raise NotFound(
            f"{shown(path)} names {', '.join(missing)}, and that is not there.",
            "Put the photos beside that file, or correct the path in it.",
        )
    if not folders:
        raise Refused(" ".join([f"{shown(path)} names no folder of photos.", *notes]), "Import the folder itself.")
    counted: Counter[str] = Counter()
    found = DatasetSources(notes=list(notes))
    for folder in folders:
        sources = read_described(folder, counted)
        found.sources += sources
        found.notes.append(f"{kind}: {plural(len(sources), 'file')} in {shown(folder.path)}.")
    found.notes += [f"{named} is not there and was left out." for named in missing]
    found.notes += [f"{plural(count, 'photo')}: {note}" for note, count in counted.items()]
    return found


def listed(words: Iterable[str]) -> str:
    """Names from a description as one line that is safe to show."""
    return ", ".join(sorted(clean(str(word), 60) for word in words))


def _by_stem(folder: Path | None) -> dict[str, Path]:
    if folder is None or not folder.is_dir():
        return {}
    return {source.path.stem: source.path for source in find_sources([folder]) if not source.reason}
