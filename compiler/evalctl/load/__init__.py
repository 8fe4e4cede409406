"""Files to plain data with the position of every part. Knows no schema and no meaning.

`repo` finds and reads files · `yaml_source` YAML 1.2 text · `csv_source` the lab's tables.
"""
