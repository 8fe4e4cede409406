"""Compares what should run with what has run: observe, decide, act, publish. The only part of evalctl with effects.

One pass (`sync`): `sync.sync` takes the lock of this home (`lock`), completes what a killed pass left
(`advance.finish_move`), fetches the ledger (`ledger`), collects evidence (`observe`), looks each job up in one table
(`decide`), then writes results (`collect`, `publish`) and submits jobs (`act`, after `prepare` has made the run folder of each). It always writes the intent first, then acts,
then records. `batches` makes the files to commit for ended attempts, and the ledger's entry about them.

Between passes, without the lock, programs of the job environments run (`hub`): `weights` reports whether a model to download
is complete, `uploads` sends results to the Hub, `datasets` fetches data sets on request.

Read: `context` is this machine and clone, `sync_pass` one pass over both, `observe` what it sees; `settled` are requests that need nothing; `records` are
the entries of the ledger (their files: `record_text`), `charges` what attempts cost, `marks` what a job left in its run folder (read by `evalctl.runfiles`), `evidence` all that a decision is made from,
`budget` which jobs a budget does not hold, `blocked` why a job cannot be submitted, `claims` which job has what, `shards` the parts of a task, `seen` what must be visible on this machine.
`installation` records to which scheduler an attempt was submitted, `orphans` finds jobs without an open attempt, `modules` reports who can
change the set-up file that jobs source.

Publish: `asked` selects the results that a request of this commit asks for, `proofs` which attempts gave them; `secrets` looks for keys
in what is committed; `follow` commits aggregates that differ from records and metrics.yaml; `private` keeps answers their owner's.

For people: `eval_status` is status, with `progress`, `slow` and `lastwords`; `control` is logs, cancel and retry. `reasons` is the table of reasons of failure,
`pages` reads reasons.md: the meaning of each word of status, sync and plan, and what to do.
"""
