# ----------------------------------------------------------------------------------------------------------------------
# The program. The same in every script (compiler/evalctl/render/job.sh); everything above is its data.
#
# It needs $EVALCTL_RUN_DIR, the folder of this attempt. There it reads attempt.sh (what `evalctl sync` knows: the
# attempt, where environments and .env are, which tasks to run) and leaves job.log, server.log, marks/ and tasks/<key>/.
# Exit codes: 0 all tasks done, 3 some failed, 70 server died, 71 server never ready, 72 environment, 75 second start,
# 76 out of time or cancelled. Never 99 or 100: Grid Engine gives them a meaning of its own.

main() {
  set -uo pipefail
  open_run_folder
  refuse_a_second_start
  trap leave EXIT
  # Only a note: inside a handler bash 5.2 does not learn of children that end.
  trap 'SIGNALLED=yes' TERM INT HUP USR1 USR2 XCPU
  read_attempt
  read_env_file
  choose_caches
  mark_started
  prepare_node
  check_environment
  checkpoint_holds whole || give_up 72 weights-changed "$CHECKPOINT_SAYS"
  start_watch
  start_relay
  start_server
  run_tasks
  give_up "$((${#FAILED[@]} ? 3 : 0))" "${FAILED[*]:+tasks-failed}" "${FAILED[*]}"
}

# --- beginning --------------------------------------------------------------------------------------------------------

