"""Settings of other tools: what is taken of them, what is not and why, and files that mean harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from tests.cli.conftest import Zen
from zen_tui.exchange.training_files import About, Borrowed, read_training
from zen_tui.jobs import launch
from zen_tui.library.errors import WrongUse

AI_TOOLKIT = """
job: extension
config:
  name: first
  process:
    - type: sd_trainer
      training_folder: output
      trigger_word: p3r5on
      network: {type: lora, linear: 32, linear_alpha: 16, conv: 16, dropout: 0.1}
      save: {dtype: float16, save_every: 250, max_step_saves_to_keep: 4}
      datasets:
        - folder_path: /photos
          caption_dropout_rate: 0.1
          shuffle_tokens: true
          resolution: [64, 128]
          flip_x: true
      train:
        batch_size: 2
        steps: 2000
        gradient_accumulation_steps: 4
        optimizer: adamw8bit
        optimizer_params: {weight_decay: 1e-4}
        lr: 1e-4
        lr_scheduler: cosine
        text_encoder_lr: 1e-5
        noise_offset: 0.05
        min_snr_gamma: 5.0
        loss_type: mae
        ema_config: {use_ema: true, ema_decay: 0.99}
        dtype: bf16
        brand_new: 3
      model: {name_or_path: "runwayml/stable-diffusion-v1-5", arch: sd1}
      sample:
        sample_every: 250
        prompts: ["[trigger] playing chess", "p3r5on at sea"]
"""
ONE_TRAINER = {
    "training_method": "LORA", "model_type": "STABLE_DIFFUSION_XL_10_BASE",
    "base_model_name": "stabilityai/stable-diffusion-xl-base-1.0", "batch_size": 2, "epochs": 50,
    "learning_rate": 3e-4, "learning_rate_warmup_steps": 0.1, "learning_rate_scheduler": "COSINE_WITH_RESTARTS",
    "gradient_accumulation_steps": 1, "optimizer": {"optimizer": "ADAMW_8BIT", "weight_decay": 0.01},
    "train_dtype": "BFLOAT_16", "resolution": "64", "lora_decompose": True, "ema": "GPU",
    "loss_weight_fn": "MIN_SNR_GAMMA", "huber_strength": 1.0, "mse_strength": 0.0, "huber_delta": 0.2,
    "offset_noise_weight": 0.03, "text_encoder": {"train": True, "dropout_probability": 0.2},
    "timestep_distribution": "SIGMOID", "save_every": 5, "save_every_unit": "EPOCH", "sample_after": 40,
    "sample_after_unit": "STEP", "samples": [{"prompt": "a castle"}, {"enabled": False, "prompt": "no"}],
    "unet": {"learning_rate": None, "weight_dtype": "INT_8"}, "masked_training": True, "unmasked_weight": 0.3,
}  # fmt: skip
KOHYA = """
[model]
pretrained_model_name_or_path = "models/sd_xl_base_1.0.safetensors"
[network]
network_module = "lycoris.kohya"
network_dim = 16
network_args = ["algo=locon", "conv_dim=8", "loraplus_lr_ratio=4"]
[training]
unet_lr = 2e-4
text_encoder_lr = 1e-5
learning_rate = 1e-4
lr_scheduler = "cosine"
lr_warmup_steps = 0.05
optimizer_type = "AdamW8bit"
train_batch_size = 3
max_train_epochs = 10
save_every_n_epochs = 2
resolution = "64,64"
mixed_precision = "bf16"
noise_offset = 0.0357
loss_type = "smooth_l1"
huber_c = 0.2
caption_dropout_rate = 0.2
shuffle_caption = true
enable_bucket = true
clip_skip = 2
sample_prompts = "prompts.txt"
seed = 7
"""
GUI = {
    "LoRA_type": "LyCORIS/LoHa", "network_dim": 8, "network_alpha": 4, "learning_rate": 1e-4, "unet_lr": 0,
    "lr_scheduler": "constant", "lr_warmup": 10, "optimizer": "Lion", "train_batch_size": 2, "epoch": 4,
    "max_train_steps": "", "max_resolution": "64,96", "flip_aug": True,
    "sample_prompts": "a man in a hat --w 768 --n blurry\n# no\na cat",
    "sdxl": True, "color_aug": True, "output_name": "x", "min_snr_gamma": 0, "seed": "12",
}  # fmt: skip


@pytest.fixture
def ready(zen: Zen, tiny_base: Path, photo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base and a dataset of six photos; no worker is started."""
    monkeypatch.setattr(launch, "ensure_worker", lambda home: None)
    zen("bases", "add", tiny_base, "--name", "tiny")
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")


