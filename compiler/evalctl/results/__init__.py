"""What was measured: records, the lab's aggregate and the leaderboard.

`record` builds result.json · `entries` says which scores people read, and averages · `names` how models and tasks are called · `store` finds the records · `aggregate` makes aggregated_results.json · `leaderboard`
renders results/README.md · `derived` makes all of these from records and metrics.yaml, or those that follow from a changed record · `tables` chooses among
aggregates and sets them side by side for people and spreadsheets, `webpage` as one HTML file with its `charts` · `answers` reads what the model answered, `grading` joins it with right answers
and scores (`parquet_rows` prints those, in an environment that can read them), `choosing` picks what a person wants to see,
`looping` tells which of it repeats itself, `slowness` why an eval is slow.
"""
