#!/usr/bin/env bash
# Stops the Grid Engine that gridengine_up.sh started, and only that.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
need_root
if pid_of sge_qmaster "$RUN/sge_qmaster.pid" >/dev/null; then
  qdel -u '*' >/dev/null 2>&1 # running jobs would outlive their daemons
  wait_for 25 sh -c '! qstat -u "*" | grep -q .'
fi
stop_daemon sge_execd "$RUN/sge_execd.pid"
stop_daemon sge_qmaster "$RUN/sge_qmaster.pid"
