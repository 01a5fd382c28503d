"""OneTrainer's configuration or preset as settings.

Keys and defaults after its `modules/util/config/TrainConfig.py`, what they do after `modules/util/create.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zen_tui.exchange.borrowed import DENOISER_ONLY, About, Borrowed, Borrowing
from zen_tui.exchange.borrowed_values import Block, last_part, shown_value, sizes_in
from zen_tui.exchange.dataset_paths import find_folder, text_of
from zen_tui.library.errors import BadFile

FAMILIES = {
    "STABLE_DIFFUSION_15": "sd15", "STABLE_DIFFUSION_20": "sd15", "STABLE_DIFFUSION_20_BASE": "sd15",
    "STABLE_DIFFUSION_21": "sd15", "STABLE_DIFFUSION_21_BASE": "sd15", "STABLE_DIFFUSION_35": "sd35",
    "STABLE_DIFFUSION_XL_10_BASE": "sdxl", "FLUX_DEV_1": "flux1", "FLUX_2": "flux2-klein", "CHROMA_1": "chroma",
    "QWEN": "qwen-image", "Z_IMAGE": "z-image",
}  # fmt: skip
PRECISIONS = {"float_16": "fp16", "bfloat_16": "bf16", "float_32": "fp32", "tfloat_32": "fp32"}
QUANTIZED = {
    "int_8": "int8", "int_w8a8": "int8", "float_8": "fp8", "float_w8a8": "fp8", "nfloat_4": "nf4",
    "float_32": "none", "float_16": "none", "bfloat_16": "none", "tfloat_32": "none",
}  # fmt: skip
LARGEST = 1_000_000  # bytes of a file of sample prompts
KNOWN = {
    "__version", "training_method", "model_type", "base_model_name", "concepts", "concept_file_name", "unet",
    "transformer", "prior", "vae", "text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4",
    "optimizer", "optimizer_defaults", "workspace_dir", "cache_dir", "debug_dir", "output_dtype",
    "output_model_format", "output_model_destination", "tensorboard", "tensorboard_port", "latent_caching",
    "clear_cache_before_training", "dataloader_threads", "train_device", "temp_device",
    "enable_autocast_cache", "attention_mechanism", "cloud", "secrets", "quantization", "embedding",
    "additional_embeddings", "embedding_weight_dtype", "lora_weight_dtype", "bundle_additional_embeddings",
    "sample_image_format", "sample_video_format", "sample_audio_format", "samples_to_tensorboard",
    "save_filename_prefix", "include_train_config", "async_offloading", "frames", "fallback_train_dtype",
    "preserve_embedding_norm", "effnet_encoder", "decoder", "decoder_text_encoder", "decoder_vqgan",
    "vb_loss_strength", "lora_decompose_norm_epsilon", "ema_update_step_interval", "compile",
    "layer_filter_preset", "text_encoder_sequence_length", "text_encoder_2_sequence_length", "multi_gpu",
    "device_indexes", "gradient_reduce_precision", "fused_gradient_reduce", "async_gradient_reduce",
    "async_gradient_reduce_buffer", "validation", "validate_after", "validate_after_unit",
    "rolling_backup_count", "backup_after", "backup_after_unit", "backup_before_save", "non_ema_sampling",
    "oft_block_size", "lokr_dim", "lokr_decompose_factor", "lokr_dora_on_output", "lokr_vec_trick",
    "noising_weight", "noising_bias", "unmasked_probability", "max_noising_strength", "loss_weight_strength",
    "huber_delta", "mse_strength", "learning_rate_cycles", "clip_grad_norm", "sample_definition_file_name",
    "samples", "sample_skip_first",
}  # fmt: skip
"""Keys of how it runs and where it writes, or of what was said otherwise."""


def is_config(document: Any) -> bool:
    """Whether a JSON document is a configuration of OneTrainer."""
    return isinstance(document, dict) and ("training_method" in document or "model_type" in document)


def read_config(document: Any, about: About, path: Path) -> Borrowed:
    """What the configuration trains with. `path` is where it lies, for what it names beside it."""
    config = Block(document)
    reading = Borrowing("OneTrainer's configuration", about)
    part = config.block("unet" if config.get("unet") else "transformer")
    _network(reading, config)
    _steps(reading, config)
    _rate(reading, config, part)
    _loss(reading, config)
    if config.get("resolution") is not None:
        reading.resolution(sizes_in(config.get("resolution")), config.said("resolution"))
    whole = config.flag("aspect_ratio_bucketing") is not False
    reading.take("aspect", "buckets" if whole else "square", config.said("aspect_ratio_bucketing", "true"))
    reading.number("caption_dropout", config.block("text_encoder"), "dropout_probability", 0)
    for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
        if config.block(name).flag("train"):
            reading.leave(f"{name}.train = true", DENOISER_ONLY)
    _memory(reading, config, part)
    _samples(reading, config, path)
    named = config.get("base_model_name")
    reading.found.model = last_part(named) if isinstance(named, str) else ""
    reading.found.family = FAMILIES.get(config.word("model_type").upper(), "")
    config.seen |= KNOWN
    reading.found.others = config.rest()
    return reading.found


def _network(reading: Borrowing, config: Block) -> None:
    method = config.word("training_method")
    if method not in ("", "lora"):
        reading.leave(config.said("training_method"), "Zen trains a LoRA")
    kind = config.word("peft_type") or "lora"
    if kind not in ("lora", "lokr"):
        reading.leave(config.said("peft_type"), "Zen has lora, rslora, dora and lokr")
        for name in ("lora_rank", "lora_alpha"):
            config.seen.add(name)
        return
    if kind == "lora" and config.flag("lora_decompose"):
        reading.take("lora", "dora", config.said("lora_decompose"))
    else:
        reading.take("lora", kind, config.said("peft_type", "lora"))
    reading.number("rank", config, "lokr_dim" if kind == "lokr" and config.get("lokr_dim") else "lora_rank", 16)
    reading.number("alpha", config, "lora_alpha", 1)
    reading.number("dropout", config, "dropout_probability")
    if config.text("layer_filter"):
        reading.leave(config.said("layer_filter"), "which layers learn follows from the base")


def _steps(reading: Borrowing, config: Block) -> None:
    """It counts epochs, and its steps are batches: several make one of the optimizer's where gradients gather."""
    reading.number("batch_size", config, "batch_size", 1)
    reading.number("gradient_accumulation", config, "gradient_accumulation_steps")
    batch, gathered = config.number("batch_size") or 1, config.number("gradient_accumulation_steps") or 1
    epochs = config.number("epochs") or 100
    theirs = config.said("epochs", "100")
    steps = reading.epochs(epochs, theirs, batch, gathered)
    reading.take("steps", steps, f"{theirs}, of {reading.about.photos} photos")
    warmup = config.number("learning_rate_warmup_steps")
    warmup = 200.0 if warmup is None else warmup
    said = config.said("learning_rate_warmup_steps", "200")
    if warmup > 1:
        reading.take("warmup", int(warmup // gathered), said)
    elif warmup <= 0 or steps:
        reading.take("warmup", int(max(0.0, warmup) * (steps or 0)), f"{said}, of all steps")
    else:
        reading.leave(said, "it is a share of the steps, and those are not known")
    for setting, name in (("checkpoint_every", "save_every"), ("sample_every", "sample_after")):
        unit, every = config.word(f"{name}_unit"), config.number(name)
        if not every or unit in ("never", ""):
            continue
        if unit == "step":
            reading.take(setting, max(1, int(every // gathered)), config.said(name))
        elif unit == "epoch" and steps:
            each = reading.epochs(1, "", batch, gathered) or 1
            reading.take(setting, max(1, round(every * each)), f"{config.said(name)}, in epochs")
        else:
            reading.leave(f"{config.said(name)} {unit}", "Zen counts steps")
    if config.flag("rolling_backup"):
        reading.number("keep_checkpoints", config, "rolling_backup_count")


def _rate(reading: Borrowing, config: Block, part: Block) -> None:
    own = part.number("learning_rate") is not None
    reading.optimizer(config.block("optimizer"), "optimizer", (part if own else config, "learning_rate"))
    if own and config.get("learning_rate") is not None:
        reading.leave(config.said("learning_rate"), "the denoiser's own rate was taken")
    schedules = {"constant": "constant", "linear": "linear", "cosine": "cosine"}
    reading.choice(
        "lr_schedule", config, "learning_rate_scheduler", schedules, "Zen has constant, cosine and linear"
    )
    if config.word("learning_rate_scaler") not in ("", "none"):
        reading.leave(config.said("learning_rate_scaler"), "the rate is taken as it stands")
    if config.number("learning_rate_min_factor"):
        reading.leave(config.said("learning_rate_min_factor"), "a schedule ends near 0 here")
    if config.word("ema") not in ("", "off"):
        reading.number("ema", config, "ema_decay", 0.999)
    config.seen.add("ema_decay")
    numbers = [name for name, value in config.block("optimizer").values.items() if name != "optimizer" and value]
    if any(name in numbers for name in ("weight_decay", "beta1", "beta2", "d_coef", "eps")):
        reading.leave("optimizer's own numbers", "they are fixed here")


def _loss(reading: Borrowing, config: Block) -> None:
    if config.number("huber_strength"):
        reading.take("loss", "huber", config.said("huber_strength"))
        reading.number("huber", config, "huber_delta", 1)
    for name in ("mae_strength", "log_cosh_strength"):
        if config.number(name):
            reading.leave(config.said(name), "Zen has squared and huber")
    kind = config.word("loss_weight_fn")
    if kind in ("", "constant"):
        reading.take("min_snr_gamma", 0.0, config.said("loss_weight_fn", "constant"))
    elif kind == "min_snr_gamma":
        reading.number("min_snr_gamma", config, "loss_weight_strength", 5)
    else:
        reading.leave(config.said("loss_weight_fn"), "Zen weighs by min_snr_gamma or not at all")
    reading.noise_offset(config, "offset_noise_weight")
    times = {"uniform": "uniform", "logit_normal": "logit_normal"}
    reading.choice("timesteps", config, "timestep_distribution", times, "Zen draws times uniform or logit_normal")
    if config.number("noising_bias") or config.number("noising_weight"):
        reading.leave("noising_bias and noising_weight", "times are drawn around the middle here")
    if config.flag("dynamic_timestep_shifting"):
        reading.shift(0.0, config.said("dynamic_timestep_shifting"))
    else:
        reading.shift(config.number("timestep_shift"), config.said("timestep_shift"))
    if config.flag("masked_training") is not None:
        reading.take(
            "masked_loss", "auto" if config.flag("masked_training") else "off", config.said("masked_training")
        )
        if config.flag("masked_training"):
            reading.number("mask_outside", config, "unmasked_weight", 0.1)
    config.seen.add("unmasked_weight")
    if config.number("clip_grad_norm") not in (None, 1.0):
        reading.leave(config.said("clip_grad_norm"), "gradients are held to a length of 1 here")


def _memory(reading: Borrowing, config: Block, part: Block) -> None:
    reading.choice("precision", config, "train_dtype", PRECISIONS, "Zen has fp32, bf16 and fp16")
    reading.choice("quantize", part, "weight_dtype", QUANTIZED, "Zen has int8, fp8 and nf4")
    holder = part if part.get("gradient_checkpointing") is not None else config
    known = {True: "on", False: "off", "on": "on", "off": "off", "cpu_offloaded": "on"}
    reading.choice("gradient_checkpointing", holder, "gradient_checkpointing", known, "it is on or off")
    if part.number("offload_fraction"):
        reading.leave(part.said("offload_fraction"), "how weights lie in memory follows from the machine")


def _samples(reading: Borrowing, config: Block, path: Path) -> None:
    samples = config.get("samples")
    if samples is None:
        named = find_folder(config.text("sample_definition_file_name"), path)
        if named is None or not named.is_file():
            return
        import msgspec

        try:
            samples = msgspec.json.decode(text_of(named, LARGEST))
        except (BadFile, msgspec.MsgspecError, RecursionError):
            reading.leave(f"the prompts in {shown_value(named.name)}", "that file cannot be read")
            return
    if isinstance(samples, list):
        enabled = [each for each in samples if isinstance(each, dict) and each.get("enabled") is not False]
        reading.prompts([each.get("prompt") for each in enabled], "samples")
