"""Where everything lies: one folder, `ZEN_HOME` or the platform's data folder, private to its owner."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from zen_tui.library.errors import ZenError


@dataclass(frozen=True)
class Home:
    """The folder that holds all of Zen's data. Every path in Zen starts here."""

    root: Path

    @classmethod
    def find(cls) -> Home:
        """The home that the environment names, else the platform's user data folder; not created yet."""
        named = os.environ.get("ZEN_HOME")
        if named:
            return cls(Path(named).expanduser().absolute())
        from platformdirs import user_data_path

        return cls(user_data_path("zen", appauthor=False))

    def create(self) -> Home:
        """Make the folders, readable by the owner alone.

        Raises:
            ZenError: the folder cannot be made or written.
        """
        try:
            for folder in (
                self.root,
                self.datasets,
                self.bases,
                self.runs,
                self.adapters,
                self.pictures,
                self.jobs,
                self.work,
            ):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for marker in (".nomedia", ".metadata_never_index", ".trackerignore"):
                (self.root / marker).touch(mode=0o600)
        except OSError as error:
            raise ZenError(
                f"Zen cannot write to its folder {self.root}: {error.strerror}.",
                "Set ZEN_HOME to a folder that you can write to.",
            ) from error
        return self

    @property
    def database(self) -> Path:
        return self.root / "zen.db"

    @property
    def settings(self) -> Path:
        return self.root / "settings.toml"

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def bases(self) -> Path:
        return self.root / "bases"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def adapters(self) -> Path:
        return self.root / "adapters"

    @property
    def pictures(self) -> Path:
        return self.root / "pictures"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def work(self) -> Path:
        """Temporary files of the worker: never outside the home."""
        return self.root / "work"

    @property
    def worker_lock(self) -> Path:
        return self.root / "worker.lock"

    def dataset(self, slug: str) -> Path:
        return self.datasets / slug

    def photo(self, slug: str, hash: str, suffix: str) -> Path:
        return self.datasets / slug / "photos" / f"{hash}{suffix}"

    def thumbnail(self, slug: str, hash: str) -> Path:
        """The 256 px JPEG of a dataset's photo."""
        return self.datasets / slug / "thumbnails" / f"{hash}.jpg"

    def mask(self, slug: str, hash: str) -> Path:
        """The subject mask of a dataset's photo: an 8-bit grey PNG, white where the subject is."""
        return self.datasets / slug / "masks" / f"{hash}.png"

    def face(self, slug: str, hash: str) -> Path:
        """What the faces of a photo look like, as numbers: biometric, and gone with the dataset."""
        return self.datasets / slug / "faces" / f"{hash}.json"

    def caption_changes(self, slug: str) -> Path:
        """What was lately done to a dataset's captions, so that it can be taken back."""
        return self.datasets / slug / "captions"

    def picture_thumbnail(self, hash: str) -> Path:
        """The 256 px JPEG of a generated picture."""
        return self.pictures / "thumbnails" / f"{hash}.jpg"

    def cache(self, slug: str) -> Path:
        return self.datasets / slug / "cache"

    def run(self, run_id: int) -> Path:
        return self.runs / str(run_id)

    def job(self, job_id: int) -> Path:
        return self.jobs / str(job_id)

    def events(self, job_id: int) -> Path:
        return self.job(job_id) / "events.jsonl"

    def relative(self, path: Path) -> str:
        """`path` as it is kept in the database: relative to the home where it lies inside."""
        try:
            return str(path.relative_to(self.root))
        except ValueError:
            return str(path)

    def resolve(self, stored: str) -> Path:
        """The absolute path of what `relative` stored."""
        return self.root / stored
