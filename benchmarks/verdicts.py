"""How well photos are judged: the numbers from which the thresholds in settings.toml were chosen.

Takes folders of good photographs and spoils copies of them in ways that are known: blurred, saved small,
brightened, mirrored, cut, joined to a collage, shown on a screen. Says for each measure how far the good ones and
the spoilt ones lie apart, as the area under the ROC curve (1 is apart, 0.5 is chance) and as what the threshold
lets through.

Usage: python benchmarks/verdicts.py [FOLDER …] [--json]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from zen_tui.library.errors import BadFile
from zen_tui.library.records import Dataset, Measures, Photo
from zen_tui.library.settings import Thresholds
from zen_tui.photos.alike import distance
from zen_tui.photos.faces import finder
from zen_tui.photos.judge import judge, judge_one
from zen_tui.photos.measure import SIDE, focus, measure
from zen_tui.photos.open import open_upright
from zen_tui.photos.sources import scan

OURS = Path(__file__).parents[1] / "tests" / "photos" / "photographs"
LIMITS = Thresholds()
Change = Callable[[Image.Image], Image.Image]


def again(picture: Image.Image, quality: int) -> Image.Image:
    """The picture as it comes back from a JPEG of this quality."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def cut(picture: Image.Image, share: float) -> Image.Image:
    """The picture without `share` of each side, at its old size."""
    wide, high = picture.size
    box = (round(share * wide), round(share * high), round((1 - share) * wide), round((1 - share) * high))
    return picture.crop(box).resize(picture.size, Image.Resampling.LANCZOS)


SAME: dict[str, Change] = {
    "JPEG quality 40": lambda picture: again(picture, 40),
    "half the size": lambda picture: picture.reduce(2),
    "blurred by 2 pixels": lambda picture: picture.filter(ImageFilter.GaussianBlur(2)),
    "1.3 times as bright": lambda picture: ImageEnhance.Brightness(picture).enhance(1.3),
    "mirrored": ImageOps.mirror,
    "2 % cut off each side": lambda picture: cut(picture, 0.02),
    "5 % cut off each side": lambda picture: cut(picture, 0.05),
}


def on_a_screen(picture: Image.Image, dark: bool) -> Image.Image:
    """A telephone that shows the picture between lines of text."""
    wide, high = 1080, 2340
    ground, ink = ((18, 18, 18), (235, 235, 235)) if dark else ((255, 255, 255), (20, 20, 20))
    screen = Image.new("RGB", (wide, high), ground)
    draw = ImageDraw.Draw(screen)
    font = ImageFont.load_default(36)
    draw.text((60, 40), "12:41", ink, font)
    draw.text((160, 140), "a name, and where it was", ink, font)
    screen.paste(ImageOps.fit(picture, (wide, 1350)), (0, 260))
    for line in range(8):
        draw.text((60, 1660 + 60 * line), "what people said of it " * (1 + line % 2), ink, font)
    return again(screen, 85)


