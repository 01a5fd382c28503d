"""kohya's sd-scripts as settings: the TOML of `--config_file`, whose sections mean nothing, and the GUI's JSON.

Keys, defaults and what they do after `library/train_util.py`, `train_network.py` and the presets of kohya_ss.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zen_tui.exchange.borrowed import DENOISER_ONLY, About, Borrowed, Borrowing
from zen_tui.exchange.borrowed_values import Block, as_number, last_part, shown_value, sizes_in, whole
from zen_tui.exchange.dataset_paths import find_folder, text_of
from zen_tui.library.errors import BadFile

TELLING = {
    "network_dim", "network_module", "network_alpha", "network_args", "pretrained_model_name_or_path", "unet_lr",
    "optimizer_type", "train_batch_size", "max_train_steps", "max_train_epochs", "LoRA_type", "lr_warmup_steps",
    "text_encoder_lr", "train_data_dir",
}  # fmt: skip
PRECISIONS = {"bf16": "bf16", "fp16": "fp16", "no": "fp32"}
SWITCH = {True: True, False: False}
LARGEST = 1_000_000  # bytes of a file of prompts
KINDS = {  # of the network: its module, LyCORIS' algorithm, or the type that the GUI shows
    **dict.fromkeys(("networks.lora", "networks.lora_flux", "networks.lora_sd3", "networks.lora_lumina"), "lora"),
    **dict.fromkeys(("lora", "locon", "standard", "flux1", "sd3", "kohya locon", "lycoris/locon"), "lora"),
    **dict.fromkeys(("lokr", "lycoris/lokr"), "lokr"),
}
UNUSED = re.compile(
    r"(.*_dir|.*_path|output_name|log_.*|logging_.*|wandb_.*|save_(precision|model_as|state.*|as_bool)|.*metadata.*|"
    r"huggingface_.*|.*resume.*|cache_.*|.*_cache_.*|num_(cpu|machines|processes).*|dynamo_.*|max_data_loader.*|"
    r"persistent_.*|xformers|sdpa|mem_eff_attn|lowvram|highvram|caption_extension|dataset_config|vae.*|ae|clip_[lg]|"
    r"t5xxl.*|no_half_vae|sdxl.*|v2|flux1.*|sd3.*|bucket_.*|(min|max)_bucket_reso|max_token_length|training_comment|"
    r"extra_.*|gpu_ids|main_process_port|multi_gpu|model_list|async_upload|additional_parameters|network_train_.*|"
    r"LyCORIS_preset|(conv|block)_.*|factor|unit|train_on_input|lr_scheduler_power|(min|max)_timestep|huber_schedule|"
    r"noise_offset_type|sample_sampler|prior_loss_weight|guidance_scale|model_prediction_type|train_blocks|"
    r"stop_text_encoder.*|multires_noise_discount|v_pred_like_loss|lr_scheduler_num_cycles|full_(fp|bf)16)$"
)


def is_training(document: Any) -> bool:
    """Whether a TOML or JSON document says how sd-scripts trains."""
    return isinstance(document, dict) and bool(TELLING & set(_flat(document)))


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """The keys of all sections as one, as sd-scripts reads them."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat |= value if isinstance(value, dict) else {key: value}
    return flat


def read_training_of_kohya(document: dict[str, Any], about: About, path: Path) -> Borrowed:
    """What the file trains with. `path` is where it lies, for the prompts it names."""
    config = Block(_flat(document))
    gui = "LoRA_type" in config.values or "optimizer" in config.values
    reading = Borrowing("the settings of kohya's GUI" if gui else "the settings of kohya's sd-scripts", about)
    arguments = _arguments(config)
    _network(reading, config, arguments)
    _steps(reading, config)
    _rate(reading, config, arguments)
    _loss(reading, config)
    _photos(reading, config)
    _samples(reading, config, path)
    named = config.get("pretrained_model_name_or_path")
    reading.found.model = last_part(named) if isinstance(named, str) else ""
    reading.found.family = _family(config)
    reading.found.others = [name for name in config.rest() if not UNUSED.match(name)]
    return reading.found


def _family(config: Block) -> str:
    module, model = config.word("network_module"), config.word("pretrained_model_name_or_path")
    if "flux" in module or config.flag("flux1_checkbox"):
        return "flux1"
    if "sd3" in module or config.flag("sd3_checkbox"):
        return "sd35"
    if config.flag("sdxl") or "xl" in model:
        return "sdxl"
    return "sd15" if config.flag("v2") or re.search(r"v?1[._-]?5", model) else ""


