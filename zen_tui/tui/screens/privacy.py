"""Privacy: the offline lock as the worker tried it, a proof on demand, and what Zen holds."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from zen_tui.library import datasets, models
from zen_tui.library.errors import ZenError
from zen_tui.library.text import clean, plural
from zen_tui.privacy.lock import read_state
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import JobsChanged
from zen_tui.tui.screens.place import Place

SIGNS = {
    "kernel": ("●", "$primary"),
    "process": ("●", "$primary"),
    "named": ("▲", "$attention"),
    "none": ("▲", "$attention"),
}
UNTRIED = "No worker has run yet. The lock is tried when the first job starts; p tries it now."


class PrivacyScreen(Place):
    """Everything shown is read or tried; nothing is claimed."""

    place = "privacy"
    scope = "privacy"
    home_focus = "#lock-panel"
    BINDINGS = bindings("privacy")
    CSS_PATH = "privacy.tcss"

    def body(self) -> ComposeResult:
        with Horizontal(id="halves"):
            with VerticalScroll(classes="panel", id="lock-panel") as lock:
                lock.border_title = "offline lock"
                yield Static(id="lock")
                yield Static(id="proof")
            with VerticalScroll(classes="panel", id="held-panel") as held:
                held.border_title = "what is held"
                yield Static(id="held")

    def load(self) -> None:
        state = read_state(self.zen.home)
        if state is None:
            told = Content.styled(UNTRIED, "$muted")
        else:
            sign, colour = SIGNS[state.level]
            rows = [("system call filter", state.seccomp), ("Landlock", state.landlock)]
            lines = [Content.assemble((f"{sign} ", colour), (state.text, "$bright")), Content("")]
            lines += [
                Content.assemble((f"{name:<20}", "$muted"), ("on" if on else "not in force", "$foreground"))
                for name, on in rows
            ]
            lines.append(Content.styled("As the worker found when it last started.", "$muted"))
            told = Content("\n").join(lines)
        self.query_one("#lock", Static).update(told)
        self.query_one("#held", Static).update(self._held())

    def _held(self) -> Content:
        """Counts for each dataset, then of everything."""
        db, lines = self.zen.db, []
        adapters = models.adapters(db)
        for dataset in datasets.all_datasets(db):
            runs = {run.id for run in models.runs_of(db, dataset.id)}
            own = [adapter.id for adapter in adapters if adapter.run_id in runs]
            marks = ", ".join("?" * len(own)) or "NULL"
            sql = f"SELECT count(DISTINCT picture_id) AS n FROM picture_adapters WHERE adapter_id IN ({marks})"
            row = db.row(sql, *own)
            pictures = int(row["n"]) if row else 0
            lines += [
                Content.styled(dataset.slug, "bold $bright"),
                Content.styled(
                    f"  {plural(dataset.photo_count, 'photo')}, {plural(len(runs), 'run')}, "
                    f"{plural(len(own), 'adapter')}, {plural(pictures, 'picture')} made with what was learned",
                    "$foreground",
                ),
            ]
        row = db.row("SELECT count(*) AS n FROM pictures")
        total = f"{plural(int(row['n']) if row else 0, 'picture')} in all"
        lines += [Content(""), Content.styled(f"{total}. Everything lies in", "$muted")]
        lines.append(Content.styled(clean(str(self.zen.home.root)), "$foreground"))
        lines.append(Content.styled("readable by your account alone, and not encrypted by Zen.", "$muted"))
        return Content("\n").join(lines)

    def on_jobs_changed(self, message: JobsChanged) -> None:
        if message.ended:
            self.load()

    def action_prove(self) -> None:
        self.query_one("#proof", Static).update(Content.styled("\nTrying every way out…", "$muted"))
        self._prove()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _prove(self) -> None:
        """In a process of its own: the lock, once on, never comes off."""
        command = [sys.executable, "-m", "zen_tui.privacy.prove"]
        answer = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if answer.returncode:
            self.app.call_from_thread(self.zen.fail, ZenError("The lock could not be tried out."))
            self.app.call_from_thread(self.query_one("#proof", Static).update, "")
            return
        proof = msgspec.json.decode(answer.stdout)
        self.app.call_from_thread(self._show_proof, proof)

    def _show_proof(self, proof: dict[str, Any]) -> None:
        if not self.is_attached:
            return
        lines = [
            Content(""),
            Content.styled("Tried just now", "bold $bright"),
            Content.styled(proof["text"], "$muted"),
        ]
        lines.append(Content.styled(f"{'':<24}{'inside':<16}outside", "$muted"))
        for attempt in proof["attempts"]:
            inside, outside = (clean(str(attempt[where]), 15) for where in ("locked", "open"))
            colour = "$primary" if proof["blocked"] else "$attention"
            lines.append(
                Content.assemble(
                    (f"{attempt['name']:<24}", "$foreground"), (f"{inside:<16}", colour), (outside, "$muted")
                )
            )
        self.query_one("#proof", Static).update(Content("\n").join(lines))

    def action_copy_path(self) -> None:
        self.zen.copy_path(self.zen.home.root)
