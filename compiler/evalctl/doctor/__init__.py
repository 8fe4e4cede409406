"""What this machine is and what it lacks, and a one-minute job that proves a site.

`checks` looks at the login node, `probe` submits `probe.sh` through the scheduler's interface and waits for its marks,
`verdict` says what they mean. Nothing here touches the ledger, results or git.
"""
