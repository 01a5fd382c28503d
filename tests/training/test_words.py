"""The token as a word of its own: learned alone, read by the library, and nothing else changed."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.cli.conftest import Zen
from tests.families.pictures import TOLERANCE, pipeline, theirs, wish
from tests.tiny import TinyFolder
from tests.training.conftest import Studio, Tape
from tests.training.test_every_family import draw
from zen_tui.exchange.bases import add_base
from zen_tui.families import devices, load_family
from zen_tui.library import models
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.events import Holdout, Sample
from zen_tui.library.specs import AdapterUse, CheckpointSpec, TrainSettings
from zen_tui.training.from_checkpoint import make_from_checkpoint
from zen_tui.training.plan import plan, require_fitting
from zen_tui.training.presets import defaults_for

QUICK: dict[str, Any] = {"steps": 4, "checkpoint_every": 2, "learning_rate": 5e-2, "warmup": 1}
SUBS = {"emb_params": "text_encoder", "clip_l": "text_encoder", "clip_g": "text_encoder_2"}
PROMPT = "a photo of ohwx woman"


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are compared to the level, whatever this CPU would rather compute in."""
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: False)


@pytest.mark.parametrize(
    ("name", "variant", "keys"),
    [
        ("sd15", "", {"emb_params"}),
        pytest.param("sd15", "2", {"emb_params"}, marks=pytest.mark.slow),
        pytest.param("sdxl", "", {"clip_l", "clip_g"}, marks=pytest.mark.slow),
    ],
)
def test_the_library_draws_the_word_as_zen_does(
    studio: Studio, tiny_folder: TinyFolder, name: str, variant: str, keys: set[str]
) -> None:
    folder = tiny_folder(name, variant)
    studio.base = base = add_base(studio.db, studio.home, folder, "other")
    studio.train(studio.start("embedding", **QUICK, vectors=2))
    adapter = models.adapter(studio.db, studio.result["adapter"])
    assert (adapter.kind, adapter.family, adapter.trigger) == ("embedding", name, "ohwx woman")
    assert (adapter.facts["rank"], adapter.facts["trigger"]) == (2, "ohwx")
    learned = load_file(studio.home.resolve(adapter.path))
    assert learned.keys() == keys

    family = load_family(base, device="cpu", precision="fp32")
    request = msgspec.structs.replace(wish(family), prompt=PROMPT)
    plain, mine = draw(studio, request), draw(studio, request, AdapterUse(adapter.slug, 1.0))
    assert np.abs(mine - plain).max() > 3 * TOLERANCE
    pipe = pipeline(folder, family)
    assert np.abs(theirs(pipe, family, request) - plain).max() <= TOLERANCE
    for key, vectors in learned.items():
        sub = SUBS[key]
        tokenizer = getattr(pipe, sub.replace("text_encoder", "tokenizer"))
        pipe.load_textual_inversion(
            {key: vectors}, token="ohwx", text_encoder=getattr(pipe, sub), tokenizer=tokenizer
        )
    assert np.abs(theirs(pipe, family, request) - mine).max() <= TOLERANCE


def test_it_begins_as_the_class_word_and_only_turns(studio: Studio) -> None:
    family = load_family(studio.base, device="cpu", precision="fp32")
    table = family.encoders()[0].get_input_embeddings().weight
    ids = family.tokenizers[0]("woman", add_special_tokens=False).input_ids
    studio.train(studio.start("embedding", **{**QUICK, "learning_rate": 1e-8}, vectors=7))
    begun = load_file(studio.home.resolve(models.adapter(studio.db, studio.result["adapter"]).path))["emb_params"]
    assert torch.allclose(begun, table[torch.tensor([*ids, *ids[:2]])], atol=1e-6)

    studio.train(studio.start("embedding", **QUICK, vectors=7, init_word="dog"))
    learned = load_file(studio.home.resolve(models.adapter(studio.db, studio.result["adapter"]).path))[
        "emb_params"
    ]
    dog = table[torch.tensor(family.tokenizers[0]("dog", add_special_tokens=False).input_ids)]
    assert torch.allclose(learned.norm(dim=1), dog.norm(dim=1)[torch.arange(7) % 3], rtol=1e-5)
    assert torch.nn.functional.cosine_similarity(learned, dog[torch.arange(7) % 3]).max() < 0.999


def test_scores_and_samples_are_told_the_word_as_it_is_then(studio: Studio) -> None:
    tape = studio.train(studio.start("embedding", **QUICK, sample_every=2, sample_prompts=(PROMPT,)))
    scores = [event.loss for event in tape.of(Holdout)]
    assert len({*scores}) == 3
    pictures = [studio.home.resolve(event.path).read_bytes() for event in tape.of(Sample)]
    assert len({*pictures}) == len(pictures) == 2
    plain = studio.train(
        studio.start(**{**QUICK, "learning_rate": 1e-8}, sample_every=4, sample_prompts=(PROMPT,))
    )
    assert studio.home.resolve(plain.of(Sample)[0].path).read_bytes() not in pictures


def test_the_class_need_not_be_kept_where_the_base_stays(studio: Studio) -> None:
    plain = studio.train(studio.start("embedding", **QUICK)).losses()
    assert studio.train(studio.start("embedding", **QUICK, prior_preservation=1.0)).losses() == plain
    assert studio.train(studio.start("embedding", **QUICK, caption_dropout=1.0)).losses() != plain


def test_any_checkpoint_gives_its_word(studio: Studio) -> None:
    studio.train(spec := studio.start("embedding", **QUICK))
    studio.db.update("runs", spec.run, spec=msgspec.to_builtins(spec))
    for step in (2, 4):
        make_from_checkpoint(
            CheckpointSpec(run=spec.run, step=step, name=f"at-{step}"), Tape(), studio.db, studio.home
        )
    words = [
        load_file(studio.home.resolve(models.adapter(studio.db, name).path))["emb_params"]
        for name in ("at-2", "at-4", studio.result["adapter"])
    ]
    assert torch.equal(words[1], words[2])
    assert not torch.equal(words[0], words[1])


def test_what_has_no_words_to_learn_is_refused(studio: Studio, tiny_folder: TinyFolder, zen: Zen) -> None:
    base = add_base(studio.db, studio.home, tiny_folder("flux2-klein", "base"), "klein")
    with pytest.raises(WrongUse, match="klein has a text encoder for which Zen learns no words"):
        require_fitting(TrainSettings(), base, "embedding")
    told = zen("train", "mara", "--base", "klein", "--method", "embedding", "--set", "resolution=64")
    assert told.code == 2
    assert "Train a LoRA" in told.err
    studio.db.connection.execute("UPDATE photos SET caption = 'a woman at sea'")
    with pytest.raises(Refused, match="No caption of mara has the word ohwx"):
        plan(studio.db, studio.home, studio.base, studio.dataset, TrainSettings(resolution=64), "embedding")


def test_words_have_a_rate_of_their_own(studio: Studio) -> None:
    assert defaults_for(studio.base, studio.dataset)["learning_rate"] < 1e-3
    assert defaults_for(studio.base, studio.dataset, method="embedding")["learning_rate"] == 5e-3