def _arguments(config: Block) -> dict[str, str]:
    """`network_args`, which are words like conv_dim=8; and what the GUI has as keys of its own."""
    listed = config.get("network_args")
    words = listed if isinstance(listed, list) else str(listed).split() if isinstance(listed, str) else []
    pairs = [str(word).partition("=") for word in words[:64] if isinstance(word, str)]
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _network(reading: Borrowing, config: Block, arguments: dict[str, str]) -> None:
    module, shown_kind = config.word("network_module"), config.word("LoRA_type")
    if module == "lycoris.kohya":
        word, theirs = (
            arguments.get("algo", "lora").lower(),
            f"algo = {shown_value(arguments.get('algo', 'lora'))}",
        )
    else:
        word, theirs = (
            (module, config.said("network_module")) if module else (shown_kind, config.said("LoRA_type"))
        )
    kind = KINDS.get(word) if word else "lora"
    if kind is None:
        reading.leave(theirs, "Zen has lora, rslora, dora and lokr")
        config.seen |= {"network_dim", "network_alpha"}
        return
    if arguments.get("dora_wd", "").lower() == "true" or config.flag("dora_wd"):
        kind, theirs = ("dora", "dora_wd = true") if kind == "lora" else (kind, theirs)
    elif arguments.get("rs_lora", "").lower() == "true":
        kind, theirs = "rslora", "rs_lora = true"
    if word:
        reading.take("lora", kind, theirs)
    reading.number("rank", config, "network_dim", 4)
    reading.number("alpha", config, "network_alpha", 1)
    reading.number("dropout", config, "network_dropout")
    convolutions = arguments.get("conv_dim") or (
        config.get("conv_dim") if "loc" in word or "lok" in word else None
    )
    if convolutions:
        reading.leave(f"conv_dim = {shown_value(convolutions)}", "convolutions have no rank of their own here")
    for name in ("loraplus_unet_lr_ratio", "loraplus_lr_ratio"):
        ratio = as_number(arguments.get(name)) or config.number(name)
        if ratio:
            reading.take("lora_plus", ratio, f"{name} = {ratio:g}")
            break


def _steps(reading: Borrowing, config: Block) -> None:
    reading.number("batch_size", config, "train_batch_size", 1)
    reading.number("gradient_accumulation", config, "gradient_accumulation_steps")
    batch, gathered = config.number("train_batch_size") or 1, config.number("gradient_accumulation_steps") or 1
    name = next((each for each in ("max_train_epochs", "epoch") if config.number(each)), "")
    config.seen.add("epoch")
    count, limit = config.number(name) if name else None, config.number("max_train_steps")
    if name == "epoch" and limit:  # the GUI stops at whichever comes first
        count = None
    steps = reading.epochs(count, config.said(name), batch, gathered)
    if steps:
        reading.take("steps", steps, f"{config.said(name)}, of {reading.about.photos} photos")
    elif not count:
        reading.number("steps", config, "max_train_steps", 1600)
        steps = int(limit or 1600)
    _warmup(reading, config, steps)
    each = reading.epochs(1, "", batch, gathered) if reading.about.photos else None
    for setting, verb in (("checkpoint_every", "save"), ("sample_every", "sample")):
        by_step, by_epoch = f"{verb}_every_n_steps", f"{verb}_every_n_epochs"
        if config.number(by_step):
            reading.number(setting, config, by_step)
        elif (every := config.number(by_epoch)) and each:
            reading.take(setting, max(1, round(every * each)), config.said(by_epoch))
        elif every:
            reading.leave(config.said(by_epoch), "how many steps that is depends on the photos; name a dataset")
    if config.number("save_last_n_epochs"):
        reading.number("keep_checkpoints", config, "save_last_n_epochs")
    reading.number("seed", config, "seed")


def _warmup(reading: Borrowing, config: Block, steps: int | None) -> None:
    """A whole number is steps, a fraction a share of them; the GUI's `lr_warmup` is a percentage."""
    value, percent = config.get("lr_warmup_steps"), config.number("lr_warmup")
    number = as_number(value)
    if number and (isinstance(value, float) or number < 1):
        share, said = number, config.said("lr_warmup_steps")
    elif percent and not number:
        share, said = percent / 100, f"{config.said('lr_warmup')} percent"
    else:
        reading.number("warmup", config, "lr_warmup_steps", 0)
        return
    if steps:
        reading.take("warmup", round(share * steps), f"{said}, of {steps} steps")
    else:
        reading.leave(said, "it is a share of the steps, and those are not known")


