"""The files of a dataset's photos: original, thumbnail, what its faces look like, and its mask.

They are written by several threads, each file whole and on the disk, and their names made durable for a whole
group at once; only then may rows speak of them.
"""

from __future__ import annotations

from pathlib import Path

from zen_tui.library.durable import sync_folder, write_file
from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home
from zen_tui.photos.examine import Content, Found
from zen_tui.photos.faces import keep_likenesses
from zen_tui.photos.masks import import_mask


class Keeper:
    """Writes the files of one dataset's photos. `keep` may be called by several threads at once."""

    def __init__(self, home: Home, slug: str) -> None:
        self.home, self.slug = home, slug
        some = "0" * 64
        paths = (home.photo(slug, some, ""), home.thumbnail(slug, some), home.face(slug, some))
        self.folders = [path.parent for path in paths]

    def keep(self, found: Found, content: Content) -> None:
        """Write the files of a photo that was examined; those that are there already are left as they are.

        A mask that cannot be used is noted in `found`.

        Raises:
            DiskFull: a file could not be written; those that were are whole.
        """
        original, thumbnail, _, mask = self._files(found)
        if not (original.exists() and original.stat().st_size == found.size):
            write_file(original, content.data, settled=False)
        if not thumbnail.exists():
            write_file(thumbnail, content.thumbnail, settled=False)
        keep_likenesses(self.home, self.slug, found.hash, found.likenesses, settled=False)
        try:
            import_mask(mask, found.mask, (found.width, found.height))
        except BadFile as error:
            found.mask_fault = error.message

    def settle(self) -> None:
        """Make the names of all files that were written survive a power cut."""
        for folder in self.folders:
            if folder.exists():
                sync_folder(folder)

    def drop(self, found: Found) -> None:
        """Remove the files of a photo that is not recorded."""
        for path in self._files(found):
            path.unlink(missing_ok=True)

    def _files(self, found: Found) -> tuple[Path, Path, Path, Path]:
        return (
            self.home.photo(self.slug, found.hash, found.suffix),
            self.home.thumbnail(self.slug, found.hash),
            self.home.face(self.slug, found.hash),
            self.home.mask(self.slug, found.hash),
        )
