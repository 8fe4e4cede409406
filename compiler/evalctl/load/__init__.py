"""Files to plain data with the position of every part. Knows no schema and no meaning.

`repo` finds the repository and reads a file · `workspace` all manifests and what changed ·
`places` the folders of manifests · `yaml_source` YAML 1.2 text · `csv_source` the lab's tables ·
`env_source` the evaluator's `.env`.
"""
