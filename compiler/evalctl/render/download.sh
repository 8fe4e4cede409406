# --- a download ------------------------------------------------------------------------------------------------------
# In place of main: no relay, no server, no tasks; the same guard, environment, marks, clock and ways out.

download() {
  set -uo pipefail
  open_run_folder
  refuse_a_second_start
  trap leave EXIT
  trap 'SIGNALLED=yes' TERM INT HUP USR1 USR2 XCPU
  read_attempt
  read_env_file
  choose_caches
  mark_started
  prepare_node
  check_environment
  start_watch
  bring_weights
}

bring_weights() {
  local reason='' detail=''
  launch "$EVALCTL_RUN_DIR/download.log" become_download
  SERVER_PID=$LAUNCHED # so that every way out ends it
  while alive "$LAUNCHED"; do
    nap 0.5
    check_time
  done
  wait "$LAUNCHED" && exit 0
  IFS=$'\t' read -r _ reason detail < <(tail -n 1 "$EVALCTL_RUN_DIR/download.log")
  give_up 3 "${reason:-download-failed}" "$detail"
}

become_download() {
  hide_secrets "${HUB_TOKENS[@]}"
  umask "$CALLER_MASK" # caches may be shared
  PYTHONSAFEPATH=1 exec "$(framework_python)" -m evalctl_job.download --model "$MODEL" --revision "$REVISION" --note "$NOTE"
}

download
