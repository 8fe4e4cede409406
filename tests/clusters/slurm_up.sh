#!/usr/bin/env bash
# A real Slurm 22.05 on this machine, for `pytest -m slurm`: one node, 16 CPUs, 4 GPUs that are copies of /dev/null, no
# accounting database. Running it again changes nothing. Stop it with slurm_down.sh.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
STATE=/var/lib/evalctl-clusters/slurm
CONFIG=/etc/slurm/slurm.conf

main() {
  need_root
  make_user
  install_packages slurm-wlm munge
  if [ -e $CONFIG ] && ! grep -q evalctl $CONFIG; then die "$CONFIG is somebody else's"; fi
  configure
  start_munge
  start_one slurmctld sinfo -h
  start_one slurmd pid_of slurmd "$RUN/slurmd.pid"
  wait_for 20 ready || scontrol update "nodename=$HOST" state=resume || true
  wait_for 150 ready || die "the node does not come up: $(sinfo -R)"
  smoke
  echo "Slurm is up: sbatch, squeue, scancel, scontrol"
}

configure() {
  local number
  mkdir -p $STATE/state $STATE/spool $STATE/log
  chown slurm:slurm $STATE/state $STATE/log
  # A GPU wants a character device: a bare count drains the node, a plain file leaves CUDA_VISIBLE_DEVICES unset.
  for number in 0 1 2 3; do
    [ -c $STATE/gpu$number ] || mknod $STATE/gpu$number c 1 3
  done
  echo "Name=gpu File=$STATE/gpu[0-3]" >/etc/slurm/gres.conf
  printf '%s\n' CgroupPlugin=cgroup/v1 CgroupAutomount=no ConstrainCores=no ConstrainRAMSpace=no >/etc/slurm/cgroup.conf
  cat >$CONFIG <<END
# written by evalctl's tests/clusters/slurm_up.sh
ClusterName=evalctl
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=cred_expire=20
StateSaveLocation=$STATE/state
SlurmdSpoolDir=$STATE/spool
SlurmctldPidFile=$RUN/slurmctld.pid
SlurmdPidFile=$RUN/slurmd.pid
SlurmctldLogFile=$STATE/log/slurmctld.log
SlurmdLogFile=$STATE/log/slurmd.log
ProctrackType=proctrack/$(tracking)
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
SchedulerParameters=bf_interval=2,sched_interval=2
KillWait=2
MinJobAge=3600
JobRequeue=1
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=16 Boards=1 SocketsPerBoard=1 CoresPerSocket=16 ThreadsPerCore=1 RealMemory=2048 Gres=gpu:4
PartitionName=main Nodes=$HOST Default=YES DefaultTime=60 MaxTime=UNLIMITED State=UP
END
}

# By cgroup where there is version 1 of them, as on big machines.
tracking() {
  if [ -d /sys/fs/cgroup/freezer ]; then echo cgroup; else echo linuxproc; fi
}

start_munge() {
  munge -n </dev/null >/dev/null 2>&1 && return
  [ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=128 count=1 status=none
  install -d -o munge -g munge -m 755 /run/munge
  install -d -o munge -g munge -m 700 /var/lib/munge /var/log/munge
  chown munge:munge /etc/munge /etc/munge/munge.key
  chmod 400 /etc/munge/munge.key
  start_daemon /usr/sbin/runuser -u munge -- /usr/sbin/munged
  wait_for 30 munge -n || die "munged: $(cat "$RUN/runuser.out")"
  cp /run/munge/munged.pid "$RUN/munged.pid"
}

# name, then the command that tells that it works
start_one() {
  local name=$1
  shift
  if ! pid_of "$name" "$RUN/$name.pid" >/dev/null; then
    rm -f "$RUN/$name.pid"
    # slurmctld gives up root before it writes its file
    [ "$name" != slurmctld ] || install -o slurm /dev/null "$RUN/$name.pid"
    start_daemon "/usr/sbin/$name" || die "$name: $(cat "$RUN/$name.out")"
  fi
  wait_for 75 "$@" || die "$name: $(tail -n 3 "$STATE/log/$name.log")"
}

ready() {
  sinfo -h -N -o %t | grep -qE '^(idle|mix|alloc)$'
}

smoke() {
  local id
  id=$(sbatch --parsable --job-name=smoke --gpus=1 --time=1 --output=/dev/null --wrap true)
  wait_for 100 sh -c "scontrol show job $id | grep -q JobState=COMPLETED" || die "a test job does not end"
}

main
