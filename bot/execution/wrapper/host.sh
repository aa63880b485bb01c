
# --- The host itself ------------------------------------------------------------------------------------------

# probe: what is here. One to a line: names of agent CLIs, files of the user's home, variables, files with keys, and
# commands of the operator's own, which may not know --version and are not run.
do_probe() {
  request commands files variables key_files own
  free_kib
  missing=
  for name in git base64 dd setsid flock timeout stat find grep head tail sha256sum sync mkfifo df env; do
    command -v "$name" >/dev/null || missing="$missing $name"
  done
  printf 'free_kib %s\nmissing %s\nuname %s\ntime %s\nuser %s\n' \
    "$free" "${missing:--}" "$(uname -srm)" "$(date +%s)" "$(id -un)"
  printf 'git %s\ncpus %s\npath %s\n' "$(git --version)" "$(nproc)" "$PATH"
  while IFS= read -r name; do
    [ -z "$name" ] || probe_cli "$name" 8>&- &
  done <<EOF
$job_commands
EOF
  wait
  while IFS= read -r name; do
    [ -z "$name" ] || printf 'own %s %s\n' "$(command -v "$name" >/dev/null && echo ok || echo -)" "$name"
  done <<EOF
$job_own
EOF
  probe_logins
}

probe_logins() {
  while IFS= read -r name; do
    [ -n "$name" ] && [ -s "$HOME/$name" ] && printf 'there %s\n' "$name"
  done <<EOF
$job_files
EOF
  while IFS= read -r name; do
    is_name "$name" && eval "[ -n \"\${$name:-}\" ]" && printf 'set %s\n' "$name"
  done <<EOF
$job_variables
EOF
  while IFS= read -r name; do
    [ -z "$name" ] || printf 'key_file %s %s\n' "$(key_file "$name")" "$name"
  done <<EOF
$job_key_files
EOF
}

# Who can read a file with a key?
key_file() {
  [ -e "$1" ] || { echo missing && return; }
  [ -f "$1" ] && [ -r "$1" ] || { echo unreadable && return; }
  case $(stat -L -c %A "$1") in
    ???????r*) echo open ;;
    ????r*) [ "$(stat -L -c %g "$1")" = "$(id -g)" ] && echo ok || echo open ;;
    *) echo ok ;;
  esac
}

# One line per CLI: a version as it says it itself, in base64; `-` when there is no such command.
probe_cli() {
  if command -v "$1" >/dev/null; then
    # shellcheck disable=SC2046 # printed as words of one line
    printf 'cli %s %s\n' "$1" "$(timeout -k 2 10 "$1" --version </dev/null 2>&1 | head -c 200 | base64 -w 0)"
  else
    printf 'cli %s -\n' "$1"
  fi
}

# gc MAX_AGE MIN_FREE_KIB: forget what nobody has used for MAX_AGE seconds; below MIN_FREE, the oldest too.
do_gc() {
  number_or_die "$1"
  number_or_die "$2"
  own_dir "$runs"
  today=$(date +%s)
  find "$runs" "$fleet/cache" -maxdepth 1 \( -name '.new-*' -o -name '.gone-*' \) -mmin +1440 \
    -exec rm -rf {} + 2>/dev/null
  for run in "$runs"/*/; do
    [ -d "$run" ] || continue
    id=${run%/}
    id=${id##*/}
    state_of "$id"
    [ "$state" != running ] && [ $((today - $(stat -c %Y "$run"))) -gt "$1" ] || continue
    rm -rf "$run" "$run.lock" && printf 'run %s\n' "$id"
  done
  # Oldest first; the fence's time is that of the last attempt.
  find "$root" -maxdepth 1 -name '*.fence' -type f -printf '%T@ %f\n' | sort -n | while IFS=' ' read -r used name; do
    free_kib
    [ $((today - ${used%.*})) -gt "$1" ] || [ "$free" -lt "$2" ] || continue
    collect_garbage "${name%.fence}"
  done
  drop_idle_caches "$1"
  free_kib
  printf 'free_kib %s\n' "$free"
}

collect_garbage() {
  (
    space "$1"
    [ -d "$dir" ] || exit 1 # its fence alone stays for ever
    exec 8>>"$dir.fence"
    flock -n 8 || exit 1
    refuse_if_busy
    drop_workspace
  ) 2>/dev/null 4>&- && printf 'workspace %s\n' "$1"
}

# A cache no workspace builds on and nobody has fed for so long.
drop_idle_caches() {
  for cache in "$fleet/cache"/*.git; do
    [ -d "$cache" ] && [ $((today - $(stat -c %Y "$cache"))) -gt "$1" ] || continue
    [ -z "$(in_cache for-each-ref --count=1 refs/fleet/use/)" ] || continue
    rm -rf "$cache" && printf 'cache %s\n' "${cache##*/}"
  done
}

# values: of the variables in `names` and the files in `paths`, one to a line: what a log must not show.
do_values() {
  request names paths
  while IFS= read -r name; do
    is_name "$name" || continue
    eval "value=\${$name-}"
    [ -z "$value" ] || printf 'value %s\n' "$(printf %s "$value" | base64 -w 0)"
  done <<EOF
$job_names
EOF
  while IFS= read -r path; do
    [ -z "$path" ] || [ ! -f "$path" ] || printf 'value %s\n' "$(head -c 65536 -- "$path" | base64 -w 0)"
  done <<EOF
$job_paths
EOF
}
