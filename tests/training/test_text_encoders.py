"""A LoRA of text encoders beside the denoiser's: read by the library, exported, and only where there is CLIP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.cli.conftest import Zen
from tests.families.pictures import TOLERANCE, pipeline, theirs, wish
from tests.tiny import TinyFolder
from tests.training.conftest import Studio, Tape
from tests.training.test_every_family import draw
from tests.training.test_resume import adapter, same
from zen_tui.exchange.bases import add_base
from zen_tui.families import devices, load_family
from zen_tui.jobs.lineage import fork_run
from zen_tui.library import models
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.events import Interrupted
from zen_tui.library.specs import AdapterUse, TrainSettings, TrainSpec
from zen_tui.training.checkpoints import read
from zen_tui.training.plan import require_fitting

QUICK: dict[str, Any] = {"steps": 4, "checkpoint_every": 2, "learning_rate": 5e-2, "warmup": 1}
BOTH = {**QUICK, "text_encoder_lr": 0.5}


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are compared to the level, whatever this CPU would rather compute in."""
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_the_library_reads_it_and_what_is_exported(
    studio: Studio, tiny_folder: TinyFolder, zen: Zen, tmp_path: Path, name: str
) -> None:
    folder = tiny_folder(name, "")
    studio.base = base = add_base(studio.db, studio.home, folder, "other")
    studio.train(studio.start(**BOTH))
    made = models.adapter(studio.db, studio.result["adapter"])
    family = load_family(base, device="cpu", precision="fp32")
    subs = family.profile.text_encoders
    assert {"unet", *subs} == made.facts["parts"].keys()
    told = zen("adapters", "verify", made.slug, "--base", "other")
    assert told.code == 0
    assert f"{subs[-1]}: 8 of 8 fit" in told.out
    path = studio.home.resolve(made.path)
    assert {key.split(".")[0] for key in load_file(path)} == {"unet", *subs}
    with safe_open(path, "pt") as file:
        assert str(folder) not in json.dumps(file.metadata())

    request = msgspec.structs.replace(wish(family), prompt="a photo of ohwx woman")
    plain, mine = draw(studio, request), draw(studio, request, AdapterUse(made.slug, 2.0))
    assert np.abs(mine - plain).max() > 3 * TOLERANCE
    files = [path]
    for format in ("kohya", "diffusers"):
        files.append(tmp_path / f"{format}.safetensors")
        exported = zen("adapters", "export", made.slug, "--format", format, "--out", files[-1], "--wait")
        assert exported.code == 0, exported.err
    starts = {key.split("_text_model")[0] for key in load_file(files[1]) if "unet" not in key}
    assert starts == ({"lora_te"} if name == "sd15" else {"lora_te1", "lora_te2"})
    pipe = pipeline(folder, family)
    for number, file in enumerate(files):
        pipe.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=f"mara{number}")
        pipe.set_adapters([f"mara{number}"], [2.0])
        assert np.abs(theirs(pipe, family, request) - mine).max() <= TOLERANCE, file.name


def test_they_learn_for_their_share_of_the_steps(studio: Studio) -> None:
    spec = studio.start(**BOTH, text_encoder_until=0.5)
    studio.train(spec)
    (begun, over) = (
        read(studio.home.resolve(kept.path)).learned for kept in models.checkpoints(studio.db, spec.run)
    )
    moved = {key for key in over if not torch.equal(begun[key], over[key])}
    assert {key for key in over if not key.startswith("text_encoder.")} == moved
    assert any(begun[key].any() for key in over if "text_encoder" in key and "lora_B" in key)


def test_the_class_is_held_to_what_the_base_reads(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[float] = []
    real: Any = torch.Tensor.backward

    def watched(loss: torch.Tensor, *more: Any, **others: Any) -> None:
        kept.append(loss.item())
        real(loss, *more, **others)

    monkeypatch.setattr(torch.Tensor, "backward", watched)
    wanted = {**BOTH, "caption_dropout": 1.0, "learning_rate": 0.2}
    studio.train(studio.start(**wanted))
    without, kept[:] = [*kept], []
    losses = studio.train(studio.start(**wanted, prior_preservation=5.0)).losses()
    assert kept[0] == pytest.approx(without[0], rel=1e-5)  # nothing has moved yet
    assert kept[3] > losses[4] + 1e-6  # by then something has, and counts beside the loss on the photos


def test_what_is_not_clip_is_refused(studio: Studio, tiny_folder: TinyFolder, zen: Zen) -> None:
    base = add_base(studio.db, studio.home, tiny_folder("flux2-klein", "base"), "klein")
    with pytest.raises(WrongUse, match="text_encoder_lr is for bases that read with CLIP alone, and klein"):
        require_fitting(TrainSettings(text_encoder_lr=0.5), base, "lora")
    with pytest.raises(WrongUse, match="Prodigy finds one rate"):
        require_fitting(TrainSettings(text_encoder_lr=0.5, optimizer="prodigy"), studio.base, "lora")
    told = zen("train", "mara", "--base", "klein", "--set", "text_encoder_lr=1", "--set", "resolution=64")
    assert (told.code, "CLIP alone" in told.err) == (2, True)
    spec = studio.start(**QUICK)
    studio.train(spec)
    studio.db.update("runs", spec.run, spec=msgspec.to_builtins(spec))
    path = studio.home.job(studio.run(spec).job_id or 0) / "spec.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode({"kind": "train", "spec": msgspec.to_builtins(spec)}))
    with pytest.raises(WrongUse, match="cannot be turned on or off here"):
        fork_run(studio.db, studio.home, studio.run(spec), step=2, chosen={"text_encoder_lr": 1})


def stopped(studio: Studio, **changed: Any) -> TrainSpec:
    spec = studio.start(**changed)
    with pytest.raises(Interrupted):
        studio.train(spec, Tape(ask=lambda step: "pause" if step == 3 else ""))
    return spec


def test_a_run_from_before_there_were_groups_goes_on(studio: Studio) -> None:
    wanted = {**QUICK, "ema": 0.5}
    whole = studio.train(studio.start(**wanted)).losses()
    learned = adapter(studio)
    spec = stopped(studio, **wanted)
    kept = models.checkpoints(studio.db, spec.run)[-1]
    path = studio.home.resolve(kept.path)
    with safe_open(path, "pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    half = len([key for key in tensors if key.startswith("learned.")]) // 2

    def before(key: str) -> str:
        """Then the two matrices of a layer followed each other; now all the first come before all the second."""
        part, dot, rest = key.partition(".")
        if part not in ("optimizer", "average"):
            return key
        index, *more = rest.split(".")
        place = 2 * (int(index) % half) + int(index) // half
        return part + dot + ".".join([str(place), *more])

    groups = json.dumps(json.loads(header["groups"])[:1])
    save_file({before(key): t for key, t in tensors.items()}, path, metadata={**header, "groups": groups})

    tape = Tape()
    studio.train(spec, tape)
    assert tape.losses() == {4: whole[4]}
    assert same(adapter(studio), learned)


def test_a_checkpoint_with_other_groups_is_told(studio: Studio) -> None:
    spec = stopped(studio, **QUICK)
    path = studio.home.resolve(models.checkpoints(studio.db, spec.run)[-1].path)
    with safe_open(path, "pt") as file:
        header = file.metadata()
    groups = json.dumps([*json.loads(header["groups"]), {}])
    save_file(load_file(path), path, metadata={**header, "groups": groups})
    with pytest.raises(ZenError, match="does not fit the settings of this run"):
        studio.train(spec)
