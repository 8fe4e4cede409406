#!/usr/bin/env bash
# Stops the Slurm that slurm_up.sh started, and only that.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
need_root
if pid_of slurmctld "$RUN/slurmctld.pid" >/dev/null; then
  timeout 10 squeue -h -o %A | xargs -r timeout 10 scancel # job steps would outlive slurmd
  wait_for 25 sh -c '! squeue -h | grep -q .'
fi
for name in slurmd slurmctld munged; do
  stop_daemon $name "$RUN/$name.pid"
done
