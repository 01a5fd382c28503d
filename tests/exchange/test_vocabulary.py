"""Words are counted and taken apart as the models' own tokenizers do it, without torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers import python
from zen_tui.exchange import vocabulary
from zen_tui.exchange.bases import BUILTIN_NAME, add_base, ensure_builtin
from zen_tui.exchange.caption_reader import reader_for
from zen_tui.exchange.token_advice import advise
from zen_tui.exchange.vocabulary import Vocabulary, _travelling, clip_vocabulary, vocabulary_of
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home
from zen_tui.mannequins.tokenizer import RESERVED

SENTENCES = (
    "a photo of ohwx woman, at the beach", "Don't!! 1234 cafés,,  naïve\u2003 e\u0301", "日本 — ✓", "", "x" * 300,
)  # fmt: skip


@pytest.mark.parametrize("kind", ["clip", "t5", "qwen2"])
def test_tokens_are_those_of_the_models_own_tokenizer(kind: str) -> None:
    """Told by transformers in a process of its own, which is slow to load."""
    code = """
import sys
from zen_tui.exchange.blueprints import CONFIGS
from zen_tui.families.tokenizers import load_tokenizer
name, texts = sys.argv[1], sys.argv[2:]
tokenizer = load_tokenizer(CONFIGS / "tokenizers" / {"qwen2": "qwen"}.get(name, name), None)
print([len(tokenizer(text, add_special_tokens=False).input_ids) for text in texts])
"""
    told = python(code, kind, *SENTENCES)
    assert told.returncode == 0, told.stderr
    assert str(Vocabulary(kind, kind, 75, _travelling(kind)).count(SENTENCES)) == told.stdout.strip()


def test_counting_needs_neither_torch_nor_transformers() -> None:
    code = """
import sys
from zen_tui.exchange.vocabulary import clip_vocabulary
assert "tokenizers" not in sys.modules
print(clip_vocabulary().count(["a photo of a cat"])[0], {"torch", "transformers", "numpy"} & set(sys.modules))
"""
    assert python(code).stdout.split() == ["5", "set()"]


def test_pieces_are_spelled_as_people_write_them() -> None:
    assert [(p.text, p.ends) for p in clip_vocabulary().pieces("zwx")] == [("z", False), ("wx", True)]
    assert "".join(p.text for p in clip_vocabulary().pieces("é123")) == "é123"
    assert [p.rank for p in clip_vocabulary().pieces("sks")] == [48136]


def test_a_base_reads_by_its_own_words(db: Database, home: Home, tiny_base: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    base = add_base(db, home, folder, "tiny")
    own = vocabulary_of(base)
    assert own.limit == base.facts["token_limit"] - 2
    assert own.size != clip_vocabulary().size
    assert own.count(["woman at sea"]) != clip_vocabulary().count(["woman at sea"])

    (folder / "tokenizer" / "tokenizer.json").write_text("{")
    vocabulary._tokenizer.cache_clear()
    with pytest.raises(BadFile, match="cannot be read"):
        vocabulary_of(base)
    (folder / "tokenizer" / "tokenizer.json").unlink()
    for left in ("vocab.json", "merges.txt"):
        (folder / "tokenizer" / left).unlink(missing_ok=True)
    assert vocabulary_of(base).size == clip_vocabulary().size, "the family's own vocabulary travels with Zen"


def test_an_old_folder_has_its_words_in_two_files(
    db: Database, home: Home, tiny_base: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    before = vocabulary_of(add_base(db, home, folder, "new")).count(SENTENCES)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
    tokenizer.model.save(str(folder / "tokenizer"))
    (folder / "tokenizer" / "tokenizer.json").unlink()
    base = add_base(db, home, folder, "old")
    assert vocabulary_of(base).count(SENTENCES) == before


def test_the_built_in_base_keeps_words_free(db: Database) -> None:
    ensure_builtin(db)
    words = vocabulary_of(models.base(db, BUILTIN_NAME))
    assert all(advise(word, words).grade == "good" for word in RESERVED)
    assert [advise(word, words).grade for word in ("woman", "emma", "a b")] == ["poor"] * 3
    assert advise("woman", words, {"ohwx"}).suggestions == ["zwx", "mkrv", "qxv"]


@pytest.mark.parametrize("kind", ["clip", "t5", "qwen2"])
def test_every_suggestion_is_good(kind: str) -> None:
    words = Vocabulary(kind, kind, 75, _travelling(kind))
    found = advise("woman", words)
    assert found.grade == "poor"
    assert len(found.suggestions) == 3
    assert all(advise(word, words).grade == "good" for word in found.suggestions)


def test_captions_are_read_as_the_base_trained_on_last_reads_them(
    db: Database, home: Home, tiny_base: Path
) -> None:
    made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    assert reader_for(db, made).title == "CLIP"
    base = add_base(db, home, tiny_base, "tiny")
    assert reader_for(db, made).title == "CLIP"
    db.insert("runs", slug="mara", dataset_id=made.id, base_id=base.id, method="lora", created=1.0)
    assert reader_for(db, made).title == "tiny"
    models.remove_base(db, base.id)
    assert reader_for(db, made).title == "CLIP"
