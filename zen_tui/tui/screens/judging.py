"""What can be done with pictures, wherever they are shown: rate, reject, bring back, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zen_tui.library import pictures
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Picture
from zen_tui.library.text import plural

if TYPE_CHECKING:
    from zen_tui.tui.app import ZenApp


def stars(rating: int) -> str:
    """'★★★' for 3."""
    return "★" * rating


class Judge:
    """Writes judgements to the database; every method says on screen what could not be done."""

    rejected: ClassVar[
        list[int]
    ] = []  # since Zen was opened, newest last; shared, so that u undoes across screens

    def __init__(self, app: ZenApp) -> None:
        self.app = app

    def rate(self, chosen: list[Picture], rating: int) -> bool:
        """Give `chosen` this rating, in the database and in the records."""
        try:
            with self.app.db.transaction():
                for picture in chosen:
                    pictures.rate(self.app.db, picture.id, rating)
        except ZenError as error:
            self.app.fail(error)
            return False
        for picture in chosen:
            picture.rating = rating
        return bool(chosen)

    def reject(self, chosen: list[Picture], rejected: bool) -> bool:
        """Hide `chosen`, or bring them back."""
        try:
            with self.app.db.transaction():
                for picture in chosen:
                    pictures.reject(self.app.db, picture.id, rejected)
        except ZenError as error:
            self.app.fail(error)
            return False
        for picture in chosen:
            picture.rejected = rejected
            if rejected:
                self.rejected.append(picture.id)
        return bool(chosen)

    def restore(self) -> int | None:
        """Bring back what was rejected last and return its id."""
        if not self.rejected:
            self.app.notify("Nothing was rejected since Zen was opened.")
            return None
        try:
            last = pictures.picture(self.app.db, self.rejected.pop())
        except ZenError as error:
            self.app.fail(error)
            return None
        self.reject([last], False)
        return last.id

    def export(self, chosen: list[Picture]) -> None:
        """Ask for a folder and copy `chosen` there in a thread."""
        from zen_tui.tui.widgets.dialogs import AskLine

        def answered(folder: str | None) -> None:
            if folder:
                self.app.run_worker(
                    lambda: self._copy(chosen, Path(folder).expanduser()), thread=True, exit_on_error=False
                )

        why = f"{plural(len(chosen), 'picture')} will be copied. Nothing there is overwritten."
        self.app.push_screen(AskLine("export to a folder", value="~/Pictures/zen/", why=why, path=True), answered)

    def _copy(self, chosen: list[Picture], folder: Path) -> None:
        from zen_tui.library.outside import export_pictures

        try:
            export_pictures(self.app.home, chosen, folder)
        except ZenError as error:
            self.app.call_from_thread(self.app.fail, error)
        except OSError as error:
            lost = ZenError(f"A picture cannot be read: {error.strerror}.", "`zen doctor` looks at Zen's folder.")
            self.app.call_from_thread(self.app.fail, lost)
        else:
            said = f"{plural(len(chosen), 'picture')} copied to {folder}."
            self.app.call_from_thread(lambda: self.app.notify(said, markup=False))
