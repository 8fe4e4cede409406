"""The whole idea on one machine: a scratch repository with a bare remote, a tiny random model, real vLLM and lighteval.

`repository/` is what the scratch repository starts from · `tiny_model` makes the model · `scratch` makes the
repository · `story` tells it, step by step.
"""
