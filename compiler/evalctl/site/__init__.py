"""Static pages of committed results: leaderboard, models, pairs of models, tasks; no server, no request to another host.

`source` reads a commit · `numbers` is a score with its interval · `board` makes the leaderboard's columns and order, `ties` the best group of
each column · `models`, `pairs` and `tasks` make what the pages of a model, of two models and of a task show ·
`answers` are the texts that were asked for · `changes` are the scores by the commits that changed them ·
`costs` is what a model's results took ·
`drawing` makes whiskers as SVG, `cells` the parts of tables · `libraries` has what draws charts · `methods` describes what numbers name,
`section_text` as plain text · `words` are the pages' own words in English and Japanese · `wording` puts them into a page in each
language · `pages` fills the templates and writes the files · `output` knows which folder
they may be written to. templates/ has a page's HTML, static/ its style and its scripts, charts/ the library that draws charts,
documents/ docs/statistics.md as HTML.
"""
