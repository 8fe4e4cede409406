"""One module per command: `run(arguments) -> exit code`. They combine stages; the work is in the other packages.

`words` is the whole command line: names, summaries, examples and options.
"""
