"""load -> check -> resolve -> plan -> render, joined; only what has changed is done again.

`project` runs all stages for all requests. `stages` are load to plan for one request. `entries` is what is known of a
request after it was compiled, and `memory` keeps that for the next command.
"""
