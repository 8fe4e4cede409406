"""What should run against what has run: observe, decide, act, publish. The one impure edge of evalctl.

How does it work together? `sync.one_pass` takes the lock of this home (`lock`), finishes what a killed pass left
behind (`advance.settle`), fetches the ledger (`ledger`), gathers evidence (`observe`), looks each job up in one table
(`decide`), then writes results (`collect`, `publish`) and submits (`act`): always the intent first, then the effect,
then the record. `batches` makes what is committed of attempts that ended, and what the ledger notes of it. `weights` says whether a model that is to be downloaded first is there, and `uploads` sends results to
the Hub; both do so between passes, without the lock, by programs of the job environments (`hub`). `follow` commits aggregates that are not what records and metrics.yaml give. `modules` says who could change the set-up file that
jobs source. `installation` says to which scheduler an attempt was submitted. `workfiles` says what is in the work tree where others' commits go. `git` is the only module that uses gitpython.
`datasets` loads data sets where a person asks for it. `pages` reads reasons.md: what each word of status, sync and plan means, and what to do.
"""
