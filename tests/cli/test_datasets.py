"""`zen datasets` from a folder of photos to an exported set, through the command line alone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Zen
from tests.helpers import colourful, python, save
from zen_tui.library.paths import Home


def test_import_adds_what_is_good_and_names_what_is_not(zen: Zen, photo_folder: Path) -> None:
    (photo_folder / "letter.jpg").write_text("not a picture")
    whole = (photo_folder / "beach.jpg").read_bytes()
    (photo_folder / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (photo_folder / "zz-again.jpg").write_bytes(whole)

    answer = zen("datasets", "import", photo_folder, "--name", "Mara", "--class", "woman", "--json")

    report = answer.json()
    assert answer.code == 1
    assert report["dataset"] == "mara"
    assert len(report["added"]) == 6
    assert len(report["duplicates"]) == 1
    assert {Path(s["file"]).name for s in report["skipped"]} == {"letter.jpg", "torn.jpg"}
    assert all(s["reason"] for s in report["skipped"])
    shown = zen("datasets", "show", "mara", "--json").json()
    sizes = {p["name"]: (p["width"], p["height"]) for p in shown["photos"]}
    captions = {p["name"]: p["caption"] for p in shown["photos"]}
    assert sizes["sideways.jpg"] == (480, 640)
    assert captions["beach.jpg"] == "a photo of ohwx woman on a beach"


def test_a_second_import_adds_nothing_and_succeeds(zen: Zen, photo_folder: Path) -> None:
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")
    again = zen("datasets", "import", photo_folder, "--name", "mara", "--json")

    assert again.code == 0
    assert again.json()["added"] == []
    assert len(again.json()["duplicates"]) == 6


def test_dry_run_says_what_would_happen_and_keeps_nothing(zen: Zen, home: Home, photo_folder: Path) -> None:
    answer = zen("datasets", "import", photo_folder, "--name", "mara", "--dry-run", "--json")

    assert len(answer.json()["added"]) == 6
    assert zen("datasets", "list", "--json").json() == []
    assert not any(path.is_file() for path in home.datasets.rglob("*"))


def test_nothing_to_import_is_a_sentence(zen: Zen, tmp_path: Path) -> None:
    empty, texts = tmp_path / "empty", tmp_path / "texts"
    empty.mkdir()
    texts.mkdir()
    (texts / "notes.txt").write_text("hello")

    for folder in (empty, texts, tmp_path / "nowhere"):
        answer = zen("datasets", "import", folder, "--name", "mara")
        assert answer.code != 0
        assert str(folder) in answer.err
        assert "Traceback" not in answer.err
    assert zen("datasets", "list", "--json").json() == []


def test_captions_crop_and_split_change_the_record_only(zen: Zen, photo_folder: Path) -> None:
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")
    first = zen("datasets", "show", "mara", "--json").json()["photos"][0]["id"]

    zen("datasets", "caption", "mara", "--photo", first, "--text", "{token} {class} at sea")
    zen("datasets", "split", "mara", "--photo", first, "--to", "out")
    split = zen("datasets", "split", "mara", "--holdout", "0.2", "--json").json()
    wrong = zen("datasets", "crop", "mara", "--photo", first, "--box", "0.5,0,0.2,1")

    photo = zen("datasets", "show", "mara", "--json").json()["photos"][0]
    assert photo["caption"] == "ohwx woman at sea"
    assert photo["split"] == "out"
    assert split == {"dataset": "mara", "train": 4, "holdout": 1, "out": 1}
    assert wrong.code == 1
    assert "crop" in wrong.err


def test_export_writes_plain_files_and_never_overwrites(zen: Zen, photo_folder: Path, tmp_path: Path) -> None:
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")
    out = tmp_path / "out"

    written = zen("datasets", "export", "mara", "--out", out, "--json").json()["files"]
    again = zen("datasets", "export", "mara", "--out", out)

    assert {Path(f).suffix for f in written} >= {".jpg", ".png", ".txt"}
    originals = {p.read_bytes() for p in photo_folder.glob("*.*") if p.suffix not in (".txt", ".caption")}
    assert {Path(f).read_bytes() for f in written if not f.endswith(".txt")} == originals
    assert again.code == 1


def test_forget_asks_and_then_leaves_nothing(zen: Zen, home: Home, photo_folder: Path) -> None:
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")

    asked = zen("datasets", "forget", "mara")
    kept = zen("datasets", "list", "--json").json()
    done = zen("datasets", "forget", "mara", "--yes")

    assert asked.code == 1
    assert len(kept) == 1
    assert done.code == 0
    assert zen("datasets", "list", "--json").json() == []
    assert not any(home.datasets.iterdir())
    assert (photo_folder / "beach.jpg").exists()


INTERRUPTED = """
import os, signal, sys, threading
from zen_tui.photos.keep import Keeper
keep, kept, lock = Keeper.keep, [], threading.Lock()
def counted(self, found, content):
    keep(self, found, content)
    with lock:
        kept.append(found)
        if len(kept) == 3:
            os.kill(os.getpid(), signal.SIGINT)
Keeper.keep = counted
from zen_tui.__main__ import main
sys.argv[:] = ["zen", "datasets", "import", sys.argv[1], "--name", "mara", "--json"]
main()
"""


def test_ctrl_c_keeps_what_came_in_and_says_so(zen: Zen, home: Home, tmp_path: Path) -> None:
    for number in range(40):
        save(tmp_path / "many" / f"{number:02d}.png", colourful(96, 80, seed=number))

    ran = python(INTERRUPTED, str(tmp_path / "many"))

    assert ran.returncode == 130, ran.stderr
    assert "What came in stays" in ran.stderr
    added = json.loads(ran.stdout)["added"]
    assert 0 < len(added) < 40
    shown = zen("datasets", "show", "mara", "--json").json()["photos"]
    assert [photo["id"] for photo in shown] == [entry["id"] for entry in added]
    assert len(list((home.dataset("mara") / "photos").iterdir())) == len(added)
    rest = zen("datasets", "import", tmp_path / "many", "--name", "mara", "--json").json()
    assert (len(rest["added"]), len(rest["duplicates"])) == (40 - len(added), len(added))
