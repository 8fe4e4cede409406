"""The lab's files converted to the files of evalctl; nothing in them is ever executed.

`head` reads a filled-in qsub_all.sh, `flow` determines which of its lines run · `request` makes a request of it, `settings`
names where a settings file belongs, `unplaced` what a request cannot express · `tables` merges the lab's CSVs into ours ·
`reading` reads results files of earlier measurements, `measured` makes records of them.
"""