def side_by_side(pictures: tuple[Image.Image, Image.Image], gutter: int) -> Image.Image:
    """Two pictures in one square, with `gutter` white pixels between them."""
    square = Image.new("RGB", (1000, 1000), "white")
    for at, picture in zip((0, 500 + gutter // 2), pictures, strict=True):
        square.paste(ImageOps.fit(picture, (500 - gutter // 2, 1000)), (at, 0))
    return again(square, 85)


def area(good: list[float], bad: list[float]) -> float:
    """The chance that a bad one measures higher than a good one: the area under the ROC curve."""
    wins = sum((b > g) + 0.5 * (b == g) for g in good for b in bad)
    return round(wins / (len(good) * len(bad)), 3)


def apart(good: list[float], bad: list[float], limit: float) -> dict[str, Any]:
    """How two lots of numbers lie to each other and to a threshold."""
    return {
        "area": area(good, bad),
        "good_median": round(statistics.median(good), 3),
        "good_most": round(max(good), 3),
        "bad_median": round(statistics.median(bad), 3),
        "limit": limit,
        "good_flagged": sum(value > limit for value in good),
        "bad_flagged": sum(value > limit for value in bad),
        "good": len(good),
        "bad": len(bad),
    }


def shrunk(picture: Image.Image) -> Image.Image:
    """As import hands it to `measure`."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return small


class Bench:
    """The photographs, measured once with the faces that are in them."""

    def __init__(self, folders: list[Path]) -> None:
        self.pictures: list[Image.Image] = []
        self.names: list[str] = []
        for path in scan(folders):
            try:
                self.pictures.append(open_upright(path, 2 * SIDE))
                self.names.append(path.name)
            except BadFile:
                continue
        looks = finder()
        self.small = [shrunk(picture) for picture in self.pictures]
        began = time.perf_counter()
        self.faces = [looks.find(small).faces if looks else None for small in self.small]
        self.faces_ms = round(1000 * (time.perf_counter() - began) / max(1, len(self.small)), 1)
        began = time.perf_counter()
        self.measures = [self.measured(at) for at in range(len(self.small))]
        self.measure_ms = round(1000 * (time.perf_counter() - began) / max(1, len(self.small)), 1)

    def measured(self, at: int, change: Change | None = None) -> Measures:
        """The measures of one photograph, changed at the size that is measured."""
        small = change(self.small[at]) if change else self.small[at]
        return measure(small, self.faces[at])

    def blur(self) -> dict[str, Any]:
        """Crisp against blurred, in faces and in whole frames."""
        result = {}
        for name, wanted in (("faces", True), ("frames", False)):
            chosen = [
                at for at, faces in enumerate(self.faces) if bool(focus(faces, *self.small[at].size)) == wanted
            ]
            for sigma in (1, 2, 3) if chosen else ():
                spoil = ImageFilter.GaussianBlur(sigma)
                bad = [self.measured(at, lambda picture, by=spoil: picture.filter(by)).blur for at in chosen]  # type: ignore[misc]
                good = [self.measures[at].blur for at in chosen]
                result[f"{name}, {sigma} px"] = apart(good, bad, LIMITS.blur if wanted else LIMITS.blur_frame)
        return result

    def exposure(self) -> dict[str, Any]:
        """What is burnt out, and how bright, as taken and three stops brighter or darker."""
        result = {}
        for name, factor in (("as taken", 1.0), ("3 times as bright", 3.0), ("an eighth as bright", 0.125)):
            means = [
                self.measured(at, lambda picture, by=factor: ImageEnhance.Brightness(picture).enhance(by))  # type: ignore[misc]
                for at in range(len(self.small))
            ]
            judged = [
                judge_one("", picture.size, found, LIMITS, 1)
                for picture, found in zip(self.small, means, strict=True)
            ]
            flagged = sum(any(verdict.kind == "exposure" for verdict in verdicts) for verdicts in judged)
            result[name] = {"flagged": flagged, "of": len(means)}
        return result

    def duplicates(self) -> dict[str, Any]:
        """Bits between a photograph and its changed copies, and between different photographs."""
        result: dict[str, Any] = {}
        for name, change in SAME.items():
            bits = []
            for at, before in enumerate(self.measures):
                after = self.measured(at, change)
                bits.append(min(distance(before.phash, after.phash), distance(before.phash, after.mirror)))
            result[name] = {"median": statistics.median(bits), "most": max(bits), "found": _share(bits)}
        pairs = [
            (min(distance(a.phash, b.phash), distance(a.phash, b.mirror)), f"{n}, {m}")
            for (n, a), (m, b) in itertools.combinations(zip(self.names, self.measures, strict=True), 2)
        ]
        bits = [pair[0] for pair in pairs]
        near = [names for distance, names in sorted(pairs) if distance <= LIMITS.duplicate]
        result["different"] = {"median": statistics.median(bits), "least": min(bits), "found": near[:10]}
        return result

    def resemblance(self) -> dict[str, Any]:
        """Photographs against telephones that show them, and against collages of two."""
        half = len(self.pictures) // 2
        screens = [measure(shrunk(on_a_screen(p, bool(at % 2)))) for at, p in enumerate(self.pictures)]
        pairs = list(zip(self.pictures[:half], self.pictures[half:], strict=False))
        joined = [measure(shrunk(side_by_side(pair, gutter))) for pair in pairs for gutter in (0, 16)]
        return {
            "screen": apart([m.screen for m in self.measures], [m.screen for m in screens], LIMITS.screen),
            "panels": apart([m.panels for m in self.measures], [m.panels for m in joined], LIMITS.panels),
        }


def judging_ms(measures: list[Measures], count: int = 2000) -> float:
    """Milliseconds to judge a dataset of `count` photos that were measured already, the best of five."""
    dataset = Dataset(id=1, slug="many", token="ohwx", class_word="thing", kind="person")
    photos = [
        Photo(id=at, dataset_id=1, hash=str(at), suffix=".jpg", name=f"{at}.jpg", width=900, height=600,
              measures=_shuffled(measures[at % len(measures)], at))
        for at in range(count)
    ]  # fmt: skip
    times = []
    for _ in range(5):
        began = time.perf_counter()
        judge(dataset, photos, LIMITS)
        times.append(1000 * (time.perf_counter() - began))
    return round(min(times), 1)


def _shuffled(found: Measures, seed: int) -> Measures:
    """The same measures with another hash, for else all would be one shot."""
    other = hashlib.sha256(str(seed).encode()).hexdigest()
    return msgspec.structs.replace(found, phash=other[:16], mirror=other[16:32])


def _share(bits: list[int]) -> float:
    return round(sum(value <= LIMITS.duplicate for value in bits) / len(bits), 3)


def report(bench: Bench) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        "photographs": len(bench.small),
        "with_faces": sum(bool(faces) for faces in bench.faces),
        "faces": sum(len(faces or ()) for faces in bench.faces),
        "measure_ms": bench.measure_ms,
        "faces_ms": bench.faces_ms,
        "judging_2000_ms": judging_ms(bench.measures),
        "blur": bench.blur(),
        "exposure": bench.exposure(),
        "duplicates": bench.duplicates(),
        "resemblance": bench.resemblance(),
    }


def lines(document: dict[str, Any], indent: int = 0) -> Iterator[str]:
    """The report as indented lines."""
    for name, value in document.items():
        if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
            yield f"{' ' * indent}{name}"
            yield from lines(value, indent + 2)
        elif isinstance(value, dict):
            yield f"{' ' * indent}{name.ljust(24)} {', '.join(f'{k} {v}' for k, v in value.items())}"
        else:
            yield f"{' ' * indent}{name.ljust(24)} {value}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folders", nargs="*", type=Path, help="good photographs; without, those of the tests")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    document = report(Bench(chosen.folders or [OURS]))
    print(json.dumps(document) if chosen.json else "\n".join(lines(document)))


if __name__ == "__main__":
    main()
