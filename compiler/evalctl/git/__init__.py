"""Git without a checkout: objects, refs, commits, index and remotes; knows no ledger and no scheduler.

`calls` forms each call of git: the environment and configuration that no user setting can change. `repository` reads and
writes objects and refs, and is the only user of gitpython; `drafts` are commits to be made. `commit` commits given files on the
current branch (`branch`), `advance` moves the branch, index and work tree to it, where `workfiles` and `sparse` say that the
user has changed nothing. `remote` fetches and pushes; `push` repeats a refused push with our results on top of the remote's.
"""
