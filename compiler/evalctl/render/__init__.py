"""From jobs to the scripts that will run: directives, quoted assignments and one constant shell program.

A script is data for `job.sh`, never a program put together from strings: everything that differs between two jobs is
an assignment, and every word of it passes through `quoting`. A download (`download`) has the functions of `job.sh` and a
main function of its own.
"""
