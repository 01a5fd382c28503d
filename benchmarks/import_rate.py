"""How fast photos come in, beside what Pillow alone takes to decode and hash the same files with as many threads.

Makes JPEGs of 12 megapixels, each different in its bytes, and takes them in with a Python of its own, once as of
an object and once, where faces can be looked for, as of a person; in one of four there is a face. Three bare rates
stand beside it, all of which read each file, take its SHA-256 and decode it: to all of its pixels (`full`), to no
fewer pixels than the import measures, as the JPEG decoder gives them (`bare`), and exactly as the import decodes
it (`same`). The import also measures, judges, makes a thumbnail, writes both durably, and records them. All take
turns in one run. The shares are the import's rate as a part of each of theirs, by the clock and, which other work
on the machine disturbs less, by processor time.

Usage: python benchmarks/import_rate.py [--counts 200 1000] [--rounds 1] [--kinds object person] [--folder DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from zen_tui.library.database import Database
from zen_tui.library.datasets import add_dataset
from zen_tui.library.durable import require_space
from zen_tui.library.paths import Home
from zen_tui.photos.faces import missing
from zen_tui.photos.intake import THREADS, import_photos
from zen_tui.photos.measure import SIDE
from zen_tui.photos.open import QUICK

PHOTOGRAPHS = Path(__file__).parents[1] / "tests" / "photos" / "photographs"
SIZE = (4000, 3000)
GRAIN = 0.09  # how much of the noise shows: the files become as large as a phone's
TARGET = 0.8
BARE = ("full", "bare", "same")
KINDS = (*BARE, "object", "person")


def bases(quality: int) -> list[bytes]:
    """The photographs that the tests have, at 12 megapixels and with a sensor's noise, as JPEG."""
    grain = Image.effect_noise(SIZE, 60).convert("RGB")
    found = []
    for path in sorted(PHOTOGRAPHS.glob("*.jpg")):
        with Image.open(path) as small:
            large = small.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        Image.blend(large, grain, GRAIN).save(buffer, "JPEG", quality=quality)
        found.append(buffer.getvalue())
    return found


def make(folder: Path, count: int, quality: int) -> int:
    """Write `count` photographs that differ in their bytes; return how many bytes they have."""
    some = bases(quality)
    require_space(folder, 2 * count * max(map(len, some)))
    folder.mkdir()
    total = 0
    for number in range(count):
        comment = struct.pack(">HHQ", 0xFFFE, 10, number)
        base = some[number % len(some)]
        total += (folder / f"{number:06d}.jpg").write_bytes(base[:2] + comment + base[2:])
    return total


def bare(folder: Path, kind: str) -> None:
    """Read, hash and decode every file with as many threads as the import has."""

    def decode(path: Path) -> None:
        data = path.read_bytes()
        hashlib.sha256(data).hexdigest()
        with Image.open(io.BytesIO(data)) as image:
            if kind != "full":
                least = SIDE if kind == "bare" else round(QUICK * SIDE)
                image.draft("RGB", (least, least * image.height // image.width))
            image.load()
            if kind == "same":
                image.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(decode, sorted(folder.iterdir())):
            pass


def run_here(kind: str, folder: Path) -> None:
    """One measurement, in this process: prints seconds, those of processor time, and the peak of memory in MB."""
    started = time.process_time()
    if kind in BARE:
        began = time.perf_counter()
        bare(folder, kind)
        seconds = time.perf_counter() - began
    else:
        home = Home(folder.parent / "home").create()
        with Database.open(home) as db:
            dataset = add_dataset(db, "speed", "ohwx", "thing", kind)
            began = time.perf_counter()
            report = import_photos(db, home, dataset, [folder])
            seconds = time.perf_counter() - began
        if report.skipped or report.duplicates:
            raise SystemExit("Not every photo came in.")
    processor = time.process_time() - started
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1000  # of this process alone; getrusage tells its parent's too
    print(json.dumps({"seconds": seconds, "processor": processor, "peak": peak}))


def measure(kind: str, folder: Path) -> dict[str, float]:
    """As `run_here`, in a process of its own, so that the peak of memory is this one's alone."""
    command = [sys.executable, __file__, "--here", kind, "--folder", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    shutil.rmtree(folder.parent / "home", ignore_errors=True)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--counts", type=int, nargs="+", default=[200, 1000], help="photos in each import")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each, of which the median counts")
    parser.add_argument("--kinds", nargs="+", default=["object", "person"], choices=KINDS[len(BARE) :])
    parser.add_argument("--quality", type=int, default=90, help="of the JPEGs: at 90 as large as a phone's")
    parser.add_argument("--folder", type=Path, help="where to work; it needs room for the photos twice")
    parser.add_argument("--here", choices=KINDS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        run_here(chosen.here, chosen.folder)
        return
    kinds = [kind for kind in chosen.kinds if kind != "person" or not missing()]
    print(f"{THREADS} threads, photographs of {SIZE[0] * SIZE[1] / 1e6:.0f} megapixels")
    for count in chosen.counts:
        with tempfile.TemporaryDirectory(dir=chosen.folder) as work:
            folder = Path(work) / "photos"
            size = make(folder, count, chosen.quality) / count / 1e6
            taken: dict[str, list[dict[str, float]]] = {}
            for _ in range(chosen.rounds):
                for kind in (*BARE, *kinds):
                    taken.setdefault(kind, []).append(measure(kind, folder))
        print(f"\n{count:,} photos of {size:.1f} MB each")
        told = "  ".join(f"of {kind:4s} (processor)" for kind in BARE)
        print(f"{'':8s}photos a second  processor ms each  peak MB  {told}")
        for kind, runs in taken.items():
            rate = f"{count / _median(runs, 'seconds'):15.1f}"
            processor = f"{1000 * _median(runs, 'processor') / count:17.1f}"
            print(f"{kind:8s}{rate}  {processor}  {max(run['peak'] for run in runs):7.0f}  {shares(kind, taken)}")


def shares(kind: str, taken: dict[str, list[dict[str, float]]]) -> str:
    """The rate of an import as a share of each bare rate, by the clock and by processor time; '' for those."""
    if kind in BARE:
        return ""
    of = {
        other: [_median(taken[other], name) / _median(taken[kind], name) for name in ("seconds", "processor")]
        for other in BARE
    }
    below = [other for other in BARE if of[other][0] < TARGET]
    told = "  ".join(f"{clock:7.2f} ({processor:8.2f})" for clock, processor in of.values())
    return told + (f"  below {TARGET} of {' and '.join(below)}" if below else "")


def _median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


if __name__ == "__main__":
    main()
