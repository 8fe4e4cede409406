"""One module per command: `run(arguments) -> exit code`. They join stages; the work is done elsewhere.

`words` is the whole command line: names, summaries, examples and options.
"""
