"""Renders jobs as the scripts that will run: directives, a header for reviewers, a constant bootstrap and one TOML document.

A script is data, not a program assembled from strings: everything that differs between two jobs is in the TOML document, which
no shell parses and whose texts pass through `document`. `quoting` quotes the shell words above it. A download (`download`) has
the same bootstrap and another document. `script` makes a script's text, `tree` writes generated/.
"""
