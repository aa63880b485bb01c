
# --- Runs: $runs/ID holds prompt, supervisor, agent, stdout, stderr, alive, killed_by, exit ----

# started_at PID: its start time in clock ticks in $started (proc(5), field 22); false when there is no such process.
started_at() {
  started=
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # shellcheck disable=SC2086 # fields
  set -- ${stat##*) }
  [ "$1" != Z ] || return 1
  started=${20}
}

# state_of RUN: in $state one of `unknown`, `running`, `ended CODE SIGNAL KILLED_BY LEFT`, `lost WHY`.
state_of() {
  run=$runs/$1
  [ -d "$run" ] || { state=unknown && return; }
  if first_line "$run/exit"; then state="ended $value" && return; fi
  if first_line "$run/supervisor"; then
    # shellcheck disable=SC2086 # three fields
    set -- $value
    [ "$3" = "$boot" ] || { state='lost boot' && return; }
    started_at "$1" && [ "$started" = "$2" ] && state=running && return
  elif ! flock -n "$run.lock" true; then
    state=running && return # being started at this moment
  fi
  if first_line "$run/exit"; then state="ended $value"; else state='lost gone'; fi
}

# space KEY: where its parts are.
space() {
  is_word "$1" || die request "not a workspace: $1"
  dir=$root/$1 tree=$root/$1/tree scratch=$root/$1/scratch git=$root/$1/git home=$root/$1/home tmp=$root/$1/tmp
  key=$1
}

# hold_fence FENCE [take]: this attempt's number must be the newest; held (fd 8) as long as this process lives.
hold_fence() {
  number_or_die "$1"
  [ ! -L "$dir.fence" ] || die unsafe "$key.fence is a link"
  exec 8>>"$dir.fence"
  flock -w 120 8 || die busy "$key is in use"
  owner=-1
  if first_line "$dir.fence"; then owner=${value#"${value%%[!0]*}"}; fi
  [ "${owner:=0}" -le "$1" ] || die stale_fence "attempt $1 has been followed by attempt $owner"
  [ "$owner" -ge "$1" ] || {
    [ "${2:-}" = take ] || die stale_fence "attempt $1 has not prepared $key"
    # As long as what was there, so one write replaces it whole.
    printf '%020d\n' "$1" 1<>"$dir.fence" || die io "could not write $key.fence"
    touch "$dir.fence"
  }
}

# start RUN: input is `size base64`, an empty line, then so many bytes: the job's own lines and the prompt.
do_start() {
  request size workspace fence
  is_word "$job_workspace" || die request "not a workspace: $job_workspace"
  own_dir "$runs"
  input=$runs/.new-$1-$$
  trap 'rm -f "$input"' EXIT
  # What can be done while the rest arrives.
  exec 5<&0
  receive "$job_size" "$input" <&5 &
  arriving=$!
  exec 5<&-
  exec 9>>"$runs/$1.lock"
  if ! claim_start "$1"; then
    exec 9>&-
    wait "$arriving" || exit 1
    state_of "$1"
    [ "$state" != unknown ] || die busy "$1 is being started by somebody else"
    printf 'started already\nstate %s\n' "$state"
    return
  fi
  # Beside it, too: the next wait is for the fence. Who is refused leaves nothing.
  mkdir "$runs/$1" &
  making=$!
  trap 'rm -f "$input"; wait "$making" && rmdir "$runs/$1"' EXIT
  space "$job_workspace"
  wait "$arriving" || exit 1
  hold_fence "$job_fence"
  [ -d "$tree" ] || die unknown_workspace "$job_workspace is not prepared"
  wait "$making" || die io "$runs/$1 cannot be made"
  trap 'rm -rf "$input" "$runs/$1"' EXIT
  # Room for the last words is taken now.
  printf '%s\n' "$job_workspace" >"$runs/$1/workspace" && : >"$runs/$1/stdout" && : >"$runs/$1/stderr" &&
    printf '%64s\n' '' >"$runs/$1/exit.new" || die io "could not write the run"
  exec 8>&-
  AGENT_FLEET_INPUT=$input
  if [ -n "${serving:-}" ]; then
    # This shell is what was verified once, and its channel takes nobody along: no other needs to start.
    (do_supervise "$1") </dev/null >/dev/null 2>>"$runs/$1/words" 4>&- &
  else
    export AGENT_FLEET_INPUT
    setsid /bin/sh "$script" "$root" "$digest" supervise "$1" </dev/null >/dev/null 2>>"$runs/$1/words" 4>&- &
  fi
  trap - EXIT
  printf 'started yes\n'
}

# claim_start RUN: true when it is ours to start. Waits while another request for it has neither begun it nor given up.
claim_start() {
  tries=0
  until flock -n 9; do
    [ ! -f "$runs/$1/supervisor" ] && [ "$tries" -lt 200 ] || return 1
    tries=$((tries + 1))
    sleep 0.05
  done
  [ ! -d "$runs/$1" ]
}

# The run's own process, under no marker: outlives the connection and the orchestrator.
do_supervise() {
  run=$runs/$1
  IFS=' ' read -r pid _ </proc/self/stat # a subshell's $$ is that of the shell above
  started_at "$pid" && write_whole "$run/supervisor" "$pid $started $boot"
  job_workspace=
  first_line "$run/workspace" && space "$value"
  exec 3<"$AGENT_FLEET_INPUT"
  rm -f "$AGENT_FLEET_INPUT"
  launch "$1" # never returns on its own
}

# Read the job, start the agent, wait for it, end what it left, and say how it went.
launch() {
  id=$1 timeout=3600 grace=10 log_limit=1000000000 name='' value=''
  set -- "HOME=$home" "TMPDIR=$tmp"
  while IFS= read -r line <&3 && [ -n "$line" ]; do
    name=${line%% *}
    decode "${line#* }"
    case $name in
      timeout_secs) timeout=$value ;;
      grace_secs) grace=$value ;;
      max_log_bytes) log_limit=$value ;;
      inherit)
        is_name "$value" || finish 127 - request
        eval "[ -z \"\${$value+set}\" ]" || eval "set -- \"\$@\" \"\$value=\$$value\""
        ;;
      env)
        is_name "${value%%=*}" && [ "$value" != "${value%%=*}" ] || finish 127 - request
        set -- "$@" "$value"
        ;;
      env_file)
        is_name "${value%%=*}" || finish 127 - request
        secret=$(cat -- "${value#*=}") || finish 127 - no_env_file
        set -- "$@" "${value%%=*}=$secret"
        ;;
      copy) bring "$value" || finish 127 - request ;;
      file) place "$value" ;;
      arg) set -- "$@" "AGENT_FLEET_RUN=$id" && break ;;
      *) finish 127 - request ;;
    esac
  done
  # `arg` is the last kind of line: the words of the command. `env` would take a word with = for a variable.
  case $name$value in arg*=*) finish 127 - request ;; arg?*) set -- "$@" "$value" ;; *) finish 127 - request ;; esac
  is_number "$timeout" && is_number "$grace" && is_number "$log_limit" || finish 127 - request
  while IFS= read -r line <&3 && [ -n "$line" ]; do
    decode "${line#arg }"
    set -- "$@" "$value"
  done
  cat <&3 >"$run/prompt" || finish 127 - io
  exec 3<&-
  mkdir "$run/files" && mkfifo "$run/in" || finish 127 - io
  [ ! -e "$run/killed_by" ] || finish 0 - ''
  cat "$run/prompt" >"$run/in" 2>/dev/null 9>&- & # through a pipe: some CLIs read no prompt from a file
  feeder=$!
  watch "$id" "$timeout" "$grace" "$log_limit" 9>&- &
  watcher=$!
  # A shell names the signal that ended a command it waited for; an exit code of the same number it does not.
  {
    (
      IFS=' ' read -r pid _ </proc/self/stat
      started_at "$pid"
      write_whole "$run/agent" "$pid $started"
      cd "$tree" || exit 127
      exec setsid env -i "$@" <"$run/in" >>"$run/stdout" 2>>"$run/stderr" 9>&-
    )
    code=$?
  } 2>>"$run/reaped"
  died_of=-
  if [ -s "$run/reaped" ] && [ "$code" -gt 128 ]; then died_of=$((code - 128)) code=-; fi
  session=
  first_line "$run/agent" && session=${value%% *}
  end_all "$id" "$session" "$grace"
  kill "$feeder" "$watcher" 2>/dev/null
  wait "$feeder" "$watcher" 2>/dev/null
  finish "$code" "$died_of" ''
}

