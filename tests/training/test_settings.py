"""Every setting does something, and what it says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import torch

from tests.training.conftest import SMALL, Studio, Tape
from tests.training.test_resume import adapter, same
from zen_tui.families import load_family
from zen_tui.families.base import Family
from zen_tui.generation import fit
from zen_tui.library import datasets, models
from zen_tui.library.errors import WrongUse
from zen_tui.library.events import Holdout, Interrupted, Note, Saved, Step
from zen_tui.library.records import Dataset
from zen_tui.library.specs import TrainSettings
from zen_tui.training.beginning import without_token
from zen_tui.training.losses import penalty
from zen_tui.training.plan import plan
from zen_tui.training.wordings import wordings

QUICK: dict[str, Any] = {"steps": 3, "warmup": 1, "holdout": 0.0, "checkpoint_every": 3}

CHANGES_THE_LOSSES: dict[str, Any] = {
    "batch_size": 1,
    "gradient_accumulation": 2,
    "resolution": 72,
    "learning_rate": 0.1,
    "warmup": 0,
    "rank": 3,
    "alpha": 8.0,
    "dropout": 0.5,
    "lora": "dora",
    "lora_plus": 16.0,
    "seed": 1,
    "precision": "bf16",
    "quantize": "int8",
    "caption_dropout": 1.0,
    "min_snr_gamma": 0.0,
    "prior_preservation": 5.0,
    "aspect": "buckets",
    "flip": True,
    "crop_jitter": 0.2,
    "colour_jitter": 0.3,
    "optimizer": "adafactor",
    "caption_shuffle": True,
    "loss": "huber",
    "noise_offset": 0.3,
    "timesteps": "logit_normal",
}
SEEN_ELSEWHERE = {
    "steps", "lr_schedule", "ema", "huber", "shift", "holdout", "checkpoint_every", "keep_checkpoints",
    "sample_every", "sample_prompts", "allow_few_photos", "gradient_checkpointing", "variants", "masked_loss",
    "mask_outside", "judge", "stop_early", "stop_gain", "class_pictures", "class_weight", "copy_within", "vectors",
    "init_word", "hypernet", "layer_structure", "activation", "text_encoder_lr", "text_encoder_until",
    "embedding_lr", "embedding_until", "lora_from", "learns", "save",
}  # fmt: skip


def test_every_setting_is_tested() -> None:
    assert set(CHANGES_THE_LOSSES) | SEEN_ELSEWHERE == set(TrainSettings.__struct_fields__)


def test_settings_change_the_course(studio: Studio) -> None:
    for photo in datasets.photos(studio.db, studio.dataset.id):
        datasets.set_caption(studio.db, photo.id, "a photo of ohwx woman, smiling, at sea, in a red hat")
    plain = studio.train(**QUICK).losses()
    for name, value in CHANGES_THE_LOSSES.items():
        changed = studio.train(**{**QUICK, name: value}).losses()
        assert changed != plain, name
        assert changed.keys() == plain.keys(), name


@pytest.mark.parametrize("optimizer", ["prodigy", "schedule_free", "adafactor"])
def test_every_optimizer_learns_and_is_taken_up_to_the_bit(studio: Studio, optimizer: str) -> None:
    wanted: dict[str, Any] = {"steps": 8, "warmup": 1, "checkpoint_every": 3, "optimizer": optimizer}
    wanted |= {"learning_rate": 1.0} if optimizer == "prodigy" else {}
    whole = studio.train(**wanted)
    learned = adapter(studio)
    spec = studio.start(**wanted)
    tape = Tape(ask=lambda step: "pause" if step == 5 else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert tape.losses() == whole.losses()
    assert tape.scores() == whole.scores()
    assert same(adapter(studio), learned)


def test_an_average_is_what_is_kept_and_judged(studio: Studio) -> None:
    wanted: dict[str, Any] = {"steps": 6, "warmup": 1, "checkpoint_every": 3}
    plain = studio.train(**wanted)
    last = adapter(studio)
    averaged = studio.train(**wanted, ema=0.9)
    assert averaged.losses() == plain.losses(), "an average must not change the course"
    assert averaged.scores() != plain.scores()
    assert not same(adapter(studio), last)


def test_huber_counts_small_errors_as_the_square_does_and_large_ones_less(studio: Studio) -> None:
    error = torch.tensor([1e-3, 10.0])
    small, large = penalty(error, TrainSettings(loss="huber", huber=1.0)) / error.square()
    assert small == pytest.approx(1, abs=1e-3)
    assert large < 0.2
    gentle, harsh = (studio.train(**QUICK, loss="huber", huber=c).losses() for c in (0.01, 10.0))
    assert all(gentle[step] < harsh[step] for step in harsh)


def test_a_shuffled_caption_keeps_its_subject_first() -> None:
    found = wordings("a photo of ohwx woman, red hat, at sea, smiling", TrainSettings(caption_shuffle=True))
    assert found[0] == "a photo of ohwx woman, red hat, at sea, smiling"
    assert len(set(found)) == len(found) == 6
    assert {tuple(sorted(text.split(", "))) for text in found} == {tuple(sorted(found[0].split(", ")))}
    assert all(text.startswith("a photo of ohwx woman, ") for text in found)
    assert wordings(found[0], TrainSettings()) == found[:1]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"shift": 3.0}, "shift is for bases that learned by flow"),
        ({"optimizer": "schedule_free", "lr_schedule": "cosine"}, "takes no schedule"),
        ({"optimizer": "schedule_free", "ema": 0.9}, "an average of its own"),
        ({"lora": "lokr", "lora_plus": 2.0}, "lora_plus is for kinds of LoRA with two matrices"),
        ({"optimizer": "prodigy", "lora_plus": 2.0}, "one rate for all"),
    ],
)
def test_settings_that_mean_nothing_are_refused(studio: Studio, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WrongUse, match=sentence):
        plan(studio.db, studio.home, studio.base, studio.dataset, TrainSettings(**{**SMALL, **settings}))


def test_computing_activations_twice_changes_nothing_else(studio: Studio) -> None:
    plain, twice = studio.train(**QUICK), studio.train(**QUICK, gradient_checkpointing="on")
    assert twice.losses() == plain.losses()
    assert "activations computed twice" in twice.of(Note)[0].text


def test_a_base_in_one_byte_a_number_learns_nearly_the_same(studio: Studio) -> None:
    plain = studio.train(**QUICK).losses()
    for kind in ("int8", "fp8"):
        tape = studio.train(**QUICK, quantize=kind)
        assert f"the denoiser in {kind}" in tape.of(Note)[0].text
        assert all(abs(loss - plain[step]) < 0.02 * plain[step] for step, loss in tape.losses().items())


def test_a_run_that_is_resumed_fits_as_it_began(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "SHARE", 1e-6)  # as if there were no memory
    spec = studio.start(**QUICK)
    tape = Tape(ask=lambda step: "pause" if step == 2 else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    monkeypatch.undo()
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    words = [event.text for event in tape.of(Note)]
    words = [said for said in words if said.startswith("Learning")]
    assert len(words) == 2
    assert all("the denoiser in int8, text encoders in int8, activations computed twice" in text for text in words)


def test_the_schedule_holdout_and_length_do_what_they_say(studio: Studio) -> None:
    tape = studio.train(steps=4, warmup=1, lr_schedule="cosine", holdout=0.4, checkpoint_every=3)
    rates = [event.lr for event in tape.of(Step)]
    assert len(rates) == 4
    assert rates[1] > rates[2] > rates[3]
    assert [event.step for event in tape.of(Saved)] == [3, 4]
    assert [event.step for event in tape.of(Holdout)] == [0, 3, 4]
    assert "4 photos, 2 held out" in tape.of(Note)[0].text
    stored = [photo.split for photo in datasets.photos(studio.db, studio.dataset.id)]
    assert stored.count("holdout") == 2
    assert studio.train(**QUICK).of(Holdout) == []


def trained(studio: Studio, weight: float) -> tuple[float, float]:
    """(how far the class moved, how far the subject moved) from the base after a strong training."""
    studio.train(steps=12, learning_rate=0.05, batch_size=4, prior_preservation=weight, holdout=0.0)
    family = load_family(studio.base, device="cpu", precision="fp32")
    path = models.adapter(studio.db, studio.result["adapter"]).path
    family.attach(studio.home.resolve(path), "mara")
    base = answers(family)
    family.set_adapters([("mara", 1.0)])
    moved = (answers(family) - base).square().flatten(1).mean(1)
    return float(moved[0]), float(moved[1])


@torch.no_grad()
def answers(family: Family) -> torch.Tensor:
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(3)).expand(2, 4, 16, 16)
    cond = family.encode(["a photo of woman", "a photo of ohwx woman"])
    return family.predict(noise, torch.tensor([700, 700]), cond, (64, 64))


def test_keeping_the_class_keeps_it(studio: Studio) -> None:
    free, kept = trained(studio, 0.0), trained(studio, 20.0)
    assert kept[0] < 0.5 * free[0]
    assert kept[1] > kept[0]


@pytest.mark.parametrize(
    ("caption", "plain"),
    [
        ("a photo of ohwx woman at sea", "a photo of a woman at sea"),
        ("ohwx in a red suit", "a woman in a red suit"),
        ("a portrait of my ohwx woman, ohwx", "a portrait of my woman, a woman"),
        ("a garden", "a photo of a woman"),
        ("ohwxy woman", "a photo of a woman"),
    ],
)
def test_captions_without_the_token(studio: Studio, caption: str, plain: str) -> None:
    assert without_token(caption, studio.dataset) == plain


@pytest.mark.parametrize(
    ("caption", "plain"),
    [
        ("a picture in ohwx style", "a picture"),
        ("ohwx style", "a picture"),
        ("a castle, by the sea, in ohwx style", "a castle, by the sea"),
        ("a house in the style of ohwx, at dusk", "a house, at dusk"),
        ("a garden", "a picture"),
    ],
)
def test_what_is_left_of_a_style_is_what_the_picture_shows(caption: str, plain: str) -> None:
    style = Dataset(id=1, slug="ink", token="ohwx", class_word="person", kind="style")
    assert without_token(caption, style) == plain


def test_the_plan_says_what_the_run_then_does(studio: Studio) -> None:
    settings = TrainSettings(**{**SMALL, "rank": 4, "sample_every": 0})
    before = plan(studio.db, studio.home, studio.base, studio.dataset, settings)
    assert (before.photos, before.held_out, before.steps, before.seconds) == (5, 1, 6, None)
    assert ("time", "not measured yet on this machine") in before.lines()
    assert not before.measured
    note = studio.train(**msgspec.to_builtins(settings)).of(Note)[0].text
    numbers, layers = before.learned.split(" numbers in ")
    assert f"Learning {numbers} numbers: " in note
    assert f" in {layers.split(' ')[0]} layers" in note
    after = plan(studio.db, studio.home, studio.base, studio.dataset, settings)
    measured = studio.result["metrics"]["seconds_per_step"]
    assert after.seconds is not None
    assert after.seconds == pytest.approx(6 * measured)
    assert after.memory_mb == studio.result["metrics"]["memory_mb"]
    other = msgspec.structs.replace(settings, resolution=128)
    larger = plan(studio.db, studio.home, studio.base, studio.dataset, other)
    assert not larger.measured
    assert larger.seconds is not None
    assert 1.3 < larger.seconds / after.seconds < 8  # of four times the pixels
    assert any("reckoned from other runs" in value for _, value in larger.lines())


def test_the_plan_warns(studio: Studio) -> None:
    def warnings(**changed: Any) -> str:
        settings = TrainSettings(**{**SMALL, **changed})
        return " ".join(plan(studio.db, studio.home, studio.base, studio.dataset, settings).warnings)

    assert warnings() == ""
    assert "photos smaller than 512 pixels will be enlarged" in warnings(resolution=512)
    assert "A batch of 8 repeats photos" in warnings(batch_size=8)
    assert "warm-up of 6 steps never ends" in warnings(warmup=6)
