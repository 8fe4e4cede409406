"""The lab's own files to what stands in their place here; nothing of them is ever executed.

`head` reads a filled-in qsub_all.sh, `flow` says which of its lines run · `request` makes a request of it, `unplaced` names what it cannot hold · `tables` merges the lab's CSVs into ours ·
`reading` reads the results files of scores measured before, `measured` makes records of them.
"""
