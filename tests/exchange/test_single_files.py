"""Checkpoints in one file: told by their tensors, completed from what lies beside them, or refused."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.originals import (
    Shapes,
    clip,
    linear,
    open_clip,
    qwen,
    t5,
    under,
    unet,
    vae,
    wan_vae,
    write_header,
)
from tests.originals_flow import chroma, flux1, flux2, qwen_image, sd3, z_image
from zen_tui.exchange.bases import inspect_base
from zen_tui.exchange.layers import lora_size
from zen_tui.exchange.profiles import require_trainable
from zen_tui.exchange.source import original_source
from zen_tui.library.errors import BadFile, Refused, WrongUse, ZenError
from zen_tui.library.records import Base

COMFY = "model.diffusion_model."
SDXL = unet(2048, multipliers=(1, 2, 4), depth=(0, 2, 10), middle=10, flat=True, label=2816)
QWEN_VAE = wan_vae()
FLUX2_VAE = vae(32, inner_quant=True) | {"bn.running_mean": (128,), "bn.running_var": (128,)}
QWEN3 = qwen(2560, 9728, 36, 32, 151936, keys=8)
QWEN_VL = qwen(3584, 18944, 28, 28, 152064, keys=4, third=False)

WHOLE: dict[str, Shapes] = {
    "sd15": under(COMFY, unet(768))
    | under("first_stage_model.", vae(4))
    | under("cond_stage_model.transformer.", clip(768, 12)),
    "sd2": under(COMFY, unet(1024, flat=True))
    | under("first_stage_model.", vae(4))
    | under("cond_stage_model.model.", open_clip(1024, 24)),
    "sdxl": under(COMFY, SDXL)
    | under("first_stage_model.", vae(4))
    | under("conditioner.embedders.0.transformer.", clip(768, 12))
    | under("conditioner.embedders.1.model.", open_clip(1280, 32)),
}
"""Checkpoints that hold all of a base."""

DENOISERS: dict[str, Shapes] = {
    "flux1-dev": flux1(guidance=True),
    "flux1-schnell": flux1(guidance=False),
    "flux-2-klein-4b": flux2(3072, 5, 20, 7680),
    "flux-2-klein-base-4b": flux2(3072, 5, 20, 7680),
    "z_image_bf16": z_image(),
    "z_image_turbo_bf16": z_image(),
    "Chroma1-HD": chroma(),
    "sd3.5_medium": sd3(24, dual=13, positions=384),
    "sd3.5_large": sd3(38, positions=192),
    "sd3.5_large_turbo": sd3(38, positions=192),
    "qwen_image_bf16": qwen_image(),
}
"""Denoisers alone, under the names they are passed around by."""


@pytest.fixture(scope="module")
def comfy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder of ComfyUI with every text encoder and VAE; the files hold nothing but their headers."""
    folder = tmp_path_factory.mktemp("comfy") / "models"
    texts = folder / "text_encoders"
    write_header(texts / "clip_l.safetensors", clip(768, 12), "F16")
    write_header(folder / "clip" / "clip_g.safetensors", clip(1280, 32, True), "F16")
    write_header(texts / "t5xxl_fp16.safetensors", t5(), "F16")
    write_header(texts / "t5xxl_fp8.safetensors", t5(), "F8_E4M3")
    write_header(texts / "qwen_3_4b.safetensors", QWEN3)
    write_header(texts / "qwen_2.5_vl_7b.safetensors", QWEN_VL)
    write_header(folder / "vae" / "ae.safetensors", vae(16, quant=False))
    write_header(folder / "vae" / "sd3_vae.safetensors", vae(16, quant=False))
    write_header(folder / "vae" / "flux2-vae.safetensors", FLUX2_VAE)
    write_header(folder / "vae" / "qwen_image_vae.safetensors", QWEN_VAE)
    return folder


