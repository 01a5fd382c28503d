"""What is trained, on what, and with which settings: the few that matter, the rest folded away.

A field shows in grey what suits the base and the preset; what a person types stands out and holds instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Label, Select, Static

from zen_tui.jobs.trainings import METHODS
from zen_tui.library.records import Base, Dataset
from zen_tui.library.specs import SETTING_NAMES
from zen_tui.library.text import clean, plural

MATTERS = {
    "steps": "how often it learns",
    "rank": "room for what it learns",
    "learning_rate": "how far a step goes",
    "batch_size": "photos in a step",
    "resolution": "pixels, each way",
    "seed": "same seed, same run",
    "holdout": "share kept to measure with",
}
REST = {
    "alpha": "strength, beside the rank",
    "dropout": "of what is learned",
    "lora": "lora, rslora, dora, lokr",
    "lora_plus": "rate of B over A; 1 is off",
    "hypernet": "a network a width, or a layer",
    "layer_structure": "of a network: 1,2,1",
    "activation": "silu, relu, swish, linear, …",
    "text_encoder_lr": "of the rate; 0 is off",
    "text_encoder_until": "share of the steps",
    "vectors": "how many the word has",
    "init_word": "what it means so far",
    "embedding_lr": "times the LoRA's rate",
    "embedding_until": "share of the steps",
    "lora_from": "share for the word alone",
    "learns": "all, or attention",
    "save": "difference; folder: a base too",
    "gradient_accumulation": "batches in a step",
    "lr_schedule": "constant, cosine, linear",
    "warmup": "steps of a gentle start",
    "optimizer": "adamw, prodigy, …",
    "ema": "keeps an average; 0 is off",
    "precision": "auto, fp32, bf16, fp16",
    "quantize": "auto, none, int8, fp8, nf4",
    "gradient_checkpointing": "auto, on, off",
    "caption_dropout": "share without caption",
    "caption_shuffle": "tags in other orders; yes or no",
    "min_snr_gamma": "0 is off",
    "loss": "squared or huber",
    "huber": "where errors count less",
    "noise_offset": "for dark and bright; 0 is off",
    "timesteps": "auto, uniform, logit_normal",
    "shift": "towards noise; 0 is the base's",
    "prior_preservation": "keeps the class; 0 is off",
    "checkpoint_every": "steps",
    "keep_checkpoints": "the newest, beside the best",
    "sample_every": "steps; 0 is never",
    "sample_prompts": "with | between them",
    "allow_few_photos": "yes or no",
    "aspect": "square; buckets: all of it",
    "flip": "mirrored too; yes or no",
    "crop_jitter": "0 to 0.2, of its sides",
    "colour_jitter": "0 to 0.3; 0 is off",
    "variants": "of a photo; 0 is as suits",
    "masked_loss": "auto, on, off",
    "mask_outside": "weight off the subject",
    "judge": "pictures a checkpoint; 0 is off",
    "copy_within": "of a photo: a copy; 0 is off",
    "class_pictures": "of the class, drawn first; 0: none",
    "class_weight": "of those, beside the photos",
    "stop_early": "checkpoints without gain; 0: no",
    "stop_gain": "share of the held-out loss",
}
assert {*MATTERS, *REST} == set(SETTING_NAMES)


class TrainForm(VerticalScroll, can_focus=False):
    """`chosen` are the settings that a person typed; `suggest` fills in the grey ones."""

    DEFAULT_CSS = """
    TrainForm {
        height: auto; max-height: 100%;
        & Horizontal { height: 1; }
        & Label { width: 23; color: $muted; }
        & Input, & Select { width: 1fr; max-width: 34; }
        & .hint { width: 1fr; color: $muted; padding-left: 2; text-overflow: ellipsis; text-wrap: nowrap; }
        & .gap { height: 1; }
        & #rest { height: auto; display: none; }
        &.-more #rest { display: block; }
        & #more, & #start { margin-right: 2; }
        & SelectCurrent { padding: 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.defaults: dict[str, Any] = {}
        self.counts: dict[str, str] = {}  # what is in each dataset, in words
        self.others: set[str] = set()  # settings that only other methods have
        self.presets: dict[str, str] = {}  # each preset, in words
        self.suited: dict[str, str] = {}  # the preset that suits each dataset
        self._known: dict[str, list[str]] = {}  # what each list offers

    def compose(self) -> ComposeResult:
        for name, hint in (("dataset", ""), ("base", ""), ("method", ""), ("preset", "")):
            with Horizontal(id=f"row-{name}"):
                yield Label(name)
                yield Select[str]([], id=name, prompt="as suits" if name == "preset" else "none", compact=True)
                yield Static(hint, id=f"hint-{name}", classes="hint")
        yield _row("name", "what it will be called")
        yield Static(classes="gap")
        for name, hint in MATTERS.items():
            yield _row(name, hint)
        yield Vertical(id="rest")  # filled when it is first unfolded, which few people do
        yield Static(classes="gap")
        with Horizontal():
            yield Button("start training", id="start", classes="-primary")
            yield Button("more settings", id="more")

    def offer(
        self,
        datasets: Sequence[Dataset],
        bases: Sequence[Base],
        presets: Mapping[str, str],
        suited: Mapping[str, str],
    ) -> None:
        """Let a person choose among these; what is chosen stays chosen, else the newest dataset is.

        Args:
            presets: each one's words, by name.
            suited: the preset that a dataset is trained with where none is chosen.
        """
        self.presets, self.suited = dict(presets), dict(suited)
        self._options("dataset", [(d.slug, d.slug) for d in datasets])
        self._options("base", [(b.slug, b.slug) for b in bases])
        self._options("method", [(known.title, name) for name, known in METHODS.items()])
        self._options("preset", [(p, p) for p in presets], blank=True)
        self.query_one("#row-preset").display = bool(presets)
        self.counts = {d.slug: f"{plural(d.usable_count, 'photo')} of {d.token} {d.class_word}" for d in datasets}
        self.say_dataset()

    def _options(self, name: str, options: list[tuple[str, str]], *, blank: bool = False) -> None:
        select = self.query_one(f"#{name}", Select)
        before = select.value
        values = [value for _, value in options]
        if values != self._known.get(name):
            self._known[name] = values
            select.set_options(options)
        if before in values:
            select.value = before
        elif values and not blank:
            select.value = values[-1] if name == "dataset" else values[0]

    def choose(self, name: str, value: str) -> None:
        """Choose `value` in one of the lists, if it is offered."""
        if value in self._known.get(name, []):
            self.query_one(f"#{name}", Select).value = value

    def value(self, name: str) -> str | None:
        """What is chosen in one of the lists, or None."""
        found = self.query_one(f"#{name}", Select).value
        return found if isinstance(found, str) else None

    @property
    def adapter_name(self) -> str | None:
        """What the adapter should be called; None leaves it to the dataset."""
        return self.query_one("#name", Input).value.strip() or None

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings that were typed, as typed."""
        typed = {name: value for name, field in self.fields() if (value := field.value.strip())}
        return {name: value for name, value in typed.items() if name not in self.others}

    def fields(self) -> Iterator[tuple[str, Input]]:
        """The settings that have a field now, and the fields."""
        there = {field.id: field for field in self.query(Input)}  # one walk: there are sixty of them
        return ((name, there[name]) for name in SETTING_NAMES if name in there)

    @on(Select.Changed, "#method")
    def sift(self) -> None:
        """Show the settings of the method that is chosen, and those that all methods have."""
        mine = METHODS[self.value("method") or "lora"].settings
        self.others = {name for known in METHODS.values() for name in known.settings if name not in mine}
        for name, field in self.fields():
            if isinstance(row := field.parent, Horizontal):
                row.display = name not in self.others

    def say_dataset(self) -> None:
        """Say beside the dataset what is in it, and beside the preset which one that is."""
        dataset = self.value("dataset") or ""
        preset = self.value("preset") or self.suited.get(dataset, "")
        for hint, said in (("dataset", self.counts.get(dataset, "")), ("preset", self.presets.get(preset, ""))):
            self.query_one(f"#hint-{hint}", Static).update(Content(clean(said, 80)))

    def suggest(self, defaults: Mapping[str, Any], name: str) -> None:
        """Show these settings in grey where nothing is typed."""
        self.defaults = dict(defaults)
        for setting, field in self.fields():
            if setting in defaults:
                field.placeholder = _shown(defaults[setting])
        self.query_one("#name", Input).placeholder = name

    def clear(self) -> None:
        """Go back to what is suggested."""
        for _, field in self.fields():
            field.value = ""

    async def take(self, settings: Mapping[str, str], name: str) -> None:
        """Have these typed, and nothing else; what is folded away and not as suggested is shown."""
        if not set(settings) <= set(MATTERS) and not self.has_class("-more"):
            await self.fold()
        for setting, field in self.fields():
            field.value = settings.get(setting, "")
        self.query_one("#name", Input).value = name

    def mark_wrong(self, message: str) -> None:
        """Mark the settings that `message` names as wrong; '' marks none."""
        words = set(message.replace(":", " ").split())
        for setting, field in self.fields():
            field.set_class(setting in words, "-invalid")

    async def fold(self) -> Input:
        """Show the rest of the settings, or fold them away; the first of those that are there now."""
        self.toggle_class("-more")
        shown = self.has_class("-more")
        rest = self.query_one("#rest")
        if shown and not rest.children:
            await rest.mount_all([_row(name, hint) for name, hint in REST.items()])
            self.sift()
            self.suggest(self.defaults, self.query_one("#name", Input).placeholder)
        self.query_one("#more", Button).label = "fewer settings" if shown else "more settings"
        first = next(name for name in (REST if shown else MATTERS) if name not in self.others)
        return self.query_one(f"#{first}", Input)


def _row(name: str, hint: str) -> Horizontal:
    """A setting: its name, its field, and what it means."""
    field = Input(id=name, compact=True, select_on_focus=False)
    return Horizontal(Label(_SHORT.get(name, name)), field, Static(hint, classes="hint"))


_SHORT = {"gradient_accumulation": "gradient_accum.", "prior_preservation": "prior_preserv."}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return " | ".join(value) if isinstance(value, (list, tuple)) else str(value)
