"""Turns a checked request into evals, with every setting and its origin.

`layers` merges settings · `caution` applies the manual's rule about sampling · `evals` builds evals · `identity` computes their digests.
"""
