"""From jobs to the scripts that will run: directives, a header for reviewers, a constant bootstrap and one TOML document.

A script is data, never a program put together from strings: what differs between two jobs is in the document, and every
text of it passes through `document`, which no shell parses. `quoting` is for the words above it. A download (`download`)
has the bootstrap of every job and a document of its own. `script` makes a script's text, `tree` writes generated/.
"""