@pytest.mark.parametrize(
    ("kind", "name", "family", "variant", "prediction", "resolution", "millions"),
    [
        ("sd15", "v1-5-pruned", "sd15", "", "epsilon", 512, 1066),
        ("sd2", "v2-1_512-ema-pruned", "sd15", "2", "epsilon", 512, 1304),
        ("sd2", "v2-1_768-ema-pruned", "sd15", "2", "v_prediction", 768, 1304),
        ("sdxl", "sd_xl_base_1.0", "sdxl", "", "epsilon", 1024, 3469),
        ("sdxl", "NoobAI-XL-Vpred", "sdxl", "", "v_prediction", 1024, 3469),
    ],
)
def test_a_whole_checkpoint_is_told_by_its_header(
    tmp_path: Path,
    kind: str,
    name: str,
    family: str,
    variant: str,
    prediction: str,
    resolution: int,
    millions: int,
) -> None:
    facts = inspect_base(write_header(tmp_path / f"{name}.safetensors", WHOLE[kind], "F16"))
    assert (facts.family, facts.variant, facts.prediction_type) == (family, variant, prediction)
    assert (facts.resolution, facts.layout, facts.precision) == (resolution, "original", "f16")
    assert round(sum(facts.parameters.values()) / 1e6) == millions
    assert {Path(file).name for part in facts.parts.values() for file in part.files} == {f"{name}.safetensors"}


@pytest.mark.parametrize("prefix", ["", COMFY, "diffusion_model."])
@pytest.mark.parametrize(
    ("name", "family", "variant", "parts"),
    [
        ("flux1-dev", "flux1", "dev", ["ae", "clip_l", "t5xxl_fp16"]),
        ("flux1-schnell", "flux1", "schnell", ["ae", "clip_l", "t5xxl_fp16"]),
        ("flux-2-klein-4b", "flux2-klein", "distilled", ["flux2-vae", "qwen_3_4b"]),
        ("flux-2-klein-base-4b", "flux2-klein", "base", ["flux2-vae", "qwen_3_4b"]),
        ("z_image_bf16", "z-image", "", ["ae", "qwen_3_4b"]),
        ("z_image_turbo_bf16", "z-image", "turbo", ["ae", "qwen_3_4b"]),
        ("Chroma1-HD", "chroma", "", ["ae", "t5xxl_fp16"]),
        ("sd3.5_medium", "sd35", "", ["sd3_vae", "clip_l", "clip_g", "t5xxl_fp16"]),
        ("sd3.5_large", "sd35", "", ["sd3_vae", "clip_l", "clip_g", "t5xxl_fp16"]),
        ("sd3.5_large_turbo", "sd35", "turbo", ["sd3_vae", "clip_l", "clip_g", "t5xxl_fp16"]),
        ("qwen_image_bf16", "qwen-image", "", ["qwen_image_vae", "qwen_2.5_vl_7b"]),
    ],
)
def test_a_denoiser_takes_what_lies_beside_it(
    comfy: Path, name: str, family: str, variant: str, parts: list[str], prefix: str
) -> None:
    path = comfy / "diffusion_models" / "sub" / f"{name}.safetensors"
    facts = inspect_base(write_header(path, under(prefix, DENOISERS[name])))
    assert (facts.family, facts.variant) == (family, variant)
    used = {Path(file).stem for part in facts.parts.values() for file in part.files}
    assert used == {name, *parts}
    assert facts.parts["transformer"].prefix == prefix
    assert facts.licence


@pytest.mark.parametrize(("kind", "layers", "numbers"), [("sd15", 128, 797_184), ("sdxl", 560, 5_806_080)])
def test_a_lora_on_a_checkpoint_is_as_large_as_it_is_known_to_be(
    tmp_path: Path, kind: str, layers: int, numbers: int
) -> None:
    """The attention LoRAs of rank 4 that diffusers' own scripts make are 3.2 and 23.2 MB in fp32."""
    path = write_header(tmp_path / f"{kind}.safetensors", WHOLE[kind], "F16")
    source = original_source(path, inspect_base(path).parts, {})
    assert lora_size(source, kind, "attn", 4) == (layers, numbers)