open_run_folder() {
  # Slurm's `--export=NAME=…` and PBS leave little in the environment.
  [[ -n ${HOME:-} ]] || export HOME=~
  export PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}
  CALLER_MASK=$(umask)
  umask 077 # logs, marks and answers are their owner's alone
  if [[ ${EVALCTL_RUN_DIR:-} != /* || ! -d $EVALCTL_RUN_DIR ]]; then
    echo "EVALCTL_RUN_DIR must name the folder of this attempt; \`evalctl sync\` sets it" >&2
    exit 72
  fi
  MARKS=$EVALCTL_RUN_DIR/marks
  RELAY_STATE=$EVALCTL_RUN_DIR/relay
  DONE=() FAILED=() RUNNING=() TASK_TIME=() FAMILY=()
  SERVER_PID='' RELAY_PID='' WATCH_PID='' SCRATCH_FOLDER='' SIGNALLED='' REASON='' DETAIL=''
  SERVER_STATE='' SERVER_TRIES=0 SERVER_RESTARTS=0 READY_AT=''
  HUB_TOKENS=(HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH)
  # What this job exports is how its processes are known again when it ends.
  export EVALCTL_MARKER="$$-$RANDOM-$RANDOM"
  exec {NAP}<> <(:) # never gives a byte: `read -t` on it sleeps without a process
}

refuse_a_second_start() {
  # mkdir is atomic on local disks, NFS and Lustre; a scheduler may start a job again after a node failure.
  mkdir "$EVALCTL_RUN_DIR/started.lock" 2>/dev/null || exit 75
  mkdir -p "$MARKS/task" "$RELAY_STATE"
  head -c 65536 /dev/zero >"$MARKS/.spare" # room for the last marks when the disk is full; used up, it is gone
  exec >>"$EVALCTL_RUN_DIR/job.log" 2>&1
}

read_attempt() {
  ATTEMPT=0 ATTEMPT_NAME=$JOB_NAME ENVIRONMENTS='' ENV_FILE='' CACHES='' ANSWERS='' ANSWERS_NAME='' MASK=077 RUN_TASKS=() STALL_SECONDS=60
  if [[ ! -r $EVALCTL_RUN_DIR/attempt.sh ]]; then
    give_up 72 environment-missing "attempt.sh is not in the run folder; \`evalctl sync\` writes it"
  fi
  if ! written_by_sync "$EVALCTL_RUN_DIR/attempt.sh"; then
    give_up 72 environment-missing "attempt.sh is a link, or others can write it or own it; \`evalctl sync\` writes it anew"
  fi
  # shellcheck source=/dev/null
  source "$EVALCTL_RUN_DIR/attempt.sh"
  umask "$MASK"
  local index
  for index in "${!TASKS[@]}"; do
    "task_$((index + 1))"
    TASK_TIME[index]=$TASK_SECONDS
  done
}

# A regular file of this user, in a folder of this user, that nobody else can write.
written_by_sync() {
  [[ -f $1 && ! -L $1 && -O $1 && -O ${1%/*} && ! -L ${1%/*} && $(stat -c %A "$1") == ?????-??-? ]]
}

# A shell of its own reads .env, so that nothing in there can change this program or its data.
read_env_file() {
  local name value
  [[ -r $ENV_FILE ]] || return 0
  while IFS='=' read -rd '' name value; do
    [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] && ! ours "$name" && export "$name=$value"
  done < <(bash -c 'trap "env -0" EXIT; set -a; source "$1" >&2' bash "$ENV_FILE" 2>/dev/null) # a complaint may show a key
}

# The names of the lab's .env, and what the programs call them. What .env does not name goes to a folder of evalctl's:
# nothing is written to the home folder.
choose_caches() {
  if [[ -n ${HUGGINGFACE_CACHE:-} ]]; then
    export HF_HOME=$HUGGINGFACE_CACHE HUGGINGFACE_HUB_CACHE=$HUGGINGFACE_CACHE
  fi
  [[ -z ${VLLM_CACHE:-} ]] || export VLLM_CACHE_ROOT=$VLLM_CACHE
  [[ -z ${UV_CACHE:-} ]] || export UV_CACHE_DIR=$UV_CACHE
  [[ -n $CACHES ]] || return 0
  export HF_HOME=${HF_HOME:-$CACHES/huggingface} VLLM_CACHE_ROOT=${VLLM_CACHE_ROOT:-$CACHES/vllm}
  export VLLM_CONFIG_ROOT=${VLLM_CONFIG_ROOT:-$CACHES/vllm-config} TRITON_CACHE_DIR=${TRITON_CACHE_DIR:-$CACHES/triton}
  export TORCHINDUCTOR_CACHE_DIR=${TORCHINDUCTOR_CACHE_DIR:-$CACHES/inductor} XDG_CACHE_HOME=${XDG_CACHE_HOME:-$CACHES}
}

ours() {
  case $1 in
  _ | PWD | OLDPWD | SHLVL | BASH* | EVALCTL_* | CUDA_VISIBLE_DEVICES) return 0 ;;
  esac
  [[ -v $1 && ! $(declare -p "$1" 2>/dev/null) =~ ^declare\ -[a-zA-Z]*x ]]
}

prepare_node() {
  local module
  if ((${#MODULES[@]})); then
    set +u # the site's own scripts were not written for it
    # shellcheck source=/dev/null
    [[ ! -r $MODULES_INIT ]] || source "$MODULES_INIT"
    for module in "${MODULES[@]}"; do
      module load "$module" || give_up 72 module-missing "module load $module failed on $HOSTNAME"
    done
    set -u
  fi
  ((!${#SITE_VARIABLES[@]})) || export "${SITE_VARIABLES[@]}"
  choose_scratch
  name_gpus_by_index
}

# The first scratch folder that this node has; the job works in a folder of its own there and takes it away again.
choose_scratch() {
  local candidate folder
  for candidate in "${SCRATCH[@]}"; do
    folder=$(expanded "$candidate") || continue
    if [[ $folder == /* ]] && mkdir "$folder/$ATTEMPT_NAME" 2>/dev/null; then
      SCRATCH_FOLDER=$folder/$ATTEMPT_NAME
      export TMPDIR=$SCRATCH_FOLDER
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

# ABCI names GPUs by UUID on shared nodes, which older vLLM cannot read (seen in its issues: 13815, 20939).
name_gpus_by_index() {
  local index uuid list=${CUDA_VISIBLE_DEVICES:-}
  [[ $list == *GPU-* ]] && has nvidia-smi || return 0
  while IFS=', ' read -r index uuid; do
    list=${list//"$uuid"/$index}
  done < <(nvidia-smi --query-gpu=index,uuid --format=csv,noheader)
  export CUDA_VISIBLE_DEVICES=$list
}

check_environment() {
  local name
  for name in "$SERVER_ENVIRONMENT" "${FRAMEWORK_ENVIRONMENTS[@]}"; do
    if [[ -n $name && ! -e $ENVIRONMENTS/$name/.complete ]]; then
      give_up 72 environment-missing "$ENVIRONMENTS/$name is not there or not whole: evalctl env setup"
    fi
  done
  for name in "${SECRETS[@]}"; do
    [[ -n ${!name:-} ]] || give_up 72 secret-missing "$name is not set: put it into $ENV_FILE"
  done
  for name in "${RUN_TASKS[@]}"; do
    [[ " ${TASKS[*]} " == *" $name "* ]] || give_up 72 environment-missing "attempt.sh asks for $name, unknown here"
  done
  check_gpus
}

check_gpus() {
  local -a seen=()
  ((GPUS)) && has nvidia-smi || return 0
  if [[ -n ${CUDA_VISIBLE_DEVICES:-} ]]; then
    IFS=, read -ra seen <<<"$CUDA_VISIBLE_DEVICES"
  else
    mapfile -t seen < <(nvidia-smi --query-gpu=index --format=csv,noheader)
  fi
  ((${#seen[@]} >= GPUS)) || give_up 72 gpu-missing "$GPUS GPUs are needed, $HOSTNAME offers ${#seen[@]}"
}

# --- server and relay -------------------------------------------------------------------------------------------------

# Whether the folder of a checkpoint holds what its model card says; `whole` reads every byte where the card asks for it.
# Looked at before the server reads the weights, after it has read them, and at the end of each task.
checkpoint_holds() {
  local -a options=(--path "$CHECKPOINT" --revision "$CHECKPOINT_REVISION")
  [[ -n $CHECKPOINT ]] || return 0
  [[ ${1:-} != whole || -z $CHECKPOINT_WHOLE ]] || options=(--path "$CHECKPOINT" --whole --revision "$CHECKPOINT_WHOLE")
  CHECKPOINT_SAYS=$(PYTHONSAFEPATH=1 "$(framework_python)" -m evalctl_job.checkpoint "${options[@]}" 2>&1) && return 0
  CHECKPOINT_SAYS=${CHECKPOINT_SAYS##*$'\n'}
  return 1
}

# Starts it and goes on: the relay lets the frameworks wait, which need their own time to load.
start_server() {
  ((${#SERVER_COMMAND[@]})) || return 0 # others serve
  make_server_folder
  SERVER_PORT=$(free_port)
  SERVER_STATE=starting SERVER_BEGIN=$SECONDS SERVER_TRIES=$((SERVER_TRIES + 1))
  SERVER_LOG_FROM=$(($(stat -c %s "$EVALCTL_RUN_DIR/server.log" 2>/dev/null || echo 0) + 1))
  launch "$EVALCTL_RUN_DIR/server.log" become_server
  SERVER_PID=$LAUNCHED
  echo "$SERVER_PID" >"$EVALCTL_RUN_DIR/server.pid"
}

# A text of a manifest is a file with a name of ours, never a word of the command: vLLM opens some words as paths (seen:
# 0.32, --chat-template). The server works in an empty folder: the name of a model cannot be found there as a folder.
make_server_folder() {
  local index folder=$EVALCTL_RUN_DIR/server
  SERVER_FOLDER=$folder/empty SERVER_FILE_OPTIONS=()
  rm -rf -- "$folder"
  (umask 077 && mkdir "$folder" "$folder/empty" "$folder/files") || give_up 70 disk-full "$folder cannot be made"
  for ((index = 0; index < ${#SERVER_FILES[@]}; index += 3)); do
    (umask 077 && printf '%s' "${SERVER_FILES[index + 2]}" >"$folder/files/${SERVER_FILES[index + 1]}") ||
      give_up 70 disk-full "$folder/files/${SERVER_FILES[index + 1]} cannot be written"
    SERVER_FILE_OPTIONS+=("${SERVER_FILES[index]}" "$folder/files/${SERVER_FILES[index + 1]}")
  done
}

become_server() {
  case " ${SERVER_COMMAND[*]} " in
  *' --trust-remote-code '*) hide_secrets ;; # code that the model brings sees no key at all
  *) hide_secrets "${HUB_TOKENS[@]}" ;;
  esac
  umask "$CALLER_MASK" # caches may be shared
  unset VLLM_MODEL_REDIRECT_PATH # it would serve another model under the name of this one
  export VLLM_NO_USAGE_STATS=1 PATH=$ENVIRONMENTS/$SERVER_ENVIRONMENT/bin:$PATH
  export PYTHONUTF8=1 # the template is UTF-8 whatever the node's locale is
  ((!${#SERVER_VARIABLES[@]})) || export "${SERVER_VARIABLES[@]}"
  cd "$SERVER_FOLDER" && exec "${SERVER_COMMAND[@]}" "${SERVER_FILE_OPTIONS[@]}" --host 127.0.0.1 --port "$SERVER_PORT"
}

tend_server() {
  case $SERVER_STATE in
  starting) await_server ;;
  ready) watch_server ;;
  esac
}

await_server() {
  local limit=$((START_SECONDS ? START_SECONDS * 4 : 600)) # a site may put nothing on top of the tasks' times
  if ! alive "$SERVER_PID"; then
    server_did_not_start
  elif serves; then
    checkpoint_holds || give_up 72 weights-changed "$CHECKPOINT_SAYS" # before the first question
    SERVER_STATE=ready HEALTH_DUE=$SECONDS SICK_SINCE=$SECONDS
    mark_server_ready
    tell_relay
  elif ((SECONDS - SERVER_BEGIN >= limit)); then
    give_up 71 server-start-timeout "not ready after $limit seconds"
  fi
}

# The name is asked too: on a shared node a stranger may hold the port.
serves() {
  http_get "$SERVER_PORT" /health && http_get "$SERVER_PORT" /v1/models && [[ $BODY == *"\"$SERVED_NAME\""* ]]
}

server_did_not_start() {
  read_server_log
  [[ $REASON == port-taken && $SERVER_TRIES -lt 3 ]] || give_up "$((SERVER_RESTARTS ? 70 : 71))" "$REASON" "$DETAIL"
  echo "port $SERVER_PORT was taken at try $SERVER_TRIES"
  start_server_again
}

start_server_again() {
  REASON='' DETAIL=''
  start_server
}

# Where the relay finds the server; while the file is not there, requests wait.
tell_relay() {
  write_whole "$RELAY_STATE/upstream" "http://127.0.0.1:$SERVER_PORT/v1"
}

# vLLM's front end may outlive its engine and say 503 for ever; a busy one may be late, so it gets a minute.
watch_server() {
  if ! alive "$SERVER_PID"; then
    server_died
  elif ((SECONDS >= HEALTH_DUE)); then
    HEALTH_DUE=$((SECONDS + 5))
    ! http_get "$SERVER_PORT" /health || SICK_SINCE=$SECONDS
    ((SECONDS - SICK_SINCE < 60)) || server_is_sick
  fi
}

server_is_sick() {
  echo "the server's /health has not said 200 for a minute: ending it"
  end_group "$SERVER_PID" 6
  server_died
}

# It gets a second life: the relay keeps what was answered and asks the rest again, and the frameworks see nothing.
server_died() {
  rm -f "$RELAY_STATE/upstream"
  read_server_log
  end_group "$SERVER_PID" 6 # its workers would keep the GPU's memory
  ((!SERVER_RESTARTS && WALLTIME_SECONDS - DRAIN_SECONDS - SECONDS > START_SECONDS)) || give_up 70 "$REASON" "$DETAIL"
  SERVER_RESTARTS=1 SERVER_TRIES=0
  echo "the server died ($REASON: $DETAIL): starting it again"
  mark server_restarted restarted_at "$(now)" reason "$(json "$REASON")" detail "$(json "$DETAIL")"
  start_server_again
}

# REASON and DETAIL of a dead server: a known message near the end of its log, else its last complaint.
read_server_log() {
  local -a tail=()
  local reason pattern line status=0
  wait "$SERVER_PID" || status=$?
  mapfile -t tail < <(tail -c "+$SERVER_LOG_FROM" "$EVALCTL_RUN_DIR/server.log" 2>/dev/null | tail -n 300)
  while IFS=$'\t' read -r reason pattern; do
    for line in "${tail[@]}"; do
      if [[ $line =~ $pattern ]]; then
        REASON=$reason DETAIL=$line
        return
      fi
    done
  done < <(server_deaths)
  REASON=server-died DETAIL="exit status $status, last line: ${tail[*]: -1}"
  for line in "${tail[@]}"; do
    [[ ! $line =~ (Error|Exception|Killed|Segmentation fault) ]] || DETAIL="exit status $status: $line"
  done
}

# Messages of vLLM 0.9 to 0.33, PyTorch, transformers, huggingface_hub and the kernel; the first that fits counts. vLLM only
# warns of `Address already in use` where it tries another port by itself, and the Hub says 401 of a model that is not there.
server_deaths() {
  local row
  for row in 'port-taken|Errno 98' \
    'disk-full|No space left on device|Disk quota exceeded' \
    'parser-without-think-tags|could not locate think|think start/end token' \
    'gated-model|GatedRepoError|gated repo|Access to model .* is restricted' \
    'model-not-found|RepositoryNotFound|Repository Not Found|RevisionNotFound|Revision Not Found|not a valid model identifier|LocalEntryNotFound|does not appear to have a file|outgoing traffic has been disabled' \
    'authentication|401 Client Error|403 Client Error|Invalid user token|Invalid username or password' \
    'custom-code|contains custom code which must be executed|execute custom code' \
    'unsupported-model|Model architectures .* are not supported' \
    'context-length|greater than the derived max_model_len|maximum context length' \
    'out-of-memory|OutOfMemory|out of memory|Cannot allocate memory|No available memory for the cache|less than desired|larger than the available KV cache memory' \
    'gpu-error|CUDA error|NCCL error|Xid|uncorrectable ECC'; do
    printf '%s\t%s\n' "${row%%|*}" "${row#*|}"
  done
}

start_relay() {
  local begin=$SECONDS
  launch "$EVALCTL_RUN_DIR/relay.log" become_relay
  RELAY_PID=$LAUNCHED
  until [[ -s $RELAY_STATE/port ]]; do
    check_time
    check_relay
    ((SECONDS - begin < 120)) || give_up 70 relay-died "the relay did not open its port in 120 seconds"
    nap 0.1
  done
  RELAY_PORT=$(<"$RELAY_STATE/port")
}

become_relay() {
  local -a options=(--listen-port-file "$RELAY_STATE/port" --state "$RELAY_STATE" --admit "$ADMIT")
  if ((${#SERVER_COMMAND[@]})); then
    options+=(--upstream-file "$RELAY_STATE/upstream")
  else
    options+=(--upstream "$UPSTREAM_URL")
  fi
  [[ -z $KEY_VARIABLE ]] || options+=(--key-variable "$KEY_VARIABLE")
  hide_secrets "$KEY_VARIABLE"
  PYTHONSAFEPATH=1 exec "$(framework_python)" -m evalctl_job.relay "${options[@]}" --exit-with-parent
}

# --- tasks ------------------------------------------------------------------------------------------------------------

# One framework process per task, PARALLEL_TASKS at once: while one generates, the next one loads and another scores.
run_tasks() {
  local -a waiting=()
  local index
  for index in "${!TASKS[@]}"; do
    wanted "${TASKS[index]}" && waiting+=("$index")
  done
  while ((${#waiting[@]} + ${#RUNNING[@]})); do
    while ((${#waiting[@]} && ${#RUNNING[@]} < PARALLEL_TASKS)); do
      worth_starting "${waiting[0]}" || break
      start_task "${waiting[0]}"
      waiting=("${waiting[@]:1}")
    done
    ((${#RUNNING[@]})) || give_up 76 timeout "no time left for: $(keys "${waiting[@]}")"
    nap 0.2
    check_time # before the servers: a scheduler may signal them too
    collect_tasks
    check_relay
    tend_server
  done
}

wanted() {
  ((!${#RUN_TASKS[@]})) || [[ " ${RUN_TASKS[*]} " == *" $1 "* ]]
}

keys() {
  local index
  for index in "$@"; do printf '%s ' "${TASKS[index]}"; done
}

# The times of the table are limits that few tasks use up, so half of one is enough to begin. The first task of an
# attempt always begins, or a job shorter than its only task would come back for ever without having tried.
worth_starting() {
  ((!${#RUNNING[@]} && !${#DONE[@]} && !${#FAILED[@]})) || ((2 * (WALLTIME_SECONDS - DRAIN_SECONDS - SECONDS) >= TASK_TIME[$1]))
}

start_task() {
  run_task "$1" &
  RUNNING[$1]=$!
}

collect_tasks() {
  local index
  for index in "${!RUNNING[@]}"; do
    alive "${RUNNING[$index]}" || collect_task "$index"
  done
}

collect_task() {
  local key=${TASKS[$1]} status=0
  wait "${RUNNING[$1]}" || status=$?
  unset "RUNNING[$1]"
  ((status < 2)) || status=$(last_word "$key" "$status")
  case $status in
  0) DONE+=("$key") ;;
  1) FAILED+=("$key") ;;
  *)
    FAILED+=("$key")
    mark "task/$key" key "$(json "$key")" state '"failed"' reason '"task-lost"' ended_at "$(now)" \
      detail "$(json "the shell of this task ended with status $status")"
    ;;
  esac
}

# As the status of a task's shell: what its mark says, else $2. The shell may have been killed after its last word, and a
# signal cuts `wait` short; what was measured is measured.
last_word() {
  local said=''
  { read -r said <"$MARKS/task/$1.json"; } 2>/dev/null
  case $said in
  "{\"key\": \"$1\", \"state\": \"done\""*) echo 0 ;;
  "{\"key\": \"$1\", \"state\": \"failed\""*) echo 1 ;;
  *) echo "$2" ;;
  esac
}

# In a shell of its own: one task from its configuration to its mark. Status 0 done, 1 failed.
run_task() {
  local folder status=0
  STOPPED='' FRAMEWORK_PID=''
  trap 'STOPPED=yes' TERM INT HUP USR1 USR2 XCPU
  "task_$(($1 + 1))"
  folder=$EVALCTL_RUN_DIR/tasks/$TASK
  STARTED_AT=$(now)
  mkdir -p "$folder" && cd "$folder" || return 2
  printf '%s' "$CONFIG" >config.yaml
  printf '%s\n' "$RELAY" >"$RELAY_STATE/$TASK.options.json"
  keep_answers
  mark_task running '' ''
  launch "$folder/log" become_framework
  FRAMEWORK_PID=$LAUNCHED
  launch "$EVALCTL_RUN_DIR/job.log" become_stall_watch
  watch_framework || status=$?
  end_group "$FRAMEWORK_PID" 2 # workers that it left
  if [[ -n $STOPPED ]] || ! alive $$; then
    mark_stopped
  else
    accept "$status"
  fi
}

# Answers outlive the attempt: the next one, on whatever node and port, does not ask them again.
keep_answers() {
  [[ -z $ANSWERS ]] || { mkdir -p "$ANSWERS" && ln -sfn "$ANSWERS/${ANSWERS_NAME:-$DIGEST}.jsonl" "$RELAY_STATE/$TASK.answers.jsonl"; }
}

become_framework() {
  local base=http://127.0.0.1:$RELAY_PORT/task/$TASK/v1
  umask "$CALLER_MASK"
  hide_secrets "${HUB_TOKENS[@]}" "${TASK_SECRETS[@]}" # a judge's key may pass; the model's own stays with the relay
  forget_addresses
  export "${LITELLM_PREFIX}_API_BASE=$base" "${LITELLM_PREFIX}_BASE_URL=$base" "${LITELLM_PREFIX}_API_KEY=relay"
  export PATH=$ENVIRONMENTS/$FRAMEWORK_ENVIRONMENT/bin:$PATH PYTHONUTF8=1
  export NO_PROXY=${NO_PROXY:+$NO_PROXY,}127.0.0.1 no_proxy=${no_proxy:+$no_proxy,}127.0.0.1
  export LITELLM_LOCAL_MODEL_COST_MAP=True # else each start asks the Internet (seen: 6 s without one)
  ((!${#VARIABLES[@]})) || export "${VARIABLES[@]}"
  exec "${COMMAND[@]}"
}

# An address in .env or in the environment would send questions, or a judge's, elsewhere than the eval says. litellm and
# openai read more than a hundred such variables (seen: litellm 1.101, openai 2).
forget_addresses() {
  local name
  for name in $(compgen -e); do
    case $name in
    LITELLM_PREFIX) ;;
    *_API_BASE | *_BASE_URL | *_API_URL | LITELLM_* | USE_LITELLM_PROXY | OPENAI_API_TYPE) unset "$name" ;;
    esac
  done
}

# A client may wait for ever for an answer that it has lost (seen: litellm 1.101 with more than 64 questions at once).
become_stall_watch() {
  local -a options=(--pid "$FRAMEWORK_PID" --log log --relay "http://127.0.0.1:$RELAY_PORT/task/$TASK")
  hide_secrets
  PYTHONSAFEPATH=1 exec "$(framework_python)" -m evalctl_job.stall "${options[@]}" --seconds "$STALL_SECONDS" \
    --into "$RELAY_STATE/$TASK.stalled"
}

# Its exit status. Ends it when this task is to stop, or asks no more.
watch_framework() {
  while alive "$FRAMEWORK_PID"; do
    [[ -z $STOPPED && ! -s $RELAY_STATE/$TASK.stalled ]] || end_group "$FRAMEWORK_PID" 4
    nap 0.2
  done
  wait "$FRAMEWORK_PID"
}

# What the framework did is judged by a program of its environment: its exit status alone says almost nothing.
accept() {
  local verdict=$EVALCTL_RUN_DIR/tasks/$TASK/acceptance.json
  local -a options=(--framework "$FRAMEWORK" --task-key "$TASK" --output output --log log)
  options+=(--counts "$RELAY_STATE/$TASK.counts.json" --exit-code "$1" --into "$verdict")
  [[ -z $MAX_SAMPLES ]] || options+=(--expected-max-samples "$MAX_SAMPLES")
  if ! checkpoint_holds; then
    [[ -z $ANSWERS ]] || rm -f -- "$ANSWERS/$DIGEST.jsonl" # nothing of them is asked for again
    mark_task failed weights-changed "$CHECKPOINT_SAYS" "$1"
    return 1
  fi
  http_get "$RELAY_PORT" "/task/$TASK/counts" # brings the file up to date
  # Python looks for modules in its folder first, and a framework has written into this one.
  if PYTHONSAFEPATH=1 "$(framework_python)" -m evalctl_job.accept "${options[@]}" >>log 2>&1 && [[ -s $verdict ]]; then
    mark_task "done" '' '' "$1" "$(<"$verdict")"
    return 0
  elif [[ -s $verdict ]]; then
    mark_task failed '' '' "$1" "$(<"$verdict")"
  else
    mark_task failed acceptance-failed "the acceptance check itself failed; see tasks/$TASK/log" "$1"
  fi
  return 1
}

mark_stopped() {
  local reason=job-killed detail='' tries
  for tries in {1..20}; do # the scheduler may signal all processes at once: let the job's shell say why
    [[ ! -s $EVALCTL_RUN_DIR/stop ]] || break
    nap 0.1
  done
  [[ ! -s $EVALCTL_RUN_DIR/stop ]] || { read -r reason && read -r detail; } <"$EVALCTL_RUN_DIR/stop"
  mark_task failed "$reason" "$detail"
  return 1
}

# --- time, signals, death ---------------------------------------------------------------------------------------------

# Grid Engine kills at the limit without a warning, so the job keeps the time itself. A signal near the limit is the
# scheduler's warning (Slurm's may come 60 s early); any other is somebody's wish.
check_time() {
  local left=$((WALLTIME_SECONDS - DRAIN_SECONDS - SECONDS))
  if ((left <= 0)) || [[ -n $SIGNALLED && $left -le 60 ]]; then
    give_up 76 timeout "stopped after $SECONDS of $WALLTIME_SECONDS seconds"
  fi
  [[ -z $SIGNALLED ]] || give_up 76 cancelled "ended by a signal after $SECONDS seconds"
}

start_watch() {
  launch "$EVALCTL_RUN_DIR/job.log" clean_up_after_a_kill
  WATCH_PID=$LAUNCHED
}

# In a process group of its own: a SIGKILL from outside may reach this job's shell and its group alone (seen: Grid
# Engine 8.1.9, for root's jobs).
clean_up_after_a_kill() {
  exec {NAP}<> <(:)
  while alive $$; do nap 0.5; done
  [[ ! -s $EVALCTL_RUN_DIR/server.pid ]] || end_group "$(<"$EVALCTL_RUN_DIR/server.pid")" 5
  sweep
}

check_relay() {
  local reason detail
  if [[ -s $RELAY_STATE/refused ]]; then # no task will get an answer: what is refused is not the task's own
    { read -r reason && read -r detail; } <"$RELAY_STATE/refused"
    give_up 3 "$reason" "$detail"
  fi
  ! alive "$RELAY_PID" || return 0
  check_time # it may be the scheduler that ended it, with everything else
  give_up 70 relay-died "$(tail -n 1 "$EVALCTL_RUN_DIR/relay.log")"
}

give_up() {
  REASON=$2 DETAIL=$3
  exit "$1"
}

# Every way out: first say what happened (a scheduler may kill within seconds), then leave nothing behind.
leave() {
  local status=$?
  trap - EXIT
  trap '' TERM INT HUP USR1 USR2 XCPU
  [[ -n $REASON || $status == 0 ]] || REASON=script-failed
  find_family
  stop_tasks "$status"
  [[ $status == 0 || -e $MARKS/.spare ]] || REASON=disk-full DETAIL="no space is left under $EVALCTL_RUN_DIR"
  mark finished exit "$status" reason "$(json "$REASON")" detail "$(json "$DETAIL")" ended_at "$(now)" \
    seconds "$SECONDS" tasks_done "$(json_list "${DONE[@]}")" tasks_failed "$(json_list "${FAILED[@]}")"
  [[ -z $WATCH_PID ]] || end_group "$WATCH_PID" 1
  [[ -z $RELAY_PID ]] || end_group "$RELAY_PID" 3
  [[ -z $SERVER_PID ]] || end_group "$SERVER_PID" 6
  sweep
  [[ -z $SCRATCH_FOLDER ]] || rm -rf -- "$SCRATCH_FOLDER"
  rm -f "$MARKS/.spare"
  exit "$status"
}

stop_tasks() {
  local reason=$REASON tries
  ((${#RUNNING[@]})) || return 0
  (($1 != 70)) || reason=server-died
  printf '%s\n%s\n' "$reason" "${DETAIL//$'\n'/ }" >"$EVALCTL_RUN_DIR/stop"
  : >"$RELAY_STATE/aborted"
  kill -TERM "${RUNNING[@]}" 2>/dev/null
  for tries in {1..80}; do
    collect_tasks
    ((${#RUNNING[@]})) || return 0
    nap 0.1
  done
  kill -KILL "${RUNNING[@]}" 2>/dev/null
  nap 0.1
  collect_tasks
}

# Whatever else this job started: children that left their group, and children of children that died.
sweep() {
  local -a left=()
  local sign tries
  for sign in TERM KILL; do
    for tries in {1..15}; do
      mapfile -t left < <(leftovers)
      ((${#left[@]})) || return 0
      ((tries > 1)) || kill "-$sign" "${left[@]}" 2>/dev/null
      nap 0.2
    done
  done
}

leftovers() {
  local file pid born
  # A program that this job started has its marker in its environment, however it was started.
  while read -r file; do
    pid=${file#/proc/}
    echo "${pid%/environ}"
  done < <(env -u EVALCTL_MARKER grep -lsaF "EVALCTL_MARKER=$EVALCTL_MARKER" /proc/[0-9]*/environ)
  # Unless it writes its own title over it, as vLLM's workers do: those were found by their parents before these ended.
  for pid in "${!FAMILY[@]}"; do
    read_process "/proc/$pid/stat" && [[ $BORN == "${FAMILY[$pid]}" ]] && echo "$pid"
  done
}

