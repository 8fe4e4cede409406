"""What this machine is and what it lacks, and a one-minute job that tests a site.

`checks` examines the login node, `probe` submits `probe.sh` through the scheduler's interface and waits for its marks,
`verdict` interprets them; a `finding` is one line of the report. Nothing here changes the ledger, results or git.
"""
