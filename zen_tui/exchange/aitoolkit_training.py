"""ai-toolkit's YAML job as settings: the first process that trains a network.

Keys and defaults after its `toolkit/config_modules.py` and config/examples.
"""

from __future__ import annotations

from typing import Any

from zen_tui.exchange.borrowed import DENOISER_ONLY, About, Borrowed, Borrowing
from zen_tui.exchange.borrowed_values import Block, last_part, sizes_in
from zen_tui.library.errors import WrongUse

FAMILIES = {
    "sd1": "sd15", "sd2": "sd15", "sdxl": "sdxl", "flux": "flux1", "flux2_klein_4b": "flux2-klein",
    "flux2_klein_9b": "flux2-klein", "zimage": "z-image", "chroma": "chroma", "sd3": "sd35",
    "qwen_image": "qwen-image",
}  # fmt: skip
PRECISIONS = {
    "bf16": "bf16", "bfloat16": "bf16", "fp16": "fp16", "float16": "fp16", "fp32": "fp32", "float32": "fp32",
    "float": "fp32",
}  # fmt: skip
QUANTIZED = {"qfloat8": "fp8", "float8": "fp8", "qint8": "int8", "int8": "int8"}
UNUSED = {
    "type", "training_folder", "device", "performance_log_every", "sqlite_db_path", "logging", "datasets",
    "cache_latents", "cache_latents_to_disk", "folder_path", "dataset_path", "caption_ext", "default_caption",
    "num_repeats", "is_reg", "trigger_word", "mask_path", "controls", "num_frames", "fps",
}  # fmt: skip


def is_job(document: Any) -> bool:
    """Whether a YAML document is a job of ai-toolkit."""
    config = document.get("config") if isinstance(document, dict) else None
    return isinstance(config, dict) and isinstance(config.get("process"), list)