def test_a_file_in_fp8_and_one_with_everything_in_it(tmp_path: Path) -> None:
    """As ComfyUI packs FLUX.1 into one checkpoint."""
    shapes = under(COMFY, DENOISERS["flux1-dev"]) | under("vae.", vae(16, quant=False))
    shapes |= under("text_encoders.t5xxl.transformer.", t5()) | under(
        "text_encoders.clip_l.transformer.", clip(768, 12)
    )
    facts = inspect_base(write_header(tmp_path / "flux1-dev-fp8.safetensors", shapes, "F8_E4M3"))
    assert (facts.family, facts.variant, facts.precision) == ("flux1", "dev", "f8_e4m3")
    assert facts.parts["text_encoder_2"].prefix == "text_encoders.t5xxl.transformer."
    assert facts.parts["vae"].prefix == "vae."


def test_named_files_come_before_those_beside(comfy: Path, tmp_path: Path) -> None:
    mine = write_header(tmp_path / "mine" / "t5.safetensors", t5(), "F8_E4M3")
    path = write_header(comfy / "unet" / "chroma.safetensors", DENOISERS["Chroma1-HD"])
    assert inspect_base(path, texts=[mine]).parts["text_encoder"].files == [str(mine)]


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("vae", "FLUX.1 dev, and the VAE of FLUX.1 is not with it.*ae.safetensors.*--vae"),
        ("clip_l", "the text encoder CLIP-L is not with it.*clip_l.safetensors.*--text"),
        ("t5xxl", "the text encoder T5-XXL is not with it.*t5xxl_fp16.safetensors.*--text"),
    ],
)
def test_what_is_missing_is_named_with_the_place_for_it(tmp_path: Path, missing: str, sentence: str) -> None:
    path = write_header(tmp_path / "models" / "unet" / "flux1-dev.safetensors", DENOISERS["flux1-dev"])
    shapes = {"vae": vae(16, quant=False), "clip_l": clip(768, 12), "t5xxl": t5()}
    for name in shapes.keys() - {missing}:
        folder = "vae" if name == "vae" else "text_encoders"
        write_header(tmp_path / "models" / folder / f"{name}.safetensors", shapes[name])
    with pytest.raises(BadFile, match=sentence):
        inspect_base(path)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("z_image_bf16", ["base", "turbo"]),
        ("flux-2-klein-4b", ["base", "distilled"]),
        ("sd3.5_large", ["large", "turbo"]),
    ],
)
def test_a_variant_that_nothing_tells_is_asked_for(comfy: Path, kind: str, options: list[str]) -> None:
    path = write_header(comfy / "diffusion_models" / "my_merge.safetensors", DENOISERS[kind])
    with pytest.raises(WrongUse, match=f"--variant {options[0]} or --variant {options[1]}"):
        inspect_base(path)
    assert {inspect_base(path, variant=option).variant for option in options} <= {"", "turbo", "base", "distilled"}
    assert inspect_base(path, variant=options[1]).variant == options[1]
    with pytest.raises(WrongUse, match="--variant"):
        inspect_base(path, variant="dev")


def test_a_turbo_is_told_by_its_metadata_and_never_trained(comfy: Path) -> None:
    path = comfy / "diffusion_models" / "mine.safetensors"
    said = {"modelspec.architecture": "stable-diffusion-v3.5-large", "modelspec.title": "SD 3.5 Large Turbo"}
    facts = inspect_base(write_header(path, DENOISERS["sd3.5_large"], metadata=said))
    assert (facts.variant, facts.defaults["generate"]["steps"]) == ("turbo", 4)
    with pytest.raises(Refused, match=r"distilled.*Train Stable Diffusion 3.5 Large instead"):
        require_trainable(Base(id=1, slug="mine", family=facts.family, variant=facts.variant, path=str(path)))
    del said["modelspec.title"]
    write_header(path, DENOISERS["sd3.5_large"], metadata=said)
    with pytest.raises(WrongUse, match="--variant large or --variant turbo"):
        inspect_base(path)


def test_stable_diffusion_2_is_told_by_its_metadata_or_asked_for(tmp_path: Path) -> None:
    said = {"modelspec.prediction_type": "v"}
    path = write_header(tmp_path / "mine.safetensors", WHOLE["sd2"], "F16", said)
    assert inspect_base(path).prediction_type == "v_prediction"
    write_header(path, WHOLE["sd2"], "F16")
    with pytest.raises(WrongUse, match="--variant epsilon or --variant v"):
        inspect_base(path)
    assert inspect_base(path, variant="v").prediction_type == "v_prediction"


