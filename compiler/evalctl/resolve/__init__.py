"""From names to values: which evals a request means, with every setting and who set it.

`layers` merges · `caution` the manual's rule about sampling · `evals` builds an eval · `identity` its digest.
"""
