"""Measuring photos that came in before Zen could: by an older version, or before faces were looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Measures, Photo
from zen_tui.photos.faces import FaceFinder, Likeness, finder, keep_likenesses
from zen_tui.photos.measure import SIDE, VERSION, measure_file
from zen_tui.photos.open import decode, read

THREADS = 2


def behind(dataset: Dataset, photos: Iterable[Photo]) -> list[Photo]:
    """The photos that were not measured as they would be now."""
    looks = dataset.kind == "person" and finder() is not None
    return [
        photo
        for photo in photos
        if photo.measures is None or photo.measures.version < VERSION or (looks and photo.measures.faces is None)
    ]


def remeasure(
    db: Database,
    home: Home,
    dataset: Dataset,
    photos: list[Photo],
    on_photo: Callable[[int, int], None] | None = None,
) -> list[Photo]:
    """Measure `photos` again from their originals and store it; verdicts are left as they are.

    Args:
        on_photo: called with how many of how many are done.

    Returns:
        Those whose original cannot be read; they keep what they had.
    """
    faces = finder() if dataset.kind == "person" else None
    failed = []
    with ThreadPoolExecutor(THREADS, "measure") as pool:
        results = pool.map(lambda photo: _measured(home, dataset.slug, photo, faces), photos)
        for done, (photo, result) in enumerate(zip(photos, results, strict=True), 1):
            if result is None:
                failed.append(photo)
            else:
                photo.measures, likenesses = result
                if photo.measures.faces is not None:
                    home.face(dataset.slug, photo.hash).unlink(missing_ok=True)
                    keep_likenesses(home, dataset.slug, photo.hash, likenesses)
                db.update("photos", photo.id, measures=photo.measures)
            if on_photo:
                on_photo(done, len(photos))
    return failed


def _measured(
    home: Home, slug: str, photo: Photo, faces: FaceFinder | None
) -> tuple[Measures, tuple[Likeness, ...]] | None:
    try:
        data = read(home.photo(slug, photo.hash, photo.suffix))
        decoded = decode(data, photo.suffix, SIDE, quick=True)
    except BadFile:
        return None
    seen = faces.find(decoded.picture) if faces else None
    return measure_file(decoded, seen.faces if seen else None), seen.likenesses if seen else ()