class Told:
    """What `zen train --from FILE --dry-run` made of a file."""

    def __init__(self, zen: Zen, path: Path, *words: object) -> None:
        answer = zen("train", "mara", "--base", "tiny", "--from", path, *words, "--dry-run", "--json")
        assert answer.code == 0, answer.err
        document = answer.json()
        self.settings: dict[str, Any] = document["settings"]
        borrowed = document["borrowed"]
        self.taken = {each["setting"]: each["theirs"] for each in borrowed["taken"]}
        self.left = {each["theirs"]: each["why"] for each in borrowed["left"]}
        self.others, self.family, self.tool = borrowed["others"], borrowed["family"], borrowed["tool"]
        self.plan = document["plan"]


def written(tmp_path: Path, name: str, content: object) -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_an_ai_toolkit_job(zen: Zen, ready: None, tmp_path: Path) -> None:
    told = Told(zen, written(tmp_path, "job.yaml", AI_TOOLKIT))
    assert told.settings.items() >= {
        "rank": 32, "alpha": 16.0, "dropout": 0.1, "steps": 500, "gradient_accumulation": 4, "batch_size": 2,
        "learning_rate": 1e-4, "lr_schedule": "cosine", "warmup": 0, "optimizer": "adamw", "ema": 0.99,
        "precision": "bf16", "caption_dropout": 0.1, "caption_shuffle": True, "flip": True, "resolution": 128,
        "aspect": "buckets", "noise_offset": 0.05, "min_snr_gamma": 5.0, "checkpoint_every": 62,
        "keep_checkpoints": 4, "sample_every": 250, "loss": "squared",
        "sample_prompts": ["{token} playing chess", "{token} at sea"],
    }.items()  # fmt: skip
    assert told.taken["learning_rate"] == "train.lr = 1e-4"
    assert told.taken["steps"] == "train.steps = 2000, 4 to a step"
    assert told.left["train.loss_type = mae"] == "Zen has squared and huber"
    assert "denoiser alone" in told.left["train.text_encoder_lr = 1e-5"]
    assert "convolutions" in told.left["network.conv = 16"]
    assert "train.optimizer_params = …" in told.left
    assert told.others == ["train.brand_new"]
    assert told.family == "sd15"
    assert "effective 5e-05 (x alpha / rank" in told.plan["rate"]


def test_a_onetrainer_configuration(zen: Zen, ready: None, tmp_path: Path) -> None:
    told = Told(zen, written(tmp_path, "config.json", ONE_TRAINER))
    # six photos, two a step, fifty times
    assert told.settings.items() >= {
        "steps": 150, "batch_size": 2, "rank": 16, "alpha": 1.0, "lora": "dora", "learning_rate": 3e-4,
        "warmup": 15, "optimizer": "adamw", "precision": "bf16", "resolution": 64, "ema": 0.999,
        "min_snr_gamma": 5.0, "loss": "huber", "huber": 0.2, "noise_offset": 0.03, "caption_dropout": 0.2,
        "checkpoint_every": 15, "sample_every": 40, "sample_prompts": ["a castle"], "quantize": "int8",
        "mask_outside": 0.3, "masked_loss": "auto", "timesteps": "auto", "lr_schedule": "constant",
    }.items()  # fmt: skip
    assert "Zen has constant, cosine and linear" in told.left["learning_rate_scheduler = COSINE_WITH_RESTARTS"]
    assert "denoiser alone" in told.left["text_encoder.train = true"]
    assert "timestep_distribution = SIGMOID" in told.left
    assert (told.others, told.family) == ([], "sdxl")
    assert "effective 1.87e-05" in told.plan["rate"], "their alpha of 1 is the trap"


