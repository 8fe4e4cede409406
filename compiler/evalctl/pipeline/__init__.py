"""Runs load -> check -> resolve -> plan -> render; repeats only what has changed.

`project` runs all stages for all requests. `stages` runs load to plan for one request. `known_requests` holds the outcome of
a compiled request, and `memory` stores that for the next command.
"""
