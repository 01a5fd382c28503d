"""How alike each photo's face is to the dataset's own: a number by which a stranger is told.

Whose dataset it is follows from the faces themselves: the one that agrees with most photos, and those that
agree with it. Where too few photos agree there is no answer, rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
from zen_tui.photos.faces import Likeness, likenesses_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5  # photos with faces, below which nobody is a stranger
AGREE = 0.5  # cosine: of one person's photos 0.63 to 0.86 was measured, of two people's 0.36 at most
MAJORITY = 0.4  # share of the photos that must show the person


def compare_faces(home: Home, dataset: Dataset, photos: Iterable[Photo]) -> list[Photo]:
    """Set `likeness` and `subject` of the photos' measures from the face files; return those it changed."""
    if dataset.kind != "person":
        return []
    measured = [photo for photo in photos if photo.measures and photo.measures.faces]
    found = own_likeness({p.id: likenesses_of(home, dataset.slug, p.hash) for p in measured})
    changed = []
    for photo in measured:
        assert photo.measures is not None
        likeness, subject = found.get(photo.id, (None, 0))
        if (likeness, subject) != (photo.measures.likeness, photo.measures.subject):
            photo.measures = msgspec.structs.replace(photo.measures, likeness=likeness, subject=subject)
            changed.append(photo)
    return changed


def own_likeness(seen: Mapping[int, tuple[Likeness, ...]]) -> dict[int, tuple[float, int]]:
    """For each photo the cosine of its most fitting face to the dataset's own, and which face that is.

    Each is compared with the mean of the others, so that no photo vouches for itself. Empty where fewer than
    `FEWEST` photos have faces, or no face is that of `MAJORITY` of them.

    Args:
        seen: likenesses of the faces of each photo, by its id; photos without faces may be left out.
    """
    import numpy as np

    photos = [photo for photo, faces in seen.items() if faces]
    if len(photos) < FEWEST:
        return {}
    faces = np.array([face for photo in photos for face in seen[photo]], np.float32)
    owner = np.array([at for at, photo in enumerate(photos) for _ in seen[photo]])
    alike = faces @ faces.T
    first = max(range(len(faces)), key=lambda at: (_photos_that_agree(alike[at], owner), float(alike[at].sum())))
    chosen = _one_of_each(alike[first], owner, len(photos))
    if len(chosen) < max(3, MAJORITY * len(photos)):
        return {}
    total = faces[chosen].sum(axis=0)
    found = {}
    for at, photo in enumerate(photos):
        rows = np.flatnonzero(owner == at)
        mine = [row for row in rows if row in chosen]
        others = total - faces[mine].sum(axis=0)
        cosines = faces[rows] @ (others / np.linalg.norm(others))
        best = int(cosines.argmax())
        found[photo] = round(float(cosines[best]), 3), best
    return found


def _photos_that_agree(row: NDArray[Any], owner: NDArray[Any]) -> int:
    """In how many photos there is a face that agrees with one, given its cosines to all."""
    return len(set(owner[row > AGREE].tolist()))


def _one_of_each(row: NDArray[Any], owner: NDArray[Any], photos: int) -> list[int]:
    """The face of each photo that agrees best with one, where one does."""
    import numpy as np

    best = []
    for at in range(photos):
        rows = np.flatnonzero(owner == at)
        top = int(rows[row[rows].argmax()])
        if row[top] > AGREE:
            best.append(top)
    return best