# Fills FAMILY: the processes below this one, and when each began (a number may be given to another one later).
find_family() {
  local file again=yes
  FAMILY=()
  while [[ -n $again ]]; do
    again=''
    for file in /proc/[0-9]*/stat; do
      read_process "$file" && [[ ($PARENT == "$$" || -n ${FAMILY[PARENT]:-}) && -z ${FAMILY[PID]:-} ]] || continue
      FAMILY[PID]=$BORN again=yes
    done
  done
}

# PID, PARENT and BORN of a process that lives; status 1 for one that does not.
read_process() {
  local line
  local -a fields
  { read -r line <"$1"; } 2>/dev/null || return 1
  PID=${line%% *}
  read -ra fields <<<"${line##*) }"
  PARENT=${fields[1]} BORN=${fields[19]}
  [[ ${fields[0]} != Z ]]
}

# --- marks: one JSON object each, written whole -----------------------------------------------------------------------

mark_started() {
  local gpu='' native=${JOB_ID:-${PBS_JOBID:-${SLURM_JOB_ID:-${EVALCTL_QUEUE_ID:-}}}}
  if ((GPUS)) && has nvidia-smi; then
    gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null)
  fi
  mark started started_at "$(now)" host "$(json "$HOSTNAME")" pid $$ native_id "$(json "$native")" \
    job "$(json "$JOB_NAME")" name "$(json "$ATTEMPT_NAME")" attempt "$ATTEMPT" gpu_name "$(json "${gpu%%$'\n'*}")"
}

