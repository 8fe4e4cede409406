"""Changes to the shared files of manifests/tasks/ that keep their form: text in, text out.

`tables` changes the lab's CSVs · `lists` adds to lists in YAML · `task` adds a whole task. Line ends, quotes, comments,
trailing commas and the order of everything else do not change.
"""
