"""All steps on one machine: a temporary repository with a bare remote, a small random model, real vLLM and lighteval.

`repository/` is the initial content of the repository · `tiny_model` makes the model · `scratch` makes the
repository · `story` runs the steps and prints them · `leftovers` ends what its queue still runs.
"""
