"""Model cards: a model's facts, read once by `evalctl lock` from the Hub or a folder and committed as text.

`source` what a model's files are · `folder` and `hub` the two places · `configuration` config.json with the defaults of
transformers, `mistral` Mistral's own form · `architecture`, `cache`, `widths`, `tokenizer`, `weights`, `speculation`,
`recommendations` the facts · `card` all of them as one ModelCard · `text` the committed form. Only small files and
headers are ever read.
"""

from evalctl.cards.card import read_folder, read_hub
from evalctl.cards.folder import folder_revision
from evalctl.cards.text import write

__all__ = ["folder_revision", "read_folder", "read_hub", "write"]
