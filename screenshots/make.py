"""Photograph every screen of Zen as SVG and PNG, from a home with real data in it.

Without --home the demo is run first in a home of its own, so that everything in the pictures was made by Zen:
photos, a training with its loss and samples, generated pictures. Nothing is drawn by hand.

Usage: python screenshots/make.py [--home DIR] [--out DIR] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.app import ZenApp
from zen_tui.tui.terminal import Graphics

HERE = Path(__file__).parent
WIDE, NARROW = (160, 45), (80, 24)
FONTS = ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSans.ttf")  # the last one has braille
FONT_FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/TTF", "/usr/share/fonts/dejavu-sans-fonts")
SETTLE = 0.8  # seconds for decoding threads, after the last key


@dataclass(frozen=True)
class Shot:
    """One picture: what it is called, the keys that lead there, the size and the theme."""

    name: str
    keys: tuple[str, ...]
    size: tuple[int, int] = WIDE
    theme: str = "zen"
    empty: bool = False  # of a home with nothing in it


SHOTS = (
    Shot("welcome", (), empty=True),
    Shot("datasets", ("right", "right", "down")),
    Shot("datasets-80x24", ("right",), NARROW),
    Shot("datasets-large", ("right", "right", "f")),
    Shot("captions", ("right", "C")),
    Shot("captions-80x24", ("right", "C"), NARROW),
    Shot("import", ("i",)),
    Shot("import-80x24", ("i",), NARROW),
    Shot("crop", ("right", "c", "r", *("minus",) * 8, "down", "down", "tab")),
    Shot("crop-80x24", ("right", "c", "r", *("minus",) * 6), NARROW),
    Shot("mask", ("right", "M", "a", *("minus",) * 4, "K", "a", "space", *("minus",) * 9, "J")),
    Shot(
        "train",
        ("g", "2"),
    ),
    Shot("train-80x24", ("g", "2"), NARROW),
    Shot("runs-compared", ("g", "5", "go:compare")),
    Shot("runs-compared-80x24", ("g", "5", "go:compare"), NARROW),
    Shot("run", ("g", "5", "go:run")),
    Shot("run-80x24", ("g", "5", "go:run"), NARROW),
    Shot(
        "generate",
        ("g", "3"),
    ),
    Shot("gallery", ("g", "4", "right")),
    Shot("gallery-80x24", ("g", "4", "right"), NARROW),
    Shot("gallery-paper", ("g", "4", "right"), theme="paper"),
    Shot("picture", ("g", "4", "enter")),
    Shot("compare", ("g", "4", "space", "right", "space", "right", "space", "v")),
    Shot("duel", ("g", "4", "D")),
    Shot(
        "jobs",
        ("g", "5"),
    ),
    Shot(
        "bases",
        ("g", "6"),
    ),
    Shot(
        "privacy",
        ("g", "7"),
    ),
    Shot("help", ("g", "4", "question_mark")),
    Shot("palette", ("g", "4", "colon")),
)


async def photograph(shot: Shot, home: Home, out: Path) -> Path:
    """Open the app, press the keys of `shot`, and save what is on screen as SVG."""
    with Database.open(home) as db:
        app = ZenApp(home, db, graphics=Graphics("halfcell", "for the picture"))
        async with app.run_test(size=shot.size) as pilot:
            app.theme = shot.theme
            await settled(app, pilot)
            for key in shot.keys:
                await (SPECIAL[key](app, pilot) if key in SPECIAL else pilot.press(key))
                await settled(app, pilot)
            await pilot.pause(SETTLE)
            path = out / f"{shot.name}.svg"
            path.write_text(_tidy(app.export_screenshot(title="zen")))
    return path


async def settled(app: ZenApp, pilot: Pilot[None]) -> None:
    """Wait for the workers of the screen, but not for those that go on as long as the app."""
    await pilot.pause(0.1)
    await app.workers.wait_for_complete([worker for worker in app.workers if worker.group != "memory"])
    await pilot.pause(0.1)


async def _open_run(app: ZenApp, pilot: Pilot[None]) -> None:
    """Open the longest training, wherever it stands in the list of jobs."""
    from zen_tui.tui.messages import OpenRun

    row = app.db.row("SELECT job_id FROM runs WHERE job_id IS NOT NULL ORDER BY steps DESC LIMIT 1")
    if row is not None:
        app.screen.post_message(OpenRun(int(row["job_id"])))
    await pilot.pause(0.5)


async def _compare_runs(app: ZenApp, pilot: Pilot[None]) -> None:
    """Put the first training and the last side by side."""
    from zen_tui.library import models
    from zen_tui.tui.screens.compare_runs import CompareRunsScreen

    runs = models.runs(app.db)
    await app.push_screen(CompareRunsScreen([runs[0], runs[-1]]))
    await pilot.pause(0.5)


SPECIAL: dict[str, Callable[[ZenApp, Pilot[None]], Awaitable[None]]] = {
    "go:run": _open_run,
    "go:compare": _compare_runs,
}


def _tidy(svg: str) -> str:
    """The SVG with fonts that are on this machine; nothing is fetched when it is looked at."""
    return re.sub(r"@font-face\s*\{[^}]*\}\s*", "", svg).replace("Fira Code", "DejaVu Sans Mono")


def to_png(svg: Path) -> Path:
    """Render `svg` beside itself."""
    import resvg_py

    fonts = [str(path) for folder in FONT_FOLDERS for name in FONTS if (path := Path(folder) / name).exists()]
    if not fonts:
        raise SystemExit("DejaVu Sans Mono is not installed: apt install fonts-dejavu-core")
    text = svg.read_text().replace("arial", "DejaVu Sans Mono")
    png = svg.with_suffix(".png")
    png.write_bytes(bytes(resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True, font_files=fonts)))
    return png


def run_demo(home: Home) -> None:
    """The whole loop, as a person would run it."""
    print("No --home given: running the demo first, which takes some minutes.", file=sys.stderr)
    command = [sys.executable, "-m", "zen_tui", "demo", "--out", str(home.root / "demo")]
    short = [sys.executable, "-m", "zen_tui", "train", "demo", "--steps", "100", "--name", "gentle", "--wait"]
    short += [word for setting in ("rank=4", "sample_every=50") for word in ("--set", setting)]
    for each in (command, short):
        subprocess.run(each, env={**os.environ, "ZEN_HOME": str(home.root)}, check=True, stdout=subprocess.DEVNULL)


def copy_sheet(home: Home, out: Path) -> None:
    """What the demo drew: its contact sheet and its loss."""
    for name, sheet in (("demo", "sheet.png"), ("demo-loss", "sheet-loss.png")):
        if (file := home.root / "demo" / sheet).exists():
            print(shutil.copyfile(file, out / f"{name}.png"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--home", type=Path, help="a home to photograph; it is not changed")
    parser.add_argument("--out", type=Path, default=HERE, help="where the pictures go")
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures to make")
    chosen = parser.parse_args()
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    os.environ.pop("NO_COLOR", None)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(chosen.home.absolute() if chosen.home else Path(folder) / "home").create()
        if chosen.home is None:
            run_demo(home)
        nothing = Home(Path(folder) / "nothing").create()
        chosen.out.mkdir(parents=True, exist_ok=True)
        for shot in SHOTS:
            if not chosen.only or shot.name in chosen.only:
                svg = asyncio.run(photograph(shot, nothing if shot.empty else home, chosen.out))
                print(to_png(svg))
        if not chosen.only:
            copy_sheet(home, chosen.out)


if __name__ == "__main__":
    main()