def _rate(reading: Borrowing, config: Block, arguments: dict[str, str]) -> None:
    own = bool(config.number("unet_lr"))
    name = "optimizer_type" if config.get("optimizer_type") is not None else "optimizer"
    reading.optimizer(config, name, (config, "unet_lr" if own else "learning_rate"))
    if own and config.number("learning_rate") not in (None, config.number("unet_lr")):
        reading.leave(config.said("learning_rate"), "the denoiser's own rate was taken")
    if config.number("text_encoder_lr") and config.flag("network_train_unet_only") is not True:
        reading.leave(config.said("text_encoder_lr"), DENOISER_ONLY)
    schedules = {
        "constant": "constant",
        "constant_with_warmup": "constant",
        "cosine": "cosine",
        "linear": "linear",
    }
    if config.word("lr_scheduler") == "cosine_with_restarts" and config.number("lr_scheduler_num_cycles") in (
        None,
        1,
    ):
        schedules["cosine_with_restarts"] = "cosine"  # once is not again
    reading.choice("lr_schedule", config, "lr_scheduler", schedules, "Zen has constant, cosine and linear")
    for each, why in (
        ("optimizer_args", "the optimizer's own numbers are fixed here"),
        ("lr_scheduler_args", "Zen has constant, cosine and linear"),
        ("scale_weight_norms", "the weights' lengths are not held here"),
        ("ip_noise_gamma", "the noisy picture is not disturbed further here"),
        ("multires_noise_iterations", "noise is of one size here"),
        ("adaptive_noise_scale", "noise_offset is the same for all photos here"),
    ):
        value = config.get(each)
        if value and as_number(value) != 0:
            reading.leave(config.said(each), why)
    if config.number("max_grad_norm") not in (None, 1.0):
        reading.leave(config.said("max_grad_norm"), "gradients are held to a length of 1 here")
    reading.choice("precision", config, "mixed_precision", PRECISIONS, "Zen has fp32, bf16 and fp16")
    if config.flag("fp8_base"):
        reading.take("quantize", "fp8", config.said("fp8_base"))
    known = {True: "on", False: "off"}
    reading.choice("gradient_checkpointing", config, "gradient_checkpointing", known, "it is true or false")


def _loss(reading: Borrowing, config: Block) -> None:
    losses = {"l2": "squared", "huber": "huber", "smooth_l1": "huber"}
    reading.choice("loss", config, "loss_type", losses, "Zen has squared and huber")
    if losses.get(config.word("loss_type")) == "huber":
        reading.number("huber", config, "huber_c", 0.1)
    config.seen.add("huber_c")
    reading.number("min_snr_gamma", config, "min_snr_gamma", 0)
    reading.noise_offset(config, "noise_offset")
    sampling = config.word("timestep_sampling")
    if sampling:
        weighting = config.word("weighting_scheme")
        sigma = "logit_normal" if weighting == "logit_normal" else "uniform"
        known = {"sigma": sigma, "uniform": "uniform", "sigmoid": "logit_normal", "shift": "logit_normal",
                 "flux_shift": "logit_normal"}  # fmt: skip
        reading.choice("timesteps", config, "timestep_sampling", known, "Zen draws times uniform or logit_normal")
        if sampling == "shift":
            reading.shift(config.number("discrete_flow_shift") or 3.0, config.said("discrete_flow_shift"))
        elif sampling == "flux_shift":
            reading.shift(0.0, "flux_shift, as the base has it")
    config.seen |= {"discrete_flow_shift", "sigmoid_scale", "weighting_scheme"}
    if (masked := config.flag("masked_loss")) is not None:
        reading.take("masked_loss", "auto" if masked else "off", config.said("masked_loss"))


def _photos(reading: Borrowing, config: Block) -> None:
    reading.number("caption_dropout", config, "caption_dropout_rate", 0)
    reading.choice("caption_shuffle", config, "shuffle_caption", SWITCH, "it is true or false")
    reading.choice("flip", config, "flip_aug", SWITCH, "it is true or false")
    buckets = {True: "buckets", False: "square"}
    reading.choice("aspect", config, "enable_bucket", buckets, "it is true or false")
    name = "resolution" if config.get("resolution") is not None else "max_resolution"
    size = config.get(name)
    if isinstance(size, str):
        size = size.replace(",", "x")
    elif isinstance(size, list):
        size = "x".join(str(whole(number)) for side in size[:2] if (number := as_number(side)))
    if size is not None:
        reading.resolution(sizes_in(size), config.said(name))
    for each, why in (
        ("color_aug", "colour_jitter does something like it"),
        ("random_crop", "crop_jitter does something like it"),
        ("keep_tokens", "what is before the first comma stays in front here"),
        ("caption_tag_dropout_rate", "captions are left out whole here"),
        ("caption_dropout_every_n_epochs", "captions are left out by chance here"),
        ("weighted_captions", "captions are read as they stand"),
    ):
        if config.get(each) not in (None, False, 0):
            reading.leave(config.said(each), why)
    if config.number("clip_skip") not in (None, 0, 1):
        reading.leave(config.said("clip_skip"), "the base's text encoder is read as the base was made")


def _samples(reading: Borrowing, config: Block, path: Path) -> None:
    """The GUI keeps prompts in the file, sd-scripts in one beside it; options follow on the line after ` --`."""
    said = config.get("sample_prompts")
    if not isinstance(said, str) or not said.strip():
        return
    named = (
        find_folder(said, path) if "\n" not in said and Path(said).suffix in (".txt", ".toml", ".json") else None
    )
    if named is not None and named.suffix == ".txt" and named.is_file():
        try:
            said = text_of(named, LARGEST)
        except BadFile:
            named = None
    if Path(said[:400]).suffix in (".txt", ".toml", ".json") and "\n" not in said:
        reading.leave(config.said("sample_prompts"), "it is not there, or no text with a prompt a line")
        return
    lines = [line.strip() for line in said.splitlines()]
    reading.prompts(
        [line.partition(" --")[0] for line in lines if line and not line.startswith("#")], "sample_prompts"
    )
