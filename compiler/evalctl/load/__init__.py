"""Reads files into plain data with the position of every value; does not interpret them.

`repo` finds the repository and reads a file · `workspace` reads all manifests and detects changes ·
`places` knows the folders of manifests · `yaml_source` parses YAML 1.2 · `csv_source` the lab's tables ·
`env_source` the evaluator's `.env` · `requirement` reads the evalctl version that a repository needs.
"""
