"""What a person asks for in Generate, read and checked: which pictures, on what base, how long it may take, and
what is done so that the base fits into the memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from zen_tui.library import models
from zen_tui.library.database import Database, record
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Job
from zen_tui.library.sheets import SheetDefaults, parse
from zen_tui.library.specs import AdapterUse, GenerateSpec, Offload, PictureRequest, Quantize, decode_spec

LOOK_BACK = 20  # jobs that are looked at for a measured speed


@dataclass(frozen=True)
class Wish:
    """What stands in the fields, as typed; an empty field takes what suits the base."""

    text: str
    base: str | None = None
    adapters: str = ""
    negative: str = ""
    size: str = ""
    steps: str = ""
    guidance: str = ""
    seed: str = ""
    count: str = ""
    scheduler: str = ""
    quantize: Quantize = "auto"
    offload: Offload = "auto"


@dataclass(frozen=True)
class Wished:
    """A wish as Zen understood it; with `error`, the sentence that says why it did not.

    `fit` is what drawing does without on this machine, as named lines (`how_it_fits`).
    """

    base: Base | None = None
    adapters: list[AdapterUse] = field(default_factory=list)
    requests: list[PictureRequest] = field(default_factory=list)
    seconds: float | None = None
    defaults: SheetDefaults | None = None
    quantize: Quantize = "auto"
    offload: Offload = "auto"
    fit: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""
    hint: str = ""

    def submit(self, db: Database, home: Home) -> Job:
        """Put the pictures on the queue. Raises what `submit_generation` raises."""
        from zen_tui.jobs.submit import submit_generation

        base = self.base.slug if self.base else None
        return submit_generation(
            db, home, base=base, adapters=self.adapters, requests=self.requests, quantize=self.quantize,
            offload=self.offload,
        )  # fmt: skip


def understand(home: Home, wish: Wish) -> Wished:
    """Read the sheet and the fields; what is wrong is in the answer, never raised."""
    from zen_tui.jobs.submit import how_it_fits, sheet_defaults

    base: Base | None = None
    adapters: list[AdapterUse] = []
    defaults: SheetDefaults | None = None
    with Database.open(home) as db:
        try:
            adapters = adapter_uses(wish.adapters)
            base, defaults = sheet_defaults(
                db,
                wish.base,
                adapters,
                negative=wish.negative.strip(),
                count=_number(wish.count, "count") or 1,
                seed=_number(wish.seed, "seed"),
                size=size(wish.size),
                steps=_number(wish.steps, "steps"),
                guidance=_real(wish.guidance, "guidance"),
                scheduler=wish.scheduler.strip() or None,
            )
            triggers = [models.adapter(db, use.name).trigger for use in adapters]
            sheet = parse(wish.text, token_phrase=next(filter(None, triggers), ""), defaults=defaults)
            fit = how_it_fits(base, wish.quantize, wish.offload)
        except ZenError as error:
            return Wished(base, adapters, defaults=defaults, error=error.message, hint=error.hint)
        seconds = expected_seconds(db, home, base, sheet.requests())
        return Wished(base, adapters, sheet.requests(), seconds, defaults, wish.quantize, wish.offload, fit)


def adapter_uses(text: str) -> list[AdapterUse]:
    """'mara:0.8 coat' as adapters with weights. Raises `WrongUse` for a weight that is no number."""
    uses = []
    for word in text.replace(",", " ").split():
        name, colon, weight = word.partition(":")
        try:
            uses.append(AdapterUse(name, float(weight) if colon else 1.0))
        except ValueError:
            raise WrongUse(f"{word} is not an adapter with a weight.", "Write mara:0.8, for example.") from None
    return uses


def size(text: str) -> tuple[int, int] | None:
    """'512x768' as width and height; one number is a square. Raises `WrongUse`."""
    if not text.strip():
        return None
    parts = text.lower().replace("×", "x").split("x")
    numbers = [int(part) for part in parts if part.strip().isdigit()]
    if len(numbers) != len(parts) or len(parts) > 2:
        raise WrongUse(f"{text} is not a size.", "Write 512x768, for example.")
    return numbers[0], numbers[-1]


def expected_seconds(db: Database, home: Home, base: Base, requests: list[PictureRequest]) -> float | None:
    """How long these pictures should take, from the newest finished job on this base; None without one."""
    rows = db.rows(
        "SELECT * FROM jobs WHERE kind = 'generate' AND status = 'done' ORDER BY id DESC LIMIT ?", LOOK_BACK
    )
    for row in rows:
        job = record(row, Job)
        try:
            spec = decode_spec((home.job(job.id) / "spec.json").read_bytes())
        except (OSError, msgspec.DecodeError, msgspec.ValidationError, KeyError):
            continue
        if not isinstance(spec, GenerateSpec) or spec.base != base.slug or not job.started or not job.finished:
            continue
        done = _work(list(spec.pictures))
        if done > 0 and job.attempt == 1:
            return (job.finished - job.started) / done * _work(requests)
    return None


def _work(requests: list[PictureRequest]) -> float:
    """Pixels times denoising steps."""
    return float(sum(r.width * r.height * r.steps for r in requests))


def _number(text: str, name: str) -> int | None:
    if not text.strip():
        return None
    try:
        value = int(text)
    except ValueError:
        raise WrongUse(f"{name} must be a whole number, not {text}.") from None
    if value < 0:
        raise WrongUse(f"{name} cannot be negative.")
    return value


def _real(text: str, name: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise WrongUse(f"{name} must be a number, not {text}.") from None
