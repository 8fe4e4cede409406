"""Makes model cards: a model's facts, read once by `evalctl lock` from the Hub or a folder and committed as text.

`source` is the interface to a model's files · `folder` and `hub` are its two implementations · `configuration` reads config.json
with the defaults of transformers, `mistral` reads Mistral's own form · `architecture`, `cache`, `widths`, `tokenizer`, `weights`,
`speculation`, `recommendations` extract the facts · `card` combines them to a ModelCard · `text` writes the committed form. Only
small files and headers are read.
"""

from evalctl.cards.card import read_folder, read_hub
from evalctl.cards.folder import folder_revision
from evalctl.cards.text import write

__all__ = ["folder_revision", "read_folder", "read_hub", "write"]
