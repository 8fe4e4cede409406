"""Converts the lab's files to files of evalctl; nothing in them is ever executed.

`head` reads a filled-in qsub_all.sh, `flow` determines which of its lines run · `request` converts it to a request, `settings`
determines where a settings file belongs, `unplaced` reports what a request cannot express · `tables` merges the lab's CSVs into
ours · `reading` reads results files of earlier measurements, `measured` converts them to records.
"""
