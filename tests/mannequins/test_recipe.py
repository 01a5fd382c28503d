"""The recipe of the built-in base: an interrupted training ends where an uninterrupted one does."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from zen_tui.mannequins.evaluate import draw
from zen_tui.mannequins.model import Shape, load_pipeline
from zen_tui.mannequins.pretrain import Recipe, run
from zen_tui.mannequins.pretrain_kept import Diary, Stopped, recall
from zen_tui.mannequins.pretrain_loop import Plan, Setting

pytestmark = pytest.mark.slow
TINY = Recipe(
    shape=Shape(
        picture=64, vae=(8, 8, 8, 8), vae_groups=4, unet=(8, 16, 16), unet_heads=(1, 2, 2), unet_groups=4,
        text_width=16, text_layers=1, text_heads=2,
    ),
    images=6, crop=32, vae_batch=2, unet_batch=2, readers_batch=4, decoded=4, gallery=1, final_steps=2,
    vae=Plan(steps=3, rate=1e-3, warmup=1, decay=2),
    unet=Plan(steps=4, rate=1e-3, warmup=1),
    decoder=Plan(steps=2, rate=1e-3, warmup=1),
    attributes=Plan(steps=2, rate=1e-3, warmup=1),
    identity=Plan(steps=2, rate=1e-3, warmup=1),
)  # fmt: skip


TRAINED = ("vae", "latents", "unet", "decoder", "final")


class StopAfter(Diary):
    """A diary that asks to stop at the first step it hears of, once in each stage it is told to."""

    def __init__(self, folder: Path, stage: str) -> None:
        super().__init__(folder)
        self.stage = stage

    def write(self, kind: str, **facts: object) -> None:
        super().write(kind, **facts)
        if kind == "stage" and facts["stage"] == self.stage:
            self.ask_to_stop()


def setting(work: Path, diary: Diary | None = None) -> Setting:
    return Setting(work=work, diary=diary or Diary(work), precision="fp32")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder of a whole tiny pretraining, with its weights in `weights`."""
    work = tmp_path_factory.mktemp("whole")
    run(TINY, setting(work), work / "weights", processes=1)
    return work


def test_a_training_interrupted_in_every_stage_ends_bit_for_bit_the_same(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "pictures", tmp_path / "pictures")
    for stage in ("vae", "latents", "unet", "decoder", "unet-final"):
        with pytest.raises(Stopped):
            run(TINY, setting(tmp_path, StopAfter(tmp_path, stage)), tmp_path / "weights", TRAINED)
        assert not (tmp_path / "weights").exists()
    run(TINY, setting(tmp_path), tmp_path / "weights", TRAINED)
    for name in ("vae-kept.pt", "decoder-kept.pt", "unet-kept.pt", "unet-final-kept.pt"):
        ours, theirs = recall(tmp_path / name), recall(finished / name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours), name
    assert torch.equal(recall(tmp_path / "latents.pt")["latents"], recall(finished / "latents.pt")["latents"])


def test_the_exported_folder_loads_offline_and_draws(finished: Path) -> None:
    pipeline = load_pipeline(finished / "weights")
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
    pictures = draw(pipeline, ["a photo of a woman", ""], steps=2)
    assert pictures.shape == (2, 3, 64, 64)
    again = draw(pipeline, ["a photo of a woman"], steps=2)
    assert (pictures[:1].int() - again.int()).abs().max() <= 2


def test_subjects_tokens_stay_as_they_were_made(finished: Path) -> None:
    pipeline = load_pipeline(finished / "weights")
    number = pipeline.tokenizer("ohwx").input_ids[1]
    first, last = recall(finished / "unet.pt")["model"], recall(finished / "unet-final-kept.pt")
    key = next(name for name in last if name.endswith("token_embedding.weight"))
    photo = pipeline.tokenizer("photo").input_ids[1]
    assert torch.equal(first[key][number], last[key][number])
    assert not torch.equal(first[key][photo], last[key][photo])


def test_the_log_tells_every_loss(finished: Path) -> None:
    events = [json.loads(line) for line in (finished / "events.jsonl").read_text().splitlines()]
    stages = {event["stage"] for event in events if event["kind"] == "step"}
    assert stages == {"vae", "unet", "decoder", "unet-final", "reader-attributes", "reader-identity"}
    assert all(event["loss"] > 0 for event in events if event["kind"] == "step")
    assert events[-1]["kind"] == "exported"
