
# --- Ending everything of a run: whatever carries its marker, wherever it went, and its session -------------

# carriers RUN SESSION: pids in $pids of what is alive; false when there is nothing. SESSION may be "".
carriers() {
  pids=
  for file in $(
    grep -lszxF "AGENT_FLEET_RUN=$1" /proc/[0-9]*/environ
    [ -z "$2" ] || grep -lsE "\) [^ZX] [0-9]+ [0-9]+ $2 " /proc/[0-9]*/stat
  ); do
    file=${file#/proc/}
    pids="$pids ${file%/*}"
  done
  [ -n "$pids" ]
}

# send SIGNAL: to those of $pids that have not had it; TERM once is asking, twice is what some CLIs take for KILL.
send() {
  fresh=
  for pid in $pids; do
    case "$told " in *" $1$pid "*) continue ;; esac
    fresh="$fresh $pid"
    told="$told $1$pid"
  done
  # shellcheck disable=SC2086 # a list of numbers
  [ -z "$fresh" ] || kill -s "$1" $fresh 2>/dev/null || : # some have gone meanwhile
}

# end_all RUN SESSION GRACE: TERM, GRACE seconds, KILL. Leaves in $pids what even that did not end.
end_all() {
  told=
  for signal in TERM KILL; do
    look_at_clock
    until=$((now + ($([ "$signal" = TERM ] && echo "$3" || echo 10) * 100)))
    # Looked at twice: what forked during a look may have been missed by it.
    while carriers "$1" "$2" || carriers "$1" "$2"; do
      send "$signal"
      look_at_clock
      [ "$now" -lt "$until" ] || break
      sleep 0.05
    done
    [ -n "$pids" ] || return 0
  done
}
