"""Two to four runs side by side: their losses over each other, their figures, and what each draws for a prompt."""

from __future__ import annotations

from bisect import bisect_right

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from zen_tui.jobs.events import Tail
from zen_tui.jobs.history import History
from zen_tui.jobs.trainings import METHODS
from zen_tui.library.events import Sample
from zen_tui.library.records import Run
from zen_tui.library.text import clean, duration, megabytes
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.curves_plot import LETTERS, CurvesPlot, RunCurve
from zen_tui.tui.widgets.picture_pane import PicturePane

AT_MOST = len(LETTERS)
STYLES = ("$primary", "$attention", "$best", "$bright")
LAST = 10**9


class CompareRunsScreen(Place):
    """`prompt` counts the prompts that any of the runs draws; `step` is the last step to show samples of."""

    place = "jobs"
    scope = "compare_runs"
    BINDINGS = bindings("compare_runs")
    CSS_PATH = "compare_runs.tcss"

    def __init__(self, runs: list[Run]) -> None:
        super().__init__()
        self.runs = runs
        self.histories = [History() for _ in runs]
        self.prompt, self.step = 0, LAST

    def body(self) -> ComposeResult:
        with Container(id="curves", classes="panel") as panel:
            panel.border_title = "losses, smoothed   ◆ held out"
            yield CurvesPlot(id="plot")
        with Horizontal(id="side-by-side"):
            for number, run in enumerate(self.runs):
                with Vertical(classes="panel side", id=f"run-{number}") as side:
                    side.border_title = clean(f"{LETTERS[number]}  {run.slug}", 40)
                    yield PicturePane()
                    yield Static(classes="told")

    def load(self) -> None:
        tails = [Tail(self.zen.home.events(run.job_id or 0)) for run in self.runs]
        self.histories = [History() for _ in self.runs]
        for history, tail in zip(self.histories, tails, strict=True):
            history.feed(tail.read_all())
        self.query_one(CurvesPlot).show(
            [
                RunCurve(h.steps, h.losses, h.smoothed, [(s.step, s.loss) for s in h.holdouts])
                for h in self.histories
            ]
        )
        self._show()

    @property
    def prompts(self) -> list[tuple[str, int]]:
        """Every (prompt, seed) that one of the runs draws."""
        return list(dict.fromkeys((s.prompt, s.seed) for history in self.histories for s in history.samples))

    @property
    def steps(self) -> list[int]:
        """Every step at which one of the runs has samples."""
        return sorted({step for history in self.histories for step in history.sample_steps})

    def _show(self) -> None:
        prompts = self.prompts
        wanted = prompts[self.prompt] if prompts else None
        for number, (run, history) in enumerate(zip(self.runs, self.histories, strict=True)):
            side = self.query_one(f"#run-{number}")
            sample = self._sample(history, wanted)
            path = self.zen.home.resolve(sample.path) if sample else None
            side.query_one(PicturePane).show(path, sample.prompt if sample else "no sample")
            at = f"step {sample.step:,}" if sample else "no sample of this prompt"
            told = [(at, STYLES[number]), *((line, "$muted") for line in figures(run, history))]
            side.query_one(".told", Static).update(Content("\n").join(Content.styled(*line) for line in told))
        panel = self.query_one("#curves")
        panel.border_subtitle = clean(f"{wanted[0]} · seed {wanted[1]}", 100) if wanted else ""

    def _sample(self, history: History, wanted: tuple[str, int] | None) -> Sample | None:
        """The newest sample of `wanted` that is not after the step to show."""
        drawn = [s for s in history.samples if (s.prompt, s.seed) == wanted and s.step <= self.step]
        return drawn[-1] if drawn else None

    def action_prompt(self, by: int) -> None:
        if self.prompts:
            self.prompt = (self.prompt + by) % len(self.prompts)
            self._show()

    def action_scrub(self, by: int) -> None:
        """Show the samples of an earlier or a later step; a run that has none there keeps those before it."""
        steps = self.steps
        if steps:
            at = min(len(steps) - 1, max(0, bisect_right(steps, self.step) - 1 + by))
            self.step = LAST if at == len(steps) - 1 else steps[at]
            self._show()


def figures(run: Run, history: History) -> list[str]:
    """What tells the run from others, a line each; what is not known is left out."""
    settings = run.spec.get("settings", {})
    known = METHODS.get(run.method)
    lines = [f"{run.method}, rank {settings['rank']}" if known and known.ranked else run.method]
    lines[0] += f", rate {settings['learning_rate']:g}" if "learning_rate" in settings else ""
    lines.append(f"{history.step:,} of {run.steps:,} steps")
    if history.smoothed:
        lines.append(f"loss {history.smoothed[-1]:.4f}")
    if best := history.best:
        lines.append(f"held out {best.loss:.4f} at {best.step:,}")
    if "seconds" in run.metrics:
        lines.append(f"{duration(run.metrics['seconds'])}, {megabytes(run.metrics['memory_mb'] * 1e6)}")
    return lines
