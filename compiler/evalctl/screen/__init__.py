"""What a person sees while a command works: lines drawn again in place, progress, downloads, uploads, questions.

`live` draws the lines of --watch, `progress` words the progress of jobs, `downloading` and `uploading` show transfers,
`questions` asks for what `evalctl new` was not given, `results_text` lays out tables for the width of the terminal.
"""
