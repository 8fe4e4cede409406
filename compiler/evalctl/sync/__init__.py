"""Compares what should run with what has run: observe, decide, act, publish. The only part of evalctl with effects.

One pass: `sync.one_pass` takes the lock of this home (`lock`), completes what a killed pass left
(`advance.settle`), fetches the ledger (`ledger`), collects evidence (`observe`), looks each job up in one table
(`decide`), then writes results (`collect`, `publish`) and submits jobs (`act`). It always writes the intent first, then acts,
then records. `batches` makes the files to commit for ended attempts, and the ledger's entry about them.

Between passes, without the lock, programs of the job environments run (`hub`): `weights` reports whether a model to download
is complete, `uploads` sends results to the Hub, `datasets` fetches data sets on request.

`follow` commits aggregates that differ from records and metrics.yaml. `modules` reports who can change the set-up file that
jobs source. `installation` records to which scheduler an attempt was submitted. `workfiles` reports what the work tree has
at the paths of other people's commits. `git` is the only module that uses gitpython. `pages` reads reasons.md: the meaning of
each word of status, sync and plan, and what to do.
"""
