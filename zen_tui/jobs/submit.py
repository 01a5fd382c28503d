"""What a screen and a command call to put work on the queue: everything is checked here, before anything waits.

A wrong name, a photo too few, an adapter of another family are told at once and in a sentence. What only the
loaded model can know, such as the end of a prompt that its tokenizer cuts off, the worker tells as a warning.
"""

from zen_tui.jobs.demo import DemoJobs, submit_demo
from zen_tui.jobs.method_comparison import Comparison, submit_comparison
from zen_tui.jobs.pictures import how_it_fits, sheet_defaults, submit_generation
from zen_tui.jobs.trainings import (
    PRESETS,
    Submitted,
    in_words,
    plan_training,
    prepare_training,
    preset_for,
    preset_settings,
    submit_training,
    training_defaults,
)

__all__ = [
    "PRESETS",
    "Comparison",
    "DemoJobs",
    "Submitted",
    "how_it_fits",
    "in_words",
    "plan_training",
    "prepare_training",
    "preset_for",
    "preset_settings",
    "sheet_defaults",
    "submit_comparison",
    "submit_demo",
    "submit_generation",
    "submit_training",
    "training_defaults",
]
