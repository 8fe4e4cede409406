#!/usr/bin/env bash
# A real Grid Engine 8.1.9 on this machine, for `pytest -m gridengine`. Running it again changes nothing.
# Resource types are TSUBAME's (node_q, …). Stop it with gridengine_down.sh.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
SPOOL=/var/spool/gridengine
CELL=/var/lib/gridengine/default/common
TYPES="node_f:1 node_h:2 node_q:4 node_o:8 gpu_1:4 gpu_h:8 cpu_4:4"

main() {
  need_root
  make_user
  unset SGE_ROOT SGE_CELL
  export SGE_SINGLE_LINE=1 # qconf breaks long lines otherwise, and sed below works on lines
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
  preseed
  install_packages gridengine-master gridengine-exec gridengine-client
  name_host
  start_master
  configure
  start_execd
  smoke
  echo "Grid Engine is up: qsub, qstat, qdel, qacct"
}

# The packages make a cell on installation when debconf knows the master's name.
preseed() {
  local part
  for part in common master client exec; do
    printf 'gridengine-%s shared/%s\n' \
      $part "gridenginemaster string $HOST" $part 'gridenginecell string default' $part 'gridengineconfig boolean true'
  done | debconf-set-selections
}

# 127.0.0.1 resolves to localhost and not to the host's name, which Grid Engine takes for two hosts.
name_host() {
  local others
  others=$(awk '$1 ~ /^(127\.|::1)/ { for (i = 2; i <= NF; i++) print $i }' /etc/hosts | sort -u | grep -vx "$HOST" | tr '\n' ' ')
  echo "$HOST ${others:-localhost}" >$CELL/host_aliases
  echo "$HOST" >$CELL/act_qmaster
  chown sgeadmin:sgeadmin $CELL/host_aliases $CELL/act_qmaster
}

start_master() {
  pid_of sge_qmaster $SPOOL/qmaster/qmaster.pid >/dev/null || start_daemon /usr/sbin/sge_qmaster
  wait_for 60 qconf -sh || die "qmaster: $(tail -n 5 $SPOOL/qmaster/messages)"
  cp $SPOOL/qmaster/qmaster.pid "$RUN/sge_qmaster.pid"
}

# Before execd starts: a running one keeps its old copy for a while.
configure() {
  qconf -ah "$HOST" >/dev/null 2>&1 || true
  qconf -as "$HOST" >/dev/null 2>&1 || true
  # Root may run jobs; what a job started dies with it; accounting is written at once; a master that comes back waits
  # five seconds for the node, not forty.
  change -sconf -Mconf global 's/^(min_[ug]id +).*/\10/' 's/^(load_report_time +).*/\100:00:05/' \
    's/^(execd_params +).*/\1ENABLE_ADDGRP_KILL=TRUE/' \
    's/^(shell_start_mode +).*/\1unix_behavior/' 's#^(mailer +).*#\1/bin/true#' \
    's/^(reporting_params +).*/\1accounting=true reporting=false flush_time=00:00:01 accounting_flush_time=00:00:00 joblog=false sharelog=00:00:00/'
  change -ssconf -Msconf '' 's/^(schedule_interval +).*/\10:0:2/' 's/^(flush_(submit|finish)_sec +).*/\11/' \
    's/^(job_load_adjustments +).*/\1NONE/'
  add_types
  qconf -sq all.q >/dev/null 2>&1 || add_queue
  # Without load thresholds: a busy machine would close the queue.
  change -sq -Mq all.q "s/^(hostlist +).*/\1$HOST/" 's/^(slots +).*/\116/' 's/^(load_thresholds +).*/\1NONE/' \
    's#^(shell +).*#\1/bin/bash#' 's/^(shell_start_mode +).*/\1unix_behavior/' 's/^(rerun +).*/\1FALSE/'
  qmod -e all.q >/dev/null 2>&1 || true
  qmod -c all.q >/dev/null 2>&1 || true # an error state left from before
}

# show-option modify-option name expressions…: one object of the configuration, edited
change() {
  local show=$1 modify=$2 name=$3 file="$WORK/${3:-sched}"
  shift 3
  # shellcheck disable=SC2086 # no name, no word
  qconf "$show" $name | grep -v '^#' | sed -E "${@/#/-e}" >"$file"
  qconf "$modify" "$file" >"$WORK/out" 2>&1 || die "qconf $modify $name: $(cat "$WORK/out")"
}

add_types() {
  local type
  qconf -sc >"$WORK/complexes"
  for type in $TYPES; do
    grep -q "^${type%:*} " "$WORK/complexes" || echo "${type%:*} ${type%:*} INT <= YES YES 0 0" >>"$WORK/complexes"
  done
  qconf -Mc "$WORK/complexes" >/dev/null 2>&1 || die "qconf -Mc failed"
  if ! qconf -se "$HOST" >/dev/null 2>&1; then
    printf '%s\n' "hostname $HOST" 'load_scaling NONE' 'complex_values NONE' 'user_lists NONE' 'xuser_lists NONE' \
      'projects NONE' 'xprojects NONE' 'usage_scaling NONE' 'report_variables NONE' >"$WORK/host"
    qconf -Ae "$WORK/host" >/dev/null 2>&1
  fi
  qconf -rattr exechost complex_values "$(tr ': ' '=,' <<<"$TYPES")" "$HOST" >/dev/null 2>&1 || die "qconf -rattr failed"
}

add_queue() {
  qconf -sq | sed -E -e 's/^(qname +).*/\1all.q/' -e "s/^(hostlist +).*/\1$HOST/" -e 's/^(pe_list +).*/\1NONE/' >"$WORK/new.q"
  qconf -Aq "$WORK/new.q" >/dev/null
}

start_execd() {
  running_execd || start_daemon /usr/sbin/sge_execd || die "execd: $(cat "$RUN/sge_execd.out")"
  wait_for 60 running_execd || die "execd does not stay: $(cat "$RUN/sge_execd.out")"
}

# Its spool folder is called by one of the host's names, nobody knows which.
running_execd() {
  local file
  for file in "$SPOOL"/execd/*/execd.pid; do
    pid_of sge_execd "$file" >/dev/null && cp "$file" "$RUN/sge_execd.pid" && return
  done
  return 1
}

smoke() {
  local id
  id=$(echo exit 0 | qsub -terse -N smoke -l node_q=1 -o /dev/null -e /dev/null)
  wait_for 150 qacct -j "$id" || die "a test job does not end: $(qstat -f)"
}

main