# is_below PATH: a path that stays below the folder it is put behind.
is_below() {
  case /$1/ in */../* | */./* | *//*) false ;; esac
}

# make_way PATH: the folders above a file in the run's home; a link an agent left there is no folder.
make_way() {
  rest=$1 folder=$home
  while :; do
    case $rest in */*) folder=$folder/${rest%%/*} rest=${rest#*/} ;; *) return 0 ;; esac
    [ ! -L "$folder" ] || rm -f "$folder"
    [ -d "$folder" ] || mkdir "$folder" || return 1
  done
}

# place PATH=CONTENT: a file in the run's home that its agent wants to find.
place() {
  path=${value%%=*}
  is_below "$path" || finish 127 - request
  make_way "$path" && rm -f "$home/$path" && printf '%s' "${value#*=}" >"$home/$path" || finish 127 - io
}

# bring PATH: a log-in of the user's own home, if it is there. One that the agent's CLI has renewed since stays. Out of
# that home no link is followed.
bring() {
  is_below "$1" || return 1
  from=${HOME%/}/$1 to=$home/$1
  [ -f "$from" ] || return 0
  # shellcheck disable=SC3013 # every sh in use has -nt
  if [ -f "$to" ] && [ ! -L "$to" ] && [ ! "$from" -nt "$to" ]; then return 0; fi
  case $(readlink -f -- "$from") in "$(readlink -f -- "$HOME")"/*) ;; *) return 0 ;; esac
  make_way "$1" && rm -f "$to.new" && cp -p -- "$from" "$to.new" && chmod 600 "$to.new" && mv -fT "$to.new" "$to" ||
    finish 127 - io
}

# finish CODE SIGNAL REASON: into room that was taken at the start, because now the disk may be full.
finish() {
  reason=$3
  if first_line "$run/killed_by"; then reason=$value; fi
  # shellcheck disable=SC2086 # a list of numbers
  left=$(IFS=' ' && set -- ${pids:-} && IFS=, && printf %s "$*")
  printf '%s %s %s %s\n' "$1" "$2" "${reason:--}" "${left:--}" 1<>"$run/exit.new"
  sync "$run/exit.new" 2>/dev/null
  mv -f "$run/exit.new" "$run/exit"
  rm -f "$run/in"
  exit 0
}

# claim_ending REASON: the first reason to end a run is the one that counts.
claim_ending() {
  (set -C && printf '%s\n' "$1" >"$run/killed_by") 2>/dev/null
}

# Beside the agent: says that the run is alive, ends it when its time is up or its log has grown too long.
watch() {
  look_at_clock
  deadline=$((now + $2 * 100)) nap=
  trap '[ -z "$nap" ] || kill "$nap" 2>/dev/null; exit 0' TERM
  while :; do
    look_at_clock
    printf '%s\n' "$now" >"$run/alive"
    left=$((deadline - now))
    [ "$left" -gt 0 ] || { over timeout "$1" "$3" && return; }
    # shellcheck disable=SC2046 # two numbers
    set -- "$1" "$2" "$3" "$4" $(stat -c %s "$run/stdout" "$run/stderr")
    [ $(($5 + $6)) -le "$4" ] || { over output "$1" "$3" && return; }
    [ "$left" -lt 300 ] || left=300
    sleep "$((left / 100)).$((left / 10 % 10))1" &
    nap=$!
    wait "$nap"
  done 2>/dev/null # a full disk must not fill it further
}

over() {
  claim_ending "$1"
  session=
  first_line "$run/agent" && session=${value%% *}
  end_all "$2" "$session" "$3"
}

do_status() {
  state_of "$1"
  printf 'state %s\n' "$state"
  [ "$state" = unknown ] || seen_alive
}

# Seconds since the last sign of life, when this boot has seen one.
seen_alive() {
  first_line "$run/alive" && look_at_clock && is_number "$value" && [ "$now" -ge "$value" ] &&
    printf 'silent %s\n' "$(((now - value) / 100))"
  :
}

# tail RUN STREAM OFFSET MAX: the state first; when it says ended, the size said after it is the last one.
do_tail() {
  number_or_die "$3"
  number_or_die "$4"
  state_of "$1"
  [ "$state" != unknown ] || die unknown_run "there is no run $1"
  case $2 in
    stdout | stderr) file=$run/$2 ;;
    words) file=$run/words ;;
    file.?*) file=$run/files/${2#file.} ;;
    *) die request "no such stream: $2" ;;
  esac
  [ -f "$file" ] && [ ! -L "$file" ] || die no_file "$2 is not there"
  printf 'state %s\nsize %s\n\n' "$state" "$(stat -c %s "$file")"
  [ "$4" -eq 0 ] || tail -c "+$(($3 + 1))" "$file" | head -c "$4"
}

# stop RUN REASON GRACE: returns when everything is gone, or says what is left.
do_stop() {
  is_number "$3" && [ "$3" -le 3600 ] || die request "not a grace: $3"
  state_of "$1"
  case $state in
    unknown) printf 'state unknown\nleft -\n' && return ;;
    running) claim_ending "$2" ;;
  esac
  look_at_clock
  until=$((now + ($3 + 15) * 100)) give_up=$until
  while :; do
    session=
    case $state in running | 'lost gone') first_line "$run/agent" && session=${value%% *} ;; esac
    [ "$state" = 'lost boot' ] || end_all "$1" "$session" "$3"
    state_of "$1"
    look_at_clock
    [ "$state" = running ] && [ "$now" -lt "$give_up" ] || break
    sleep 0.05
  done
  carriers "$1" ''
  printf 'state %s\nleft %s\n' "$state" "${pids:--}"
}

# One process for all sizes and none for each run: this is asked again and again.
do_list() {
  for run in "$runs"/*/; do
    [ -d "$run" ] || return 0
    run=${run%/}
    id=${run##*/}
    state_of "$id"
    first_line "$run/workspace"
    printf 'run %s %s %s\n' "$id" "${value:--}" "$state"
  done
  stat -c 'size %n %s' "$runs"/*/stdout "$runs"/*/stderr 2>/dev/null
  :
}

do_remove() {
  state_of "$1"
  [ "$state" != unknown ] || { printf 'removed no\n' && return; }
  [ "$state" != running ] || die busy "$1 is still running"
  mv "$run" "$runs/.gone-$1-$$" && rm -rf "$runs/.gone-$1-$$" "$run.lock" || die io "could not remove $1"
  printf 'removed yes\n'
}

do_ping() {
  printf 'pong %s\n' "$boot"
}
