"""Every image that Pillow tests itself with: the odd, the broken and the hostile, through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import PIL
import pytest
from platformdirs import user_cache_path

from tests.helpers import python
from zen_tui.library.database import Database
from zen_tui.library.datasets import dataset, photos
from zen_tui.library.durable import hash_file
from zen_tui.library.paths import Home

MOST_MEMORY = 600  # MB, for one picture of 100 megapixels may be decoded at a time
FEWEST = 1000
IMPORT = """
import sys
from zen_tui.__main__ import main
sys.argv[:] = ["zen", "datasets", "import", sys.argv[1], "--name", "pillow", "--kind", "object", "--json"]
try:
    main()
except SystemExit as ended:
    code = ended.code
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) / 1e3  # of this process alone; getrusage tells its parent's too
print(f"{peak:.0f} {code}", file=sys.stderr)
"""
# what each of these is for is said in Pillow's own tests
HOSTILE = {
    "decompression_bomb.gif", "png_decompression_dos.png", "libtiff_segfault.tif",
    "tiff_overflow_rows_per_strip.tif", "tiff_tiled_jpeg_oob_read.tif", "seek_too_large.tif",
}  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pillow's Tests/images, from its source distribution, which is fetched once and kept in the cache folder."""
    cache = user_cache_path("zen-tests", appauthor=False)
    name = f"pillow-{PIL.__version__}.tar.gz"
    if not (cache / name).exists():
        wanted = f"pillow=={PIL.__version__}"
        fetch = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "pillow", wanted]
        done = subprocess.run([*fetch, "-d", str(cache)], capture_output=True, text=True, check=False, timeout=600)
        if done.returncode or not (cache / name).exists():
            pytest.fail(
                f"Pillow's source distribution could not be fetched by pip; put {name} into {cache} and run again."
                f"\n{done.stderr[-2000:]}"
            )
    folder = tmp_path_factory.mktemp("pillow")
    with tarfile.open(cache / name) as archive:
        wanted_files = [m for m in archive.getmembers() if "/Tests/images/" in m.name]
        archive.extractall(folder, wanted_files, filter="data")
    return folder / f"pillow-{PIL.__version__}" / "Tests" / "images"


@pytest.mark.slow
def test_all_of_them_come_in_or_are_told_why_not(images: Path, home: Home, db: Database) -> None:
    files = [path for path in images.rglob("*") if path.is_file()]
    assert len(files) > FEWEST

    ran = python(IMPORT, str(images), timeout=300)

    peak, code = ran.stderr.split()[-2:]
    assert ran.stderr.split() == [peak, code], "something was written straight onto the terminal"
    report = json.loads(ran.stdout)
    assert code == "1"
    assert int(peak) < MOST_MEMORY
    named = [Path(entry["file"]) for kind in ("added", "duplicates", "skipped") for entry in report[kind]]
    aside = [path for path in files if path.suffix in (".txt", ".caption", ".json", ".xmp", ".csv")]
    assert sorted(named) == sorted(set(files) - set(aside)), "a file was passed over in silence, or named twice"
    reasons = {Path(entry["file"]).name: entry["reason"] for entry in report["skipped"]}
    assert all(reasons.values())
    assert set(reasons) >= HOSTILE
    print(f"\n{len(files)} files, {peak} MB at most, {len(report['added'])} came in")
    print(Counter(reason.partition(":")[0] for reason in reasons.values()).most_common())
    kept = photos(db, dataset(db, "pillow").id)
    assert len(kept) == len(report["added"]) > 400
    for photo in kept:
        assert photo.measures is not None
        assert hash_file(home.photo("pillow", photo.hash, photo.suffix)) == photo.hash
        assert home.thumbnail("pillow", photo.hash).exists()
