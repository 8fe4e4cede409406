"""The answers of an eval with right answers, scores and causes of slowness, while the eval runs and afterwards.

`places` finds the files of an eval on this machine, `files` reads questions from parquet files, `eval_answers` joins answers,
questions and scores, `texts` has questions by digest. `older_results` makes values of questions for results that have none. `forms`
writes answers as text, JSON lines and CSV, `webpage` as one HTML file.
"""
