"""Checks this machine, and tests a site with a one-minute job (the site test, `evalctl doctor --probe`).

`checks` examines the login node, `site_test` submits `site_test.sh` through the scheduler's interface and waits for its marks,
`verdict` interprets them; a `finding` is one line of the report. Nothing here changes the ledger, results or git.
"""