mark_server_ready() {
  local version=''
  http_get "$SERVER_PORT" /version && [[ $BODY =~ \"version\":\ *\"([^\"]*)\" ]] && version=${BASH_REMATCH[1]}
  [[ -n $READY_AT ]] || READY_AT=$(now) READY_SECONDS=$((SECONDS - SERVER_BEGIN))
  mark server_ready ready_at "$READY_AT" seconds "$READY_SECONDS" restarts "$SERVER_RESTARTS" port "$SERVER_PORT" \
    server_version "$(json "$version")"
}

# state reason detail [exit acceptance]
mark_task() {
  local ended=null acceptance=${5:-null}
  [[ $1 == running ]] || ended=$(now)
  mark "task/$TASK" key "$(json "$TASK")" state "\"$1\"" reason "$(json "$2")" detail "$(json "$3")" \
    digest "$(json "$DIGEST")" started_at "$STARTED_AT" ended_at "$ended" exit "${4:-null}" acceptance "$acceptance"
}

# name, then pairs of a key and a JSON value
mark() {
  local file=$MARKS/$1.json object=''
  shift
  while (($# > 1)); do
    object+="${object:+, }\"$1\": $2"
    shift 2
  done
  write_whole "$file" "{$object}" || { rm -f "$MARKS/.spare" && write_whole "$file" "{$object}"; }
}

write_whole() {
  printf '%s\n' "$2" >"$1.tmp" && mv -f "$1.tmp" "$1"
}

# Any text as a JSON string: printable ASCII of bounded length, without the value of a secret.
json() {
  local LC_ALL=C text=$1 name backslash=\\
  for name in "${SECRETS[@]}" HF_TOKEN; do
    [[ -z ${!name:-} ]] || text=${text//"${!name}"/(secret)}
  done
  text=${text//[^ -~]/ }
  text=${text:0:400}
  text=${text//"$backslash"/"$backslash$backslash"}
  printf '"%s"' "${text//\"/"$backslash"\"}"
}

json_list() {
  local item list=''
  for item in "$@"; do list+="${list:+, }$(json "$item")"; done
  printf '[%s]' "$list"
}

# --- small tools ------------------------------------------------------------------------------------------------------

# A function in the background, as a process group of its own but in this session: PBS ends a job by its session
# (seen: OpenPBS 23.06 leaves processes that called setsid).
launch() {
  local log=$1
  shift
  set -m
  "$@" </dev/null >>"$log" 2>&1 {NAP}>&- &
  LAUNCHED=$!
  set +m
}

# TERM, then KILL after so many seconds.
end_group() {
  local tries
  kill -TERM -- "-$1" 2>/dev/null
  for ((tries = $2 * 10; tries > 0; tries--)); do
    kill -0 -- "-$1" 2>/dev/null || return 0
    nap 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null
}

# Takes what looks like a key, a token or a way to log in out of the environment, but for the named variables.
hide_secrets() {
  local name
  for name in $(compgen -e); do
    case " $* " in *" $name "*) continue ;; esac
    ! looks_secret "$name" || unset "$name"
  done
}

looks_secret() {
  case " ${SECRETS[*]} $KEY_VARIABLE " in *" $1 "*) return 0 ;; esac
  case ${1^^} in
  TOKENIZERS_PARALLELISM | VLLM_*_TOKENS | VLLM_*_TOKENS_* | *_MAX_TOKENS) return 1 ;; # these count tokens
  *KEY | *_KEY_* | *_KEYS | *APIKEY* | *TOKEN* | *SECRET* | *PASSW* | *PASSPHRASE* | *_PASS | *_PWD | *CREDENTIAL*) ;;
  *COOKIE* | *JWT* | *_PAT | *_AUTH | *_DSN | *DATABASE_URL | *WEBHOOK* | *_AUTH_SOCK | *ASKPASS* | *NETRC* | *_CERT) ;;
  AWS_* | AZURE_* | GCP_* | GOOGLE_* | CLOUDSDK_* | GH_* | GITHUB_* | GITLAB_* | CI_* | SSH_* | GPG_* | KRB5* | VAULT_*) ;;
  DBUS_SESSION_BUS_ADDRESS | XAUTHORITY | KUBECONFIG | DOCKER_* | SINGULARITY_DOCKER_* | APPTAINER_DOCKER_* | PGPASSFILE | MYSQL_*) ;;
  *) return 1 ;;
  esac
}

framework_python() {
  printf '%s' "$ENVIRONMENTS/${FRAMEWORK_ENVIRONMENT:-${FRAMEWORK_ENVIRONMENTS[0]}}/bin/python"
}

free_port() {
  PYTHONSAFEPATH=1 "$(framework_python)" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Status 0 when 127.0.0.1:$1 answers 200 to GET $2; what it says is in BODY. No other program is needed for that.
http_get() {
  local line link status=''
  BODY=''
  { exec {link}<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&"$link"
  IFS=' ' read -rt 5 -u "$link" _ status _
  while read -rt 5 -u "$link" line && [[ -n ${line%$'\r'} ]]; do :; done
  read -rd '' -t 5 -u "$link" BODY
  exec {link}>&-
  [[ $status == 200 ]]
}

alive() {
  kill -0 "$1" 2>/dev/null
}

nap() {
  read -rt "$1" -u "$NAP"
}

has() {
  command -v "$1" >/dev/null 2>&1
}

now() {
  printf '%(%s)T' -1
}

main
