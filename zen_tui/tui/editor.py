"""Text in the person's own editor, while the app steps aside."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from zen_tui.library.errors import ZenError

if TYPE_CHECKING:
    from zen_tui.tui.app import ZenApp


def edit(app: ZenApp, text: str, suffix: str = ".txt") -> str | None:
    """`text` as it was left in $VISUAL or $EDITOR; None, and a sentence on screen, when that did not work.

    The file lies in Zen's own folder for as long as the editor is open.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(dir=app.home.work) as folder:
        file = Path(folder) / f"text{suffix}"
        file.write_text(text + "\n", encoding="utf-8")
        try:
            with app.suspend():
                done = subprocess.run([*command, str(file)], check=False)
        except (OSError, SuspendNotSupported) as error:
            said = f"The editor {command[0]} cannot be opened: {error}."
            app.fail(ZenError(said, "Set EDITOR to one that is installed."))
            return None
        if done.returncode:
            app.fail(ZenError(f"The editor ended with code {done.returncode}.", "The text is as it was."))
            return None
        return file.read_text(encoding="utf-8", errors="replace").rstrip("\n")
