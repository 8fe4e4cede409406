
# The same in every script (compiler/evalctl/render/job.sh): finds the job environment named above and becomes its program
# `evalctl_job.run`, which reads the document below. Exit codes: 0 all tasks done, 3 some failed, 70 server died,
# 71 server never ready, 72 environment, 75 second start, 76 out of time or cancelled.
set -u
folder=${EVALCTL_RUN_DIR:-}
if [[ $folder != /* || ! -d $folder ]]; then
  echo "EVALCTL_RUN_DIR must name the folder of this attempt; \`evalctl sync\` sets it" >&2
  exit 72
fi
[[ -n ${HOME:-} ]] || export HOME=~ # Slurm's `--export=NAME=…` and PBS leave little in the environment
export PATH=${PATH:-/usr/local/bin:/usr/bin:/bin} EVALCTL_UMASK EVALCTL_BEGIN
EVALCTL_UMASK=$(umask)
printf -v EVALCTL_BEGIN '%(%s)T' -1 # the scheduler counts from here
umask 077 # logs, marks and answers are their owner's alone
# mkdir is atomic on local disks, NFS and Lustre; a scheduler may start a job again after a node failure.
mkdir "$folder/started.lock" 2>/dev/null || exit 75
exec >>"$folder/job.log" 2>&1

missing() {
  mkdir -p "$folder/marks"
  printf '{"exit": 72, "reason": "environment-missing", "detail": "%s", "ended_at": %(%s)T}\n' "$1" -1 >"$folder/marks/draft"
  mv "$folder/marks/draft" "$folder/marks/finished.json"
  exit 72
}

# A file of this user that nobody else can write, in a folder of this user: it says which program runs.
file=$folder/environments
if [[ ! -f $file || -L $file || ! -O $file || ! -O $folder || -L $folder || $(stat -c %A "$file") != ?????-??-? ]]; then
  missing "the file environments is not in the run folder, is a link, or others can write it or own it; \`evalctl sync\` writes it"
fi
IFS= read -rd '' environments <"$file"
program=$environments/$environment/bin/python
[[ -x $program && -e $environments/$environment/.complete ]] || missing "$environment is not there or not whole: evalctl env setup"
shopt -s execfail # what follows the document says it
# -I: no folder, no variable and no file of a person brings modules of its own.