def test_a_toml_of_sd_scripts(zen: Zen, ready: None, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("# two\na castle --w 512 --d 3\na {dog}\n")
    told = Told(zen, written(tmp_path, "config.toml", KOHYA))
    assert told.settings.items() >= {
        "steps": 20, "batch_size": 3, "rank": 16, "alpha": 1.0, "lora": "lora", "lora_plus": 4.0,
        "learning_rate": 2e-4, "lr_schedule": "cosine", "warmup": 1, "resolution": 64, "precision": "bf16",
        "noise_offset": 0.0357, "loss": "huber", "huber": 0.2, "caption_dropout": 0.2, "caption_shuffle": True,
        "aspect": "buckets", "checkpoint_every": 4, "min_snr_gamma": 0.0, "seed": 7,
        "sample_prompts": ["a castle", "a {dog}"],
    }.items()  # fmt: skip
    assert "the denoiser's own rate was taken" in told.left["learning_rate = 0.0001"]
    assert "denoiser alone" in told.left["text_encoder_lr = 1e-05"]
    assert "convolutions" in told.left["conv_dim = 8"]
    assert "clip_skip = 2" in told.left
    assert (told.others, told.family) == ([], "sdxl")


def test_the_settings_of_kohyas_gui(zen: Zen, ready: None, tmp_path: Path) -> None:
    told = Told(zen, written(tmp_path, "gui.json", GUI), "--set", "rank=5")
    assert told.left["LoRA_type = LyCORIS/LoHa"] == "Zen has lora, rslora, dora and lokr"
    assert "adamw, prodigy" in told.left["optimizer = Lion"]
    assert told.left["learning_rate = 0.0001"] == "it was made for lion"
    assert "colour_jitter" in told.left["color_aug = true"]
    assert told.settings.items() >= {
        "steps": 12, "warmup": 1, "batch_size": 2, "flip": True, "seed": 12, "rank": 5, "resolution": 80,
        "sample_prompts": ["a man in a hat", "a cat"],
    }.items()  # fmt: skip
    assert "network_dim" not in told.others
    assert told.tool == "the settings of kohya's GUI"


def test_what_was_taken_is_told_to_a_person(zen: Zen, ready: None, tmp_path: Path) -> None:
    path = written(tmp_path, "config.json", ONE_TRAINER)
    out = " ".join(zen("train", "mara", "--base", "tiny", "--from", path, "--dry-run").out.split())
    assert "alpha 1 (lora_alpha, 1 unless named)" in out
    assert "alpha 1 at rank 16 makes the rate 0.0625 of what alpha = rank makes of it" in out
    assert "not taken timestep_distribution = SIGMOID: Zen draws times uniform or logit_normal" in out
    assert "their base stabilityai/stable-diffusion-xl-base-1.0, a base of Stable Diffusion XL" in out
    kept = tmp_path / "mine.toml"
    assert zen("train", "mara", "--base", "tiny", "--from", path, "--write", kept).code == 0
    assert "borrowed" not in zen("train", "--from", kept, "--dry-run", "--json").json()


def test_what_does_not_suit_the_base_is_left(tmp_path: Path) -> None:
    flows = {"training_method": "LORA", "timestep_shift": 3.0, "offset_noise_weight": 0.1}
    path = written(tmp_path, "config.json", flows)

    def found(flows: bool | None) -> dict[str, Any]:
        return read_training(path, About(flows=flows)).settings

    assert (found(True)["shift"], "noise_offset" in found(True)) == (3.0, False)
    assert ("shift" in found(False), found(False)["noise_offset"]) == (False, 0.1)
    assert {"shift", "noise_offset"} <= set(found(None))
    borrowed = read_training(path, About())
    assert isinstance(borrowed, Borrowed)
    assert "steps" not in borrowed.settings
    assert any("depends on the photos" in left.why for left in borrowed.left)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bomb.yaml", BOMB, "repeats itself by 72 aliases"),
        ("merge.yaml", "a: &a {x: 1}\n" + "b: &b {<<: [" + "*a," * 30 + "]}\n", "repeats itself by 30 aliases"),
        ("long.yml", "a: 1\n" * 100_000, "too long"),
        ("deep.yaml", "[" * 1000, "is not YAML"),
        ("tag.yaml", "!!python/object/apply:os.system ['true']", "is not YAML"),
        ("torn.yaml", "config: {process: [", "is not YAML"),
        ("other.yaml", "name: value", "holds no settings of a training"),
        ("list.yaml", "config: {process: []}", "No process of this ai-toolkit job has train:"),
        ("deep.json", "[" * 100_000, "nested too deeply"),
        ("torn.json", '{"training_method": ', "is not JSON"),
        ("other.json", "[1, 2]", "holds no settings of a training"),
        ("photos.toml", "[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'x'", "describes photos, not a training"),
    ],
)
def test_files_that_mean_harm_are_refused_in_a_sentence(
    zen: Zen, tmp_path: Path, name: str, content: str, said: str
) -> None:
    answer = zen("train", "--from", written(tmp_path, name, content))
    assert answer.code == 2
    assert said in answer.err
    assert "Traceback" not in answer.err
    if name.endswith((".yaml", ".yml")):
        imported = zen("datasets", "import", tmp_path / name, "--name", "mara", "--class", "woman")
        assert imported.code == 1
        assert "Traceback" not in imported.err


NESTED = (
    "config",
    "process",
    "train",
    "network",
    "datasets",
    "sample",
    "model",
    "lr",
    "steps",
    "linear",
    "prompts",
)
KEYS = st.sampled_from([*ONE_TRAINER, *GUI, *NESTED])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1e400", "-3", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=12), st.integers(0, 50))
def test_nothing_in_a_file_breaks_the_reading(tmp_path: Path, document: dict[str, Any], photos: int) -> None:
    job = {"config": {"process": [{"train": document, "network": document, "sample": document, "model": document,
                                   "datasets": [document], "save": document}]}}  # fmt: skip
    for name, content in (
        ("a.json", {**document, "training_method": "LORA"}),
        ("b.json", {**document, "LoRA_type": "Standard"}),
        ("c.yaml", job),
    ):
        path = tmp_path / name
        path.write_text(text := json.dumps(content))
        try:
            found = read_training(path, About(photos=photos))
        except WrongUse:
            assert "NaN" in text or "Infinity" in text  # which is no JSON
            continue
        assert isinstance(found, Borrowed)
        assert all(f"{label}{words}".isprintable() for label, words in found.lines())