def changed(shapes: Mapping[str, tuple[int, ...]], **other: tuple[int, ...]) -> Shapes:
    return {**shapes, **{name.replace("__", "."): shape for name, shape in other.items()}}


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        (under(COMFY, unet(768, channels=9)), "is a Stable Diffusion inpainting model, which is not supported"),
        (under(COMFY, unet(768, channels=8)), "InstructPix2Pix"),
        (under(COMFY, unet(768, width=32)), "Stable Diffusion model of another size"),
        (
            under(COMFY, unet(2048, multipliers=(1, 2, 4), depth=(0, 2, 4), middle=4, flat=True, label=2816)),
            "smaller",
        ),
        (flux1(guidance=True, channels=384), "FLUX.1 Fill, an inpainting model"),
        (flux1(guidance=True, double=8), "FLUX.1 with some of its layers taken out"),
        (flux2(6144, 8, 48, 15360), "FLUX.2 dev"),
        (sd3(24, positions=192), "Stable Diffusion 3, which version 3.5 replaced"),
        ({"model.diffusion_model.head.modulation": (1, 2, 5120)}, "a Wan video model"),
        ({"patchify_proj.weight": (2048, 128)}, "an LTX video model"),
        ({"control_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "a ControlNet"),
        (clip(768, 1), "the text encoder CLIP-L, not a base.*--text"),
        (vae(4), "a VAE of 4 channels, not a base.*--vae"),
        (linear("blocks.0.mystery", 4, 4), "a model that Zen does not know"),
        ({"emb_params": (4, 768)}, "a textual inversion, not a base"),
        ({"lora_unet_mid_block_attn1_to_q.lora_down.weight": (4, 8)}, "a LoRA, not a base"),
        ({"conv_in.weight": (320, 4, 3, 3)}, "one part of a diffusers folder"),
    ],
)
def test_what_cannot_be_a_base_is_called_by_its_name(tmp_path: Path, shapes: Shapes, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        inspect_base(write_header(tmp_path / "some.safetensors", shapes))


def test_packed_numbers_are_refused(tmp_path: Path) -> None:
    path = write_header(tmp_path / "flux1-dev-int8.safetensors", DENOISERS["flux1-dev"], "U8")
    with pytest.raises(Refused, match=r"with its numbers packed as U8.*fp8"):
        inspect_base(path)


def hostile(path: Path, key: str) -> Path:
    raw = json.dumps({key: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(4))
    return path


@pytest.mark.parametrize(
    "key", ["\x1b[2J\x1b]0;owned\x07", "../../.ssh/authorized_keys", "/etc/passwd", "a\nb", "\u202eabc"]
)
def test_hostile_keys_are_refused_and_never_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadFile, match="a name with strange characters") as told:
        inspect_base(hostile(tmp_path / "model.safetensors", key))
    assert key not in str(told.value)


def test_a_header_of_200_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 200_000_000))
        file.truncate(300_000_000)
    with pytest.raises(BadFile, match="larger than any model needs"):
        inspect_base(path)


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("model.ckpt", Refused, "is a pickle.*safetensors only"),
        ("model.gguf", Refused, "is a GGUF file"),
        ("model.txt", BadFile, "is not a base"),
    ],
)
def test_other_kinds_of_file_are_refused(tmp_path: Path, name: str, kind: type[ZenError], sentence: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(kind, match=sentence):
        inspect_base(tmp_path / name)


def test_a_file_named_for_what_it_is_not_is_said_so(comfy: Path) -> None:
    path = write_header(comfy / "diffusion_models" / "flux1-dev.safetensors", DENOISERS["flux1-dev"])
    with pytest.raises(WrongUse, match=r"ae.safetensors holds a VAE of 16 channels, and not a text encoder"):
        inspect_base(path, texts=[comfy / "vae" / "ae.safetensors"])
    with pytest.raises(
        WrongUse, match=r"qwen_3_4b.safetensors holds the text encoder Qwen3-4B, which FLUX.1 dev does"
    ):
        inspect_base(path, texts=[comfy / "text_encoders" / "qwen_3_4b.safetensors"])
