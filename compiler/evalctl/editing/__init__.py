"""Edits the shared files of manifests/tasks/ and keeps their format: text in, text out.

`tables` changes the lab's CSVs · `lists` adds to lists in YAML · `task` adds a whole task. Line endings, quotes, comments,
trailing commas and the order of everything else stay as they are.
"""
