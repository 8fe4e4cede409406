# shellcheck shell=bash
# What the cluster scripts share. They need root and a Debian with its packages, no systemd; daemons are known by the
# process ids recorded in $RUN, so that nothing else is ever stopped.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
RUN=/run/evalctl-clusters
export HOST
HOST=$(hostname)

need_root() {
  [ "$(id -u)" = 0 ] || die "run as root: real daemons need it"
  mkdir -p "$RUN"
  touch "$RUN"/{gridengine,slurm,pbs}.lock # which test process has the scheduler: tests/side_by_side.py
}

# Who submits in the tests: jobs of root are another thing than a person's. EVALCTL_TEST_USER names somebody to be made.
make_user() {
  [ -z "${EVALCTL_TEST_USER:-}" ] || id "$EVALCTL_TEST_USER" >/dev/null 2>&1 ||
    useradd --create-home --shell /bin/bash "$EVALCTL_TEST_USER"
}

die() {
  echo "$*" >&2
  exit 1
}

install_packages() {
  dpkg -s "$@" >/dev/null 2>&1 && return
  apt-get install -y -qq --no-install-recommends "$@" >"$RUN/apt.log" 2>&1 && return
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >>"$RUN/apt.log" 2>&1 ||
    die "apt-get failed: $(tail -n 3 "$RUN/apt.log")"
}

# tries command…: until it succeeds, a fifth of a second apart
wait_for() {
  local left=$1
  shift
  until "$@" >/dev/null 2>&1; do
    ((left-- > 0)) || return 1
    sleep 0.2
  done
}

# The daemon with this name that a pid file tells of, if it still is that daemon.
pid_of() {
  local pid
  pid=$(cat "$2" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] && ! ended "$pid" && echo "$pid"
}

# Gone, or a zombie: in a container nobody may ask for it.
ended() {
  ! grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"
}

# With a clean environment: jobs inherit what their daemon had.
start_daemon() {
  (cd / && setsid env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 HOME=/root "$@" \
    </dev/null >"$RUN/$(basename "$1").out" 2>&1)
}

# name pidfile: TERM, KILL after ten seconds
stop_daemon() {
  local pid
  if pid=$(pid_of "$1" "$2"); then
    kill "$pid"
    wait_for 50 ended "$pid" || kill -9 "$pid"
    echo "$1 stopped"
  fi
}
