#!/usr/bin/env bash
# A real OpenPBS on this machine, for `pytest -m pbs`: one node of 16 cores and the queues of ABCI. Debian has no package:
# CONTRIBUTING.md says how to build one; where none is installed this says so and exits with 69. Running it again
# changes nothing. Stop it with pbs_down.sh.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=pbs.sh
source "$(dirname "$0")/pbs.sh"
CONFIG=/etc/pbs.conf
QUEUES="rt_HF:8 rt_HG:1 rt_HC:1"

main() {
  need_root
  if [ ! -x "$PBS/sbin/pbs_server" ]; then
    echo "no OpenPBS under $PBS (or \$PBS_EXEC): CONTRIBUTING.md says how to build one" >&2
    exit 69
  fi
  if [ -e $CONFIG ] && ! grep -q evalctl $CONFIG; then die "$CONFIG is somebody else's"; fi
  make_user
  PATH=$PBS/bin:$PBS/sbin:$PATH
  name_host
  configure
  [ -e "$STATE/datastore" ] || "$PBS/libexec/pbs_habitat" >"$RUN/pbs_habitat.out" 2>&1 ||
    die "pbs_habitat: $(tail -n 3 "$RUN/pbs_habitat.out")"
  start_one pbs_comm pbs_comm $STATE/server_priv/comm.lock
  start_one pbs_mom pbs_mom $STATE/mom_priv/mom.lock
  start_one pbs_sched pbs_sched $STATE/sched_priv/sched.lock
  start_one pbs_server pbs_server.bin $STATE/server_priv/server.lock
  cp $STATE/server_priv/server.lock "$RUN/pbs_server.pid"
  wait_for 100 qmgr -c 'list server' || die "pbs_server does not answer: $(cat "$RUN/pbs_server.out")"
  add_queues
  require_project
  wait_for 150 ready || die "the node does not come up: $(pbsnodes -a)"
  smoke
  echo "OpenPBS is up: qsub, qstat, qdel in $PBS/bin"
}

name_host() {
  [[ $(getent ahostsv4 "$HOST") == 127.* ]] || return 0
  HOST=$NAME
  [[ $(ip addr show dev lo) == *" $ADDRESS/"* ]] || ip addr add $ADDRESS/32 dev lo
  grep -q "^$ADDRESS $NAME$" /etc/hosts || echo "$ADDRESS $NAME" >>/etc/hosts
}

configure() {
  cat >$CONFIG <<END
# written by evalctl's tests/clusters/pbs_up.sh
PBS_EXEC=$PBS
PBS_HOME=$STATE
PBS_SERVER=$HOST
PBS_LEAF_NAME=$HOST
PBS_MOM_NODE_NAME=$HOST
PBS_START_SERVER=1
PBS_START_SCHED=1
PBS_START_COMM=1
PBS_START_MOM=1
PBS_CORE_LIMIT=unlimited
END
  make_home
  printf 'PATH=/bin:/usr/bin\n' >$STATE/pbs_environment
  # Output goes to its place by cp, not by scp.
  # shellcheck disable=SC2016 # MOM's own words
  printf '$usecp *:/ /\n$clienthost %s\n' "$HOST" >$STATE/mom_priv/config
}

# What pbs_postinstall makes, without the service that it registers.
make_home() {
  (
    umask 022
    cd / && mkdir -p $STATE && cd $STATE
    mkdir -p server_logs server_priv/{accounting,jobs,users,hooks/tmp} sched_logs sched_priv comm_logs
    mkdir -p aux checkpoint mom_logs mom_priv/{jobs,hooks/tmp} spool undelivered
    chmod 1777 spool undelivered
    chmod 750 server_priv server_priv/{jobs,users,hooks,hooks/tmp} sched_priv mom_priv/hooks mom_priv/hooks/tmp
    chmod 751 mom_priv mom_priv/jobs
    chmod 700 checkpoint
    cp -n "$PBS"/lib*/python/altair/pbs_hooks/* server_priv/hooks
    rm -f server_priv/hooks/PBS_xeon_phi_provision.*
    local name
    for name in dedicated_time:pbs_dedicated holidays:pbs_holidays resource_group:pbs_resource_group \
      sched_config:pbs_sched_config; do
      cp -n "$PBS/etc/${name#*:}" "sched_priv/${name%:*}"
    done
    [ -e server_priv/db_user ] || printf postgres >server_priv/db_user
    chmod 600 server_priv/db_user
  )
}

# file name, name as a process, pid file
start_one() {
  pid_of "$2" "$3" >/dev/null || start_daemon "$PBS/sbin/$1" || die "$1: $(cat "$RUN/$1.out")"
  wait_for 100 pid_of "$2" "$3" || die "$1 does not stay: $(cat "$RUN/$1.out")"
}

add_queues() {
  local queue
  {
    echo "set server flatuid = True"   # the machine's users, without .rhosts
    echo "set server acl_roots = root" # whose jobs run, too
    echo "set server job_history_enable = True"
    echo "set server job_history_duration = 240:00:00" # as ABCI's qstat -x
    echo "unset server default_queue"                   # ABCI wants -q
    echo "set node $HOST resources_available.ncpus = 16"
    echo "set node $HOST resources_available.mem = 16gb"
    echo "set sched throughput_mode = True"
    for queue in $QUEUES; do
      qmgr -c "list queue ${queue%:*}" >/dev/null 2>&1 || echo "create queue ${queue%:*} queue_type = execution"
      echo "set queue ${queue%:*} default_chunk.ncpus = ${queue#*:}"
      echo "set queue ${queue%:*} resources_default.walltime = 01:00:00"
      echo "set queue ${queue%:*} resources_max.walltime = 168:00:00"
      echo "set queue ${queue%:*} enabled = True"
      echo "set queue ${queue%:*} started = True"
    done
  } | qmgr >"$RUN/qmgr.out" 2>&1 || die "qmgr: $(cat "$RUN/qmgr.out")"
}

# A group is mandatory at ABCI.
require_project() {
  qmgr -c 'list hook project' >/dev/null 2>&1 || qmgr -c 'create hook project event=queuejob' >/dev/null
  cat >"$RUN/project.py" <<'END'
import pbs
if pbs.event().job.project in (None, "", "_pbs_project_default"):
    pbs.event().reject("a group is needed: qsub -P GROUP")
END
  qmgr -c "import hook project application/x-python default $RUN/project.py" >/dev/null 2>&1
}

ready() {
  [[ $(pbsnodes "$HOST") == *"state = free"* ]]
}

# PBS runs nothing for a user without a home folder.
smoke() {
  local id user=${EVALCTL_TEST_USER:-daemon}
  id=$(cd / && runuser -u "$user" -- "$PBS/bin/qsub" -P smoke -q rt_HC -N smoke -o /dev/null -e /dev/null -- /bin/true)
  wait_for 150 succeeded "$id" || die "a test job does not end well: $(qstat -xf "$id")"
}

succeeded() {
  [[ $(qstat -xf "$1") == *"job_state = F"*"Exit_status = 0"* ]]
}

main
