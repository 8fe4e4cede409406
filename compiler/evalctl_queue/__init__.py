"""The scheduler of a machine that has none: a first-come queue per GPU, and one for jobs without a GPU.

    python -I FOLDER/evalctl_queue/__main__.py submit --queue DIR --name N (--gpus 0,1 | --cpu [--slots K]) --output-dir D -- SCRIPT
    … list --queue DIR          … cancel --queue DIR ID

A stand-alone program that imports the standard library only. There is no daemon: a waiting job is a folder DIR/jobs/ID, a
running job has a keeper process, and each call (a submission, a list) and each ending job starts the jobs that can start.

The kernel decides whether a job is alive: a started job holds a lock on its folder's `lock` file, through its keeper and
through the job's own shell. A job that was started, is not locked and has no recorded end was killed, or the machine went
down; it is reported as lost and never started again.

`__main__` is the program, `commands` its command line · `tickets` the jobs in the queue, as files; `records` the types of these and of the list · `dispatch` starts those that need
not wait · `keeper` is the process of one running job · `processes` finds and signals what a job started.
"""
