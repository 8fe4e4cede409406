"""Output on the terminal while a command works: lines redrawn in place, progress, downloads, uploads, prompts.

`live` draws the lines of --watch, `progress` formats the progress of jobs, `downloading` and `uploading` show transfers,
`prompts` asks for missing options of `evalctl new`, `results_text` fits tables into the width of the terminal.
"""
