"""Runs one job on its compute node: `python -m evalctl_job.run` reads the script's document and calls this package.

- `document`: the job as the compiler wrote it, and the attempt as `evalctl sync` wrote it.
- `job`: the course of a job and of a download: begin, loop, end; `ending`: exit code and reason.
- `place`: shared by all: folder, attempt, clock, marks, variables, and the start of children.
- `node`: the node: `.env`, modules, caches, scratch, GPUs; the environment variables of each child.
- `local_folders`: folders on the node's disks, and the removal of those that a killed job left.
- `private`: the job's folder on the node that no other user may enter, with the server's sockets.
- `secrets`: which variables a child must not see, and texts without their values.
- `server`: the model's server, started again once if it dies; `deaths`: why it died, by its log.
- `relay`: the relay's process; `http_get`: requests to it and to the server.
- `tasks`: one framework process for each task, from its configuration to its mark; `asking`: whether it still asks.
- `code_execution`: whether the node has the fence that tasks with model-written code need, before a server is started.
- `capacity`: how many of them run at once, as the node's cores and memory allow.
- `shards`: the notes of a task's shards, and the options of one.
- `marks`: writes the marks, one JSON object per file.
- `signals`: whether a signal asked the job to end.
- `processes`: children in process groups, and nothing left behind; `guard`: the same after a kill of the job's process.
"""
