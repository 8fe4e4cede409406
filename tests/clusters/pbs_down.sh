#!/usr/bin/env bash
# Stops the OpenPBS that pbs_up.sh started, and only that.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=pbs.sh
source "$(dirname "$0")/pbs.sh"
need_root
if pid_of pbs_server.bin $STATE/server_priv/server.lock >/dev/null; then
  PATH=$PBS/bin:$PATH
  qselect | xargs -r qdel -W force >/dev/null 2>&1 # running jobs would outlive their daemons
  wait_for 25 sh -c '! qselect | grep -q .'
fi
stop_daemon pbs_sched $STATE/sched_priv/sched.lock
stop_daemon pbs_server.bin $STATE/server_priv/server.lock # its database ends with it
stop_daemon pbs_mom $STATE/mom_priv/mom.lock
stop_daemon pbs_comm $STATE/server_priv/comm.lock
if grep -q "^$ADDRESS $NAME$" /etc/hosts; then
  sed "/^$ADDRESS $NAME$/d" /etc/hosts >"$RUN/hosts" && cat "$RUN/hosts" >/etc/hosts
  ip addr del $ADDRESS/32 dev lo
fi
