"""YAML from other tools, read so that a small file cannot become a large document."""

from __future__ import annotations

from typing import Any

from zen_tui.library.errors import BadFile

LONGEST = 200_000  # characters; the parser is slow
ALIASES = 20  # each may double what those before it stand for


def load_yaml(text: str, called: str) -> Any:
    """The document in `text`. `called` names the file in messages.

    Raises:
        BadFile: it is not YAML, too long, or repeats itself by more aliases than anybody writes.
    """
    import yaml

    if len(text) > LONGEST:
        raise BadFile(f"{called} is too long for a description in YAML.")
    try:
        aliases = sum(isinstance(token, yaml.AliasToken) for token in yaml.scan(text))
        if aliases > ALIASES:
            raise BadFile(f"{called} repeats itself by {aliases} aliases, which no such file needs.")
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise BadFile(f"{called} is not YAML.") from None
