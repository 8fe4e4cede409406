"""What a new repository of evaluations has: `evalctl init`.

`shipped` reads the files that evalctl ships (its own catalogue, services and workflows) · `files` makes all files of a new repository from
the choices of a person · `writing` writes what is missing · `example` adds a first request that runs on any machine, with a tiny random model · `note` records what was
written, so that `upgrade` can bring it to a newer version without a loss.
`templates/` has the texts that only a new repository has.
"""
