"""Judging photos: what stands against each one, from its measures and the thresholds, with the number.

Judging reads no pixels, so that a changed threshold is applied at once. A verdict is advice: nothing is left
out or refused because of one. There is none for watermarks and text: marks like letters are found in fences, fur
and print as well, and what repeats at one place of many photos may be a wall behind a camera that stood still.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.models import runs_of
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Dataset, Face, Measures, Photo, Verdict
from zen_tui.library.settings import Thresholds
from zen_tui.library.text import plural
from zen_tui.photos.alike import apart, groups, linked, straight
from zen_tui.photos.likeness import compare_faces
from zen_tui.photos.measure import focus

KINDS = (
    "duplicate", "blur", "exposure", "small", "aspect", "screenshot", "collage",
    "noface", "stranger", "faces", "distant",
)  # fmt: skip
HASH_BITS = 64
AT_ONCE = 512  # photos judged at a time, so that memory stays small
WHOLE = Crop(0.0, 0.0, 1.0, 1.0)
SHARPER = 0.1  # of 1, by which a copy must be sharper to be better: saving it badly makes edges too
BESIDE = 0.4  # of the largest face's width: a smaller one is a passer-by


def judge(
    dataset: Dataset,
    photos: Sequence[Photo],
    thresholds: Thresholds,
    resolution: int | None = None,
    faces: bool | None = None,
) -> dict[int, list[Verdict]]:
    """The verdicts of photos of a dataset, by id: the most telling first, none where nothing was found.

    Args:
        photos: all of the dataset, or some with all their near-duplicates.
        resolution: pixels that training will use; without it `thresholds.small`.
        faces: whether the whole dataset `shows_faces`; found out from `photos` when not given.
    """
    side = resolution or thresholds.small
    found = {photo.id: [*_alone(dataset.kind, photo, thresholds, side)] for photo in photos}
    if not (shows_faces(photos) if faces is None else faces):
        found = {id: [v for v in verdicts if v.kind != "noface"] for id, verdicts in found.items()}
    for photo_id, verdict in _duplicates(photos, thresholds):
        found[photo_id].insert(0, verdict)
    return found


def shows_faces(photos: Sequence[Photo]) -> bool:
    """Whether a face was found in at least half of the photos in which one was looked for.

    Where not, they are drawings, masks or backs: then the set is told so once, and not every photo.
    """
    looked = [photo.measures.faces for photo in photos if photo.measures and photo.measures.faces is not None]
    return 2 * sum(bool(faces) for faces in looked) >= len(looked)


def judge_one(
    kind: str, size: tuple[int, int], measures: Measures | None, thresholds: Thresholds, resolution: int
) -> list[Verdict]:
    """The verdicts of one photo of (width, height) pixels that is in no dataset yet; `kind` '' is any.

    What only the whole set can tell, `duplicate`, `stranger` and `noface`, is left to `judge`.
    """
    photo = Photo(
        id=0, dataset_id=0, hash="", suffix="", name="", width=size[0], height=size[1], measures=measures
    )
    return [verdict for verdict in _alone(kind, photo, thresholds, resolution) if verdict.kind != "noface"]


def rejudge_all(
    db: Database, home: Home, dataset: Dataset, thresholds: Thresholds, resolution: int | None = None
) -> int:
    """Compare the faces of a dataset, and judge all of its photos anew, some at a time; how many changed.

    Args:
        resolution: pixels that training will use; without it that of the last run, else `thresholds.small`.
    """
    compare_faces(db, home, dataset)
    known = datasets.hashes(db, dataset.id)
    measured = [photo for photo in known if photo[1]]
    found = linked([(hash, mirror) for _, hash, mirror in measured], thresholds.duplicate)
    together = [[id] for id, hash, _ in known if not hash] + [[measured[at][0] for at in group] for group in found]
    changed, some = 0, list[int]()
    for shots in together:
        some += shots
        if len(some) >= AT_ONCE or shots is together[-1]:
            changed += len(_rejudge(db, dataset, thresholds, some, resolution))
            some = []
    return changed


def rejudge(db: Database, dataset: Dataset, thresholds: Thresholds, ids: Collection[int]) -> list[Photo]:
    """Judge photos and those alike to them anew, as after a change of split or crop, with the faces as known.

    Returns:
        The photos that were changed, as they are now but without their colours.
    """
    return _rejudge(db, dataset, thresholds, datasets.with_twins(db, dataset.id, ids))


def _rejudge(
    db: Database, dataset: Dataset, thresholds: Thresholds, ids: Collection[int], resolution: int | None = None
) -> list[Photo]:
    """Judge these photos, with all their near-duplicates among them, and store what changed."""
    photos = datasets.photos_to_judge(db, dataset.id, ids)
    looked, found = datasets.faces_found(db, dataset.id)
    alike = {photo.id: group[0].id for group in groups(photos, thresholds.duplicate) for photo in group}
    side = resolution or trained_at(db, dataset)
    verdicts = judge(dataset, photos, thresholds, side, faces=2 * found >= looked)
    changed = []
    with db.transaction():
        for photo in photos:
            new = verdicts[photo.id], alike.get(photo.id)
            if new != (photo.verdicts, photo.alike):
                photo.verdicts, photo.alike = new
                db.update("photos", photo.id, verdicts=photo.verdicts, alike=photo.alike)
                changed.append(photo)
    return changed


def trained_at(db: Database, dataset: Dataset) -> int | None:
    """The resolution of the last run that a dataset was trained in; None before the first."""
    runs = runs_of(db, dataset.id)
    settings = runs[-1].spec.get("settings", {}) if runs else {}
    return int(settings.get("resolution", 0)) or None


# A group of near-duplicates


def _duplicates(photos: Sequence[Photo], thresholds: Thresholds) -> Iterator[tuple[int, Verdict]]:
    """A verdict for every photo of a group but its best, and but those that are near only to a lesser one."""
    for group in groups(photos, thresholds.duplicate):
        rest = group
        while rest:
            best = _best(rest, thresholds)
            far = []
            for photo in rest:
                bits = apart(photo, best)
                if bits > thresholds.duplicate:
                    far.append(photo)
                elif photo is not best:
                    shot = f"{best.name}, mirrored" if bits < straight(photo, best) else best.name
                    text = f"the same shot as {shot}: {bits} of {HASH_BITS} bits differ."
                    yield photo.id, Verdict("duplicate", bits, text, thresholds.duplicate)
            rest = far


def _best(group: Sequence[Photo], thresholds: Thresholds) -> Photo:
    """The best of a group: in use, crisp, the largest, the least compressed, the camera's own.

    Among equals it is the first that is as sharp as any.
    """

    def blur(photo: Photo) -> float:
        return photo.measures.blur if photo.measures else 1.0

    def worth(photo: Photo) -> tuple[bool, bool, int, float, bool]:
        crisp = blur(photo) <= min(thresholds.blur, thresholds.blur_frame)
        coarse, camera = (photo.measures.coarse, photo.measures.camera) if photo.measures else (1.0, False)
        return photo.split != "out", crisp, photo.width * photo.height, -coarse, camera

    most = max(map(worth, group))
    equals = [photo for photo in group if worth(photo) == most]
    sharpest = min(map(blur, equals))
    return next(photo for photo in equals if blur(photo) <= sharpest + SHARPER)


# A photo by itself


def _alone(kind: str, photo: Photo, thresholds: Thresholds, resolution: int) -> Iterator[Verdict]:
    yield from _size(photo, thresholds, resolution)
    if photo.measures:
        resembles = [*_resemblance(photo.measures, thresholds)]
        yield from resembles or _light(photo, photo.measures, thresholds)  # a screen's light is not the photo's
        if kind == "person" and photo.measures.faces is not None:
            yield from _faces(photo, photo.measures, thresholds, resolution)


def _size(photo: Photo, thresholds: Thresholds, resolution: int) -> Iterator[Verdict]:
    """What the size of the part that is trained on says: `small`, and `aspect`."""
    crop = photo.crop or WHOLE
    width = round((crop.right - crop.left) * photo.width)
    height = round((crop.bottom - crop.top) * photo.height)
    short, long = sorted((width, height))
    if short < resolution:
        text = f"{width} × {height} pixels: the short side is under the {resolution} that training uses."
        yield Verdict("small", short, text, resolution)
    if long > thresholds.aspect * short:
        ratio = round(long / max(1, short), 2)
        text = f"{ratio:g} times as long as wide: much will be cropped."
        yield Verdict("aspect", ratio, text, thresholds.aspect)


def _light(photo: Photo, measures: Measures, thresholds: Thresholds) -> Iterator[Verdict]:
    """`blur` and `exposure`, of the face where there is one to judge by, else of the whole photo."""
    face = focus(measures.faces, photo.width, photo.height)
    where = "the face" if face else "the photo"
    crisp = thresholds.blur if face else thresholds.blur_frame
    clipped = thresholds.clipped if face else thresholds.clipped_frame
    if measures.blur > crisp:
        text = f"{where} is blurred: {measures.blur:.2f} of 1, where crisp ones stay under {crisp:g}."
        yield Verdict("blur", measures.blur, text, crisp)
    if measures.peak < thresholds.dark:
        text = (
            f"{where} is dark: nothing in it is brighter than {measures.peak:.0%}; {thresholds.dark:.0%} is usual."
        )
        yield Verdict("exposure", measures.peak, text, thresholds.dark)
    elif measures.clipped_high > clipped:
        text = f"{measures.clipped_high:.0%} of {where} is burnt out; {clipped:.0%} is the most."
        yield Verdict("exposure", measures.clipped_high, text, clipped)
    elif face and measures.mean > thresholds.bright:
        text = f"{where} is too bright: {measures.mean:.0%} on average; {thresholds.bright:.0%} is the most."
        yield Verdict("exposure", measures.mean, text, thresholds.bright)


def _resemblance(measures: Measures, thresholds: Thresholds) -> Iterator[Verdict]:
    if measures.screen > thresholds.screen:
        text = "looks like a screenshot: even areas with sharp edges."
        yield Verdict("screenshot", measures.screen, text, thresholds.screen)
    if measures.panels > thresholds.panels:
        text = "looks like a collage: a straight border runs from one side to the other."
        yield Verdict("collage", measures.panels, text, thresholds.panels)


def _faces(photo: Photo, measures: Measures, thresholds: Thresholds, resolution: int) -> Iterator[Verdict]:
    """`noface`, `stranger`, `faces` (several large ones), `distant` (small, as training will see it)."""
    faces = measures.faces or ()
    seen = [face for face in faces if _inside(face, photo.crop or WHOLE)]
    if not seen:
        where = "in the part that is trained on" if faces else "in it"
        yield Verdict("noface", 0, f"no face was found {where}.", 1)
        return
    if measures.likeness is not None and measures.likeness < thresholds.stranger:
        text = (
            f"the face is unlike the dataset's others: {measures.likeness:.2f} of 1; "
            f"{thresholds.stranger:g} is the least of one person."
        )
        yield Verdict("stranger", measures.likeness, text, thresholds.stranger)
    large = [face for face in seen if _width(face) >= BESIDE * _width(seen[0])]
    if len(large) > 1:
        yield Verdict(
            "faces", len(large), f"{plural(len(large), 'face')} in it: crop to the one that is meant.", 1
        )
    meant = faces[measures.subject] if faces[measures.subject] in seen else seen[0]
    pixels = face_pixels(photo, meant, resolution)
    if pixels < thresholds.face:
        text = f"the face is {pixels} pixels wide in training at {resolution}; {thresholds.face} is the least."
        yield Verdict("distant", pixels, text, thresholds.face)


def face_pixels(photo: Photo, face: Face, resolution: int) -> int:
    """How many pixels wide a face of a photo is when the part that is trained on is scaled to `resolution`."""
    crop = photo.crop or WHOLE
    area = (crop.right - crop.left) * photo.width * (crop.bottom - crop.top) * photo.height
    scale = min(1.0, resolution / math.sqrt(max(1.0, area)))
    return round(_width(face) * photo.width * scale)


def _width(face: Face) -> float:
    return face.box.right - face.box.left


def _inside(face: Face, crop: Crop) -> bool:
    """Whether the middle of a face lies in the part of the photo that is trained on."""
    x, y = (face.box.left + face.box.right) / 2, (face.box.top + face.box.bottom) / 2
    return crop.left <= x <= crop.right and crop.top <= y <= crop.bottom
