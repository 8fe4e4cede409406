# shellcheck shell=bash disable=SC2034
# What pbs_up.sh and pbs_down.sh share.

PBS=${PBS_EXEC:-/opt/pbs}
STATE=/var/lib/evalctl-clusters/pbs
# PBS takes no loopback address. Where the machine's name is one, PBS gets this name and address (RFC 5737: documentation).
NAME=evalctl-pbs ADDRESS=192.0.2.1
