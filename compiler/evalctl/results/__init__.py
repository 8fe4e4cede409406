"""What was measured: records, the lab's aggregate and the leaderboard.

`submission` is what a result will say about its inputs, written before it runs · `record` builds result.json · `reading` reads one, or reports why it is none · `store` finds the records ·
`entries` selects the scores that people read, and averages them · `names` are the displayed names of models and tasks ·
`judged` knows metrics of judges · `newest` finds the records behind an entry ·
`question_values` reads what each question of a record was worth (`worth` as arrays), `per_question` what each behind an entry was, `question_files` makes those files of what a job wrote · `uncertainty` reports how sure each entry is ·
`sides` has the values of a model folder at a commit, `comparing` compares those, and `likeness` decides which results are alike enough ·
`power` says what a request will be able to show against a baseline · `stability` reports how answers ended (`ended_text`: in words) ·
`compared_rows` writes comparisons for people and programs ·
`aggregate` makes aggregated_results.json · `leaderboard` makes results/README.md · `derived` makes all of these from records and metrics.yaml, or those that depend on a changed record ·
`gated` says what the rules of a gate are about, `gating` decides it, and `gate_text` words the outcome · `accepted` and `proof` report which records count ·
`tables` selects aggregates for people and spreadsheets ·
`answers` reads the model's answers, `grading` joins them with correct answers and scores (`parquet_rows` prints those, in an
environment that can read parquet, as `details_rows`), `choosing` applies a person's filters, `slowness` reports why an
eval is slow.
"""
