
# --- The way in -----------------------------------------------------------------------------------------------

# main WORK_DIR DIGEST VERB [WORD…]
main() {
  script=$1/.fleet/wrapper-$2.sh
  root=$1 digest=$2 verb=$3
  shift 3
  fleet=$root/.fleet runs=$root/.fleet/runs
  IFS= read -r boot </proc/sys/kernel/random/boot_id
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_NAMESPACE \
    GIT_CONFIG GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT GIT_COMMON_DIR GIT_TEMPLATE_DIR GIT_EXEC_PATH
  if [ "$verb:$#" = serve:0 ]; then do_serve; fi
  for word; do is_word "$word" || verb=refused; done
  if [ "$verb:$#" = supervise:1 ] && [ -f "${AGENT_FLEET_INPUT:-}" ]; then do_supervise "$1"; fi
  one_request "$@"
  exit
}

# serve: one request after another, as long as the channel lasts: a line `VERB [WORD…]`, then what the verb reads (no
# byte more). An empty line ends each answer; the first refusal ends it all. Nothing outlives its request in this shell.
do_serve() {
  set -f
  serving=yes
  while IFS=' ' read -r verb words; do
    # shellcheck disable=SC2086 # words without blanks
    set -- $words
    case $verb in ping | start | status) ;; *) verb=refused ;; esac
    for word; do is_word "$word" || verb=refused; done
    one_request "$@" || exit 1
    echo
  done
  exit 0
}

one_request() {
  printf 'agent-fleet 1\n'
  # What anything says on stderr is kept for the end, and looked at for the cause.
  # (By exec: of redirections of one command the shell keeps copies, and what goes on in the background would too.)
  { words=$(exec 2>&1 >&4 4>&- && answer "$@"); } 4>&1
  code=$?
  [ "$code" -ne 0 ] || return 0
  case $words in
    *'No space left on device'* | *'Disk quota exceeded'*) words="$words
agent-fleet-error no_space" ;;
  esac
  # A shell's own printf only says that it failed.
  free_kib
  case $words in *'I/O error'* | *'error io'*) [ "$free" -ge 64 ] || words="$words
agent-fleet-error no_space" ;; esac
  printf '%s\n' "$words" | tail -c 4000 >&2
  exit 1
}

answer() {
  set +f
  cd / # not in a directory that a login profile chose
  export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
  export GIT_NO_REPLACE_OBJECTS=1 GIT_OPTIONAL_LOCKS=0
  [ "$verb" = hook ] || [ "$verb" = start ] || [ "$verb" = probe ] || export HOME=/dev/null XDG_CONFIG_HOME=/dev/null
  case $verb:$# in
    have:1 | feed:1 | status:1 | remove:1 | start:1 | stop:3 | tail:4 | prepare:2 | collect:2 | \
      remove_workspace:2 | hook:3 | gc:2 | list:0 | probe:0 | ping:0 | values:0) "do_$verb" "$@" ;;
    *) die request "no such request" ;;
  esac
}

# What is asked often does not wait for the rest of this file to be read.
case $3 in serve | ping | start | supervise | status | tail | stop | list | remove) main "$@" ;; esac
