
# --- Instruction files from a trusted commit, as bot/execution/instructions.py says ---------------------------

# with_specs WORDS…: git with the pathspecs of instruction files behind WORDS.
with_specs() {
  set -- "$@" --
  while IFS= read -r spec; do
    [ -z "$spec" ] || set -- "$@" "$spec"
  done <"$dir/instructions"
  g -c core.quotePath=false "$@"
}

# differences BASE FILE: instruction files that start and base do not have alike, as `diff-tree` says it.
differences() {
  with_specs diff-tree -r --no-renames refs/fleet/start "$1" >"$2.all" || die git "could not compare with $1"
  while IFS= read -r line; do
    path=${line#*"$tab"}
    case $line in :000000*) has_room "$path" || continue ;; esac
    printf '%s\n' "$line"
  done <"$2.all" >"$2" && rm -f "$2.all" || die io "could not write $2"
}

# Is there no file in the start where a folder of this path would be? A name git has to quote is not judged.
has_room() {
  case $1 in '"'*) return 1 ;; esac
  rest=$1 above=
  while :; do
    case $rest in */*) above=${above:+$above/}${rest%%/*} rest=${rest#*/} ;; *) return 0 ;; esac
    kind=$(g cat-file -t "refs/fleet/start:$above" 2>/dev/null) || return 0
    [ "$kind" = tree ] || return 1
  done
}

# entries SIDE FILE: for `update-index --index-info`; first what goes: a file may come where a folder was.
entries() {
  for pass in 1 2; do
    while IFS= read -r line; do
      path=${line#*"$tab"}
      # shellcheck disable=SC2086 # :mode mode sha sha letter
      set -- "$1" "$2" ${line%%"$tab"*}
      [ "$1" = start ] && mode=${3#:} sha=$5 || mode=$4 sha=$6
      if [ "$pass" = 1 ]; then
        printf '0 0000000000000000000000000000000000000000\t%s\n' "$path"
      elif [ "$mode" != 000000 ]; then
        printf '%s %s\t%s\n' "$mode" "$sha" "$path"
      fi
    done <"$2"
  done
}

# with_index FILE WORDS…: git with another index than its own.
with_index() {
  (
    GIT_INDEX_FILE=$1
    export GIT_INDEX_FILE
    shift
    g "$@"
  )
}

# enter SIDE FILE INDEX
enter() {
  entries "$1" "$2" | with_index "$3" update-index --replace --index-info ||
    die git "could not exchange instruction files"
}

# Sets $exchanged: the start, or its tree with the instruction files of the base.
note_instructions() {
  exchanged=refs/fleet/start restored=$dir/restored
  rm -f "$restored" "$dir/instructions"
  [ -n "$job_restore_from" ] || { g update-ref -d refs/fleet/base && return; }
  g update-ref refs/fleet/base "$job_restore_from" && printf '%s\n' "$job_instructions" >"$dir/instructions" ||
    die io "could not note the instruction files"
  differences refs/fleet/base "$restored"
  passing=$git/index.exchanged
  rm -f "$passing"
  with_index "$passing" read-tree refs/fleet/start && enter base "$restored" "$passing" &&
    exchanged=$(with_index "$passing" write-tree) || die git "could not exchange instruction files"
  rm -f "$passing"
}

# Ignored ones too: an earlier agent may have left them.
clean_instructions() {
  [ -z "$job_restore_from" ] || with_specs clean -ffdxq || die git "could not clear instruction files"
}

# A line of an exclude file that means this path and no other.
literal() {
  rest=$1 line=/
  while [ -n "$rest" ]; do
    after=${rest#?}
    letter=${rest%"$after"} rest=$after
    case $letter in [][*?\\\ ]) letter=\\$letter ;; esac
    line=$line$letter
  done
  printf '%s\n' "$line"
}

# The agent's own git sees no difference: the start's versions are looked away from, others excluded.
hide_instructions() {
  [ -s "$restored" ] || return 0
  enter start "$restored" "$scratch/index"
  mkdir -p "$scratch/info" && while IFS= read -r line; do
    path=${line#*"$tab"}
    case $line in
      :000000*) literal "$path" >&3 ;;
      *) printf '%s\n' "$path" ;;
    esac
  done <"$restored" 3>"$scratch/info/exclude" >"$restored.there" || die io "could not hide instruction files"
  with_index "$scratch/index" update-index --skip-worktree --stdin <"$restored.there" ||
    die git "could not hide instruction files"
}

# In the index: the start's versions again, where the tree has the base's still.
put_back_instructions() {
  g rev-parse --verify --quiet refs/fleet/base >/dev/null || return 0
  restored=$dir/restored
  differences refs/fleet/base "$restored"
  [ -s "$restored" ] || return 0
  work=$(g write-tree) &&
    with_specs diff-tree -r --no-renames --name-only "$work" refs/fleet/base >"$restored.by_agent" ||
    die git "could not compare instruction files"
  while IFS= read -r line; do
    grep -qxF -e "${line#*"$tab"}" "$restored.by_agent" || printf '%s\n' "$line"
  done <"$restored" >"$restored.back"
  enter start "$restored.back" "$git/index"
}