def read_job_settings(document: Any, about: About) -> Borrowed:
    """What the job trains with.

    Raises:
        WrongUse: no process of it trains.
    """
    processes = [each for each in document["config"]["process"] if isinstance(each, dict) and "train" in each]
    if not processes:
        raise WrongUse("No process of this ai-toolkit job has train: in it.", "Choose a job that trains a LoRA.")
    process = Block(processes[0])
    reading = Borrowing("an ai-toolkit job", about)
    train, network, save = process.block("train"), process.block("network"), process.block("save")
    listed = process.get("datasets")
    datasets = (
        [Block(each, "datasets.") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    )
    dataset = datasets[0] if datasets else Block({}, "datasets.")
    _network(reading, network, process)
    _steps(reading, train, save)
    _rate(reading, train)
    _loss(reading, train)
    _photos(reading, dataset)
    for other in datasets[1:]:
        if any(other.get(name) != dataset.get(name) for name in ("caption_dropout_rate", "resolution", "flip_x")):
            reading.leave("another entry of datasets", "Zen trains all photos alike; the first was taken")
    _model(reading, process.block("model"))
    _samples(reading, process.block("sample"), process.text("trigger_word"), train)
    blocks = (process, train, network, save, dataset)
    reading.found.others = [name for block in blocks for name in block.rest() if name.split(".")[-1] not in UNUSED]
    return reading.found


def _network(reading: Borrowing, network: Block, process: Block) -> None:
    if not network.values:
        reading.leave("no network", "it trains the whole model, and Zen a LoRA")
        return
    kinds = {"lora": "lora", "locon": "lora", "lokr": "lokr", "dora": "dora"}
    reading.choice("lora", network, "type", kinds, "Zen has lora, rslora, dora and lokr")
    if network.word("type") == "lokr":
        if network.flag("lokr_full_rank") is not False:
            reading.leave("network.lokr_full_rank", "a LoKr of Zen has a rank")
        else:
            reading.number("rank", network, "linear", 4)
    else:
        reading.number("rank", network, "rank" if network.get("rank") is not None else "linear", 4)
        reading.number("alpha", network, "linear_alpha" if network.get("linear_alpha") is not None else "alpha", 1)
    if network.get("conv") is not None:
        reading.leave(network.said("conv"), "convolutions have no rank of their own here")
    reading.number("dropout", network, "dropout")
    for seen in ("linear", "alpha", "conv_alpha", "lokr_factor", "transformer_only", "network_kwargs"):
        network.seen.add(seen)
    process.seen.add("network")


def _steps(reading: Borrowing, train: Block, save: Block) -> None:
    """Its steps count batches; with `gradient_accumulation_steps` several make one of the optimizer's."""
    gathered = max(1.0, train.number("gradient_accumulation_steps") or 1)
    if gathered > 1:
        steps = train.number("steps") or 1000
        reading.take("gradient_accumulation", int(gathered), train.said("gradient_accumulation_steps"))
        reading.take("steps", max(1, int(steps // gathered)), f"{train.said('steps')}, {gathered:g} to a step")
    else:
        reading.number("gradient_accumulation", train, "gradient_accumulation")
        reading.number("steps", train, "steps", 1000)
    reading.number("batch_size", train, "batch_size", 1)
    every = save.number("save_every")
    if every:
        reading.take("checkpoint_every", max(1, int(every // gathered)), save.said("save_every"))
    reading.number("keep_checkpoints", save, "max_step_saves_to_keep")
    for seen in ("dtype", "save_format", "push_to_hub", "hf_repo_id", "hf_private"):
        save.seen.add(seen)


def _rate(reading: Borrowing, train: Block) -> None:
    reading.optimizer(train, "optimizer", (train, "unet_lr" if train.get("unet_lr") is not None else "lr"))
    if train.get("unet_lr") is not None:
        reading.leave(train.said("lr"), "the denoiser's own rate was taken")
    if train.flag("train_text_encoder"):
        reading.leave(train.said("train_text_encoder"), DENOISER_ONLY)
    if train.get("text_encoder_lr") is not None:
        reading.leave(train.said("text_encoder_lr"), DENOISER_ONLY)
    schedules = {
        "constant": "constant",
        "constant_with_warmup": "constant",
        "cosine": "cosine",
        "linear": "linear",
    }
    reading.choice("lr_schedule", train, "lr_scheduler", schedules, "Zen has constant, cosine and linear")
    warmup = train.block("lr_scheduler_params").number("num_warmup_steps")
    words = train.word("lr_scheduler") or "constant"
    reading.take("warmup", None if warmup is None else int(warmup), "train.lr_scheduler_params.num_warmup_steps")
    if warmup is None and words != "constant_with_warmup":
        reading.take("warmup", 0, "train.lr_scheduler_params.num_warmup_steps, 0 unless named")
    ema = train.block("ema_config")
    if ema.flag("use_ema"):
        reading.number("ema", ema, "ema_decay", 0.999)
    if train.get("optimizer_params"):
        reading.leave(train.said("optimizer_params"), "the optimizer's own numbers are fixed here")
    if train.number("max_grad_norm") not in (None, 1.0):
        reading.leave(train.said("max_grad_norm"), "gradients are held to a length of 1 here")
    reading.choice(
        "gradient_checkpointing", train, "gradient_checkpointing", {True: "on", False: "off"}, "it is on or off"
    )
    reading.choice("precision", train, "dtype", PRECISIONS, "Zen has fp32, bf16 and fp16")
    for seen in (
        "train_unet",
        "cache_text_embeddings",
        "unload_text_encoder",
        "skip_first_sample",
        "xformers",
        "sdp",
    ):
        train.seen.add(seen)


def _loss(reading: Borrowing, train: Block) -> None:
    gamma = "min_snr_gamma" if train.get("min_snr_gamma") is not None else "snr_gamma"
    reading.number("min_snr_gamma", train, gamma, 0)
    reading.choice(
        "loss", train, "loss_type", {"mse": "squared", "pseudo_huber": "huber"}, "Zen has squared and huber"
    )
    reading.noise_offset(train, "noise_offset")
    if train.flag("diff_output_preservation"):
        reading.number("prior_preservation", train, "diff_output_preservation_multiplier", 1)
    if train.word("noise_scheduler") == "flowmatch":
        times = {"sigmoid": "logit_normal", "linear": "uniform"}
        reading.choice("timesteps", train, "timestep_type", times, "Zen draws times uniform or logit_normal")
    train.seen |= {"timestep_type", "diff_output_preservation_class", "diff_output_preservation_multiplier"}
    if train.word("content_or_style") not in ("", "balanced"):
        reading.leave(train.said("content_or_style"), "Zen draws times uniform or logit_normal")
    if train.flag("linear_timesteps") or train.flag("linear_timesteps2"):
        reading.leave("train.linear_timesteps", "Zen does not weigh the loss by time")


def _photos(reading: Borrowing, dataset: Block) -> None:
    reading.number("caption_dropout", dataset, "caption_dropout_rate", 0)
    reading.choice("caption_shuffle", dataset, "shuffle_tokens", {True: True, False: False}, "it is true or false")
    reading.choice("flip", dataset, "flip_x", {True: True, False: False}, "it is true or false")
    if dataset.flag("flip_y"):
        reading.leave(dataset.said("flip_y"), "Zen turns no photo upside down")
    if dataset.get("resolution") is not None:
        reading.resolution(sizes_in(dataset.get("resolution")), dataset.said("resolution"))
    if dataset.flag("square_crop"):
        reading.take("aspect", "square", dataset.said("square_crop"))
    else:
        whole = dataset.flag("buckets") is not False
        reading.take("aspect", "buckets" if whole else "square", dataset.said("buckets", "true"))
    if dataset.word("mask_path") or dataset.flag("alpha_mask"):
        reading.number("mask_outside", dataset, "mask_min_value", 0)
    if dataset.number("token_dropout_rate"):
        reading.leave(dataset.said("token_dropout_rate"), "captions are left out whole here")
    if dataset.get("loss_multiplier") not in (None, 1, 1.0):
        reading.leave(dataset.said("loss_multiplier"), "photos have weights of their own: `zen datasets weigh`")


def _model(reading: Borrowing, model: Block) -> None:
    named = model.get("name_or_path")
    reading.found.model = last_part(named) if isinstance(named, str) else ""
    arch = model.word("arch").partition(":")[0]
    flags = {"is_flux": "flux1", "is_xl": "sdxl", "is_v3": "sd35"}
    marked = [family for flag, family in flags.items() if model.flag(flag)]
    reading.found.family = marked[0] if marked else FAMILIES.get(arch, "")
    if model.flag("quantize"):
        if model.get("qtype") is None:
            reading.take("quantize", "fp8", "model.quantize = true")
        else:
            reading.choice("quantize", model, "qtype", QUANTIZED, "Zen has int8, fp8 and nf4")
    for name in ("assistant_lora_path", "lora_path"):
        if model.get(name) is not None:
            reading.leave(model.said(name), "a second LoRA is not active while Zen trains")


def _samples(reading: Borrowing, sample: Block, trigger: str, train: Block) -> None:
    if train.flag("disable_sampling"):
        reading.take("sample_every", 0, "train.disable_sampling = true")
    else:
        reading.number("sample_every", sample, "sample_every")
    samples = sample.get("samples")
    prompts = (
        [each.get("prompt") for each in samples if isinstance(each, dict)] if isinstance(samples, list) else []
    )
    if not prompts and isinstance(sample.get("prompts"), list):
        prompts = sample.get("prompts")
    words = [each.replace("[trigger]", "{token}") for each in prompts if isinstance(each, str)]
    reading.prompts(words, "sample.prompts", trigger)
    for name in ("sampler", "guidance_scale", "sample_steps", "width", "neg"):
        if sample.get(name) not in (None, "", False):
            reading.leave(f"sample.{name}", "samples are drawn as the base recommends")
            break
