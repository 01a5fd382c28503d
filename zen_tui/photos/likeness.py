"""How alike each photo's face is to the dataset's own: a number by which a stranger is told.

Whose dataset it is follows from the faces themselves: the one that agrees with most photos, and those that
agree with it. Where too few photos agree there is no answer, rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.photos.faces import Likeness, likenesses_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5  # photos with faces, below which nobody is a stranger
AGREE = 0.5  # cosine: of one person's photos 0.63 to 0.86 was measured, of two people's 0.36 at most
MAJORITY = 0.4  # share of the photos that must show the person
ROWS = 64  # faces compared with all at a time, so that memory stays small


def compare_faces(db: Database, home: Home, dataset: Dataset) -> None:
    """Store `likeness` and `subject` of the photos of a person, from the files of what their faces look like."""
    if dataset.kind != "person":
        return
    import numpy as np

    known = datasets.faces_by_photo(db, dataset.id)
    seen = {photo: np.array(likenesses_of(home, dataset.slug, hash), np.float32) for photo, hash, _, _ in known}
    found = own_likeness(seen)
    with db.transaction():
        for photo, _, *before in known:
            now = found.get(photo, (None, 0))
            if now != tuple(before):
                datasets.set_likeness(db, photo, *now)


def own_likeness(seen: Mapping[int, Sequence[Likeness] | NDArray[Any]]) -> dict[int, tuple[float, int]]:
    """For each photo the cosine of its most fitting face to the dataset's own, and which face that is.

    Each is compared with the mean of the others, so that no photo vouches for itself. Empty where fewer than
    `FEWEST` photos have faces, or no face is that of `MAJORITY` of them.

    Args:
        seen: likenesses of the faces of each photo, by its id; photos without faces may be left out.
    """
    import numpy as np

    photos = [photo for photo, faces in seen.items() if len(faces)]
    if len(photos) < FEWEST:
        return {}
    faces = np.array([face for photo in photos for face in seen[photo]], np.float32)
    owner = np.array([at for at, photo in enumerate(photos) for _ in seen[photo]])
    first = _agrees_with_most(faces, owner)
    chosen = _one_of_each(faces @ faces[first], owner, len(photos))
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


def _agrees_with_most(faces: NDArray[Any], owner: NDArray[Any]) -> int:
    """The face that agrees with one of most photos; of several, that with the largest sum of cosines."""
    import numpy as np

    best = (0, -float("inf")), 0
    for start in range(0, len(faces), ROWS):
        for at, row in enumerate(faces[start : start + ROWS] @ faces.T, start):
            agree = owner[row > AGREE]  # in order, so that a photo with several is counted where another begins
            worth = int(np.count_nonzero(np.diff(agree, prepend=-1))), float(row.sum())
            if worth > best[0]:
                best = worth, at
    return best[1]


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
