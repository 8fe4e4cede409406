# ----------------------------------------------------------------------------------------------------------------------
# The site test of `evalctl doctor --probe`. The same in every site test (compiler/evalctl/doctor/site_test.sh); the assignments
# above are its data. It needs $EVALCTL_RUN_DIR and leaves marks/ there, a `name=value` a line; then it waits for the
# scheduler to end it, and notes the time every second.

main() {
  set -uo pipefail
  if [[ ${EVALCTL_RUN_DIR:-} != /* || ! -d $EVALCTL_RUN_DIR ]]; then
    echo "EVALCTL_RUN_DIR is not a folder here: ${EVALCTL_RUN_DIR:-not set}" >&2
    exit 72
  fi
  MARKS=$EVALCTL_RUN_DIR/marks
  mkdir "$EVALCTL_RUN_DIR/started.lock" 2>/dev/null || exit 75
  mkdir -p "$MARKS"
  exec {NAP}<> <(:) # never gives a byte: `read -t` on it sleeps without a process
  local name
  for name in TERM INT HUP USR1 USR2 XCPU; do
    # shellcheck disable=SC2064 # each with its own name
    trap "note_signal $name" "$name"
  done
  echo "evalctl probe $TOKEN"
  look | write looked
  wait_for_the_end
}

# What there is to see, a `name=value` a line. Of the environment names alone: values may be secrets.
look() {
  local name
  echo "host=$HOSTNAME"
  echo "bash=$BASH_VERSION"
  echo "path=${PATH:-}"
  echo "folder=$PWD"
  echo "native_id=${JOB_ID:-${PBS_JOBID:-${SLURM_JOB_ID:-${EVALCTL_QUEUE_ID:-}}}}"
  for name in $(compgen -e); do echo "variable=$name"; done
  [[ -d $ENVIRONMENTS ]] && echo "environments=yes"
  [[ -r $ENV_FILE ]] && echo "env_file=yes"
  look_at_modules
  look_at_scratch
  look_at_gpus
  look_at_network
  look_at_fence
}

look_at_modules() {
  local module
  ((${#MODULES[@]})) || return 0
  set +u # the site's own scripts were not written for it
  # shellcheck source=/dev/null
  [[ ! -r $MODULES_INIT ]] || source "$MODULES_INIT" >&2
  for module in "${MODULES[@]}"; do
    module load "$module" >&2 || echo "module_missing=$module"
  done
  set -u
}

# The first folder that is there, as a job will choose it.
look_at_scratch() {
  local candidate folder
  for candidate in "${SCRATCH[@]}"; do
    folder=$(expanded "$candidate") || continue
    if [[ $folder == /* ]] && mkdir "$folder/$TOKEN" 2>/dev/null; then
      rmdir "$folder/$TOKEN"
      echo "scratch=$folder"
      echo "scratch_free=$(df -Pk "$folder" | awk 'NR == 2 { print $4 }')"
      return
    fi
  done
}

# $NAME and ${NAME} in a text, nothing else of the shell; status 1 when one is not set.
expanded() {
  local rest=$1 text='' name
  while [[ $rest =~ ^([^$]*)\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?(.*)$ ]]; do
    name=${BASH_REMATCH[2]}
    [[ -n ${!name:-} ]] || return 1
    text+=${BASH_REMATCH[1]}${!name} rest=${BASH_REMATCH[3]}
  done
  printf '%s' "$text$rest"
}

look_at_gpus() {
  command -v nvidia-smi >/dev/null 2>&1 || return 0
  nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | sed 's/^/gpu=/'
  nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | sed -n '1s/^/driver=/p'
  look_at_compiler
}

# vLLM's libraries compile kernels when a server starts: nvcc, a host compiler, and an object for the node's own GPU.
look_at_compiler() {
  local folder
  command -v nvcc >/dev/null 2>&1 || return 0
  nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/nvcc=\1/p'
  folder=$(mktemp -d) || return 0
  echo '__global__ void probe(float *x) { x[0] = 1; }' >"$folder/probe.cu"
  if timeout 60 nvcc -arch=native -c "$folder/probe.cu" -o "$folder/probe.o" >"$folder/log" 2>&1; then
    echo "kernel=compiles"
  else
    echo "kernel=$(tail -n 1 "$folder/log" | tr -cd '[:print:]' | cut -c 1-200)"
  fi
  rm -rf "$folder"
}

# A connection alone: no program of a site is needed for that, and nothing is sent.
look_at_network() {
  local endpoint
  [[ -z ${https_proxy:-${HTTPS_PROXY:-}} ]] || echo "proxy=yes"
  for endpoint in "${ENDPOINTS[@]}"; do
    # shellcheck disable=SC2016 # for the shell inside
    if timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "${endpoint%:*}" "${endpoint##*:}" 2>/dev/null; then
      echo "reached=$endpoint"
    else
      echo "unreached=$endpoint"
    fi
  done
}

# What can stand around code that models write, as the job's own program says it; an older environment has no such program.
look_at_fence() {
  local python reply
  for python in "$ENVIRONMENTS"/lighteval*/bin/python; do
    reply=$(cd / && timeout 60 "$python" -P -m evalctl_job.fence.offer 2>/dev/null) || continue
    echo "fence=$reply"
    return
  done
}

note_signal() {
  echo "$1=$SECONDS" >>"$MARKS/signals"
}

# Until the scheduler ends it, or doctor does; a site that ends nothing is left alone at last.
wait_for_the_end() {
  while ((SECONDS < WALLTIME_SECONDS + 90)) && [[ ! -e $EVALCTL_RUN_DIR/stop ]]; do
    echo "$SECONDS" >>"$MARKS/beats"
    read -rt 1 -u "$NAP"
  done
  echo "at=$SECONDS" | write ended
}

# A mark is there whole or not at all.
write() {
  cat >"$MARKS/$1.tmp" && mv -f "$MARKS/$1.tmp" "$MARKS/$1"
}

main
