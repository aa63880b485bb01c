
# --- Collecting: the agent's work without trusting what it left; git never runs on its git directory ----------

plain_file() {
  [ -f "$1" ] && [ ! -L "$1" ]
}

# The commit the agent's HEAD names, read as text, in $head; false when it names none.
scratch_head() {
  head=
  plain_file "$scratch/HEAD" && first_line "$scratch/HEAD" || return 1
  head=$value
  is_sha "$head" && return 0
  case $head in *..*) return 1 ;; 'ref: refs/heads/'?*) name=${head#ref: } ;; *) return 1 ;; esac
  if plain_file "$scratch/$name" && first_line "$scratch/$name"; then
    head=$value
  elif plain_file "$scratch/packed-refs"; then
    head=
    while IFS=' ' read -r sha ref; do
      [ "$ref" != "$name" ] || head=$sha
    done <"$scratch/packed-refs"
  fi
  is_sha "$head"
}

# The commit to build on in $from: the agent's own last one, or where it started and, in $note, why.
take_over() {
  from=$start note=none
  scratch_head || { note=no_head && return; }
  [ "$head" != "$start" ] || return 0
  if [ -L "$scratch/objects" ] || [ -e "$scratch/objects/info/alternates" ]; then note=elsewhere && return; fi
  packed=$dir/taken.pack
  GIT_ALTERNATE_OBJECT_DIRECTORIES=$scratch/objects g pack-objects --revs --stdout --quiet >"$packed" <<EOF &&
$head
^$start
EOF
    g index-pack --strict --stdin <"$packed" >/dev/null || { note=unreadable && rm -f "$packed" && return; }
  rm -f "$packed"
  g merge-base --is-ancestor "$start" "$head" || { note=rewritten && return; }
  [ -z "$(g rev-list --min-parents=2 --max-count=1 "$start..$head")" ] || { note=merges && return; }
  from=$head
}

# Put every file that is not ignored into the index, as it is, following no link.
stage() {
  tame "$tree"
  # A repository within the tree would become a submodule nobody can fetch: its files are what counts.
  aside=$dir/nested.$$
  find "$tree" -mindepth 2 -name .git -prune -print >"$dir/nested"
  while IFS= read -r path; do
    g check-ignore -q -- "${path%/.git}" 2>/dev/null && continue
    mkdir -p "$aside" && mv "$path" "$(mktemp -d "$aside/XXXXXX")/git" || die io "could not move $path aside"
  done <"$dir/nested"
  find "$tree" -path "$tree/.git" -prune -o -type f -size "+${1}c" -print >"$dir/large"
  while IFS= read -r path; do
    shown=${path#"$tree"/}
    [ -z "$(g ls-files --others --modified --exclude-standard -- ":(top,literal)$shown")" ] ||
      die file_size "$shown"
  done <"$dir/large"
  g add --all || die git "could not take the files in"
}

tree_of() {
  g rev-parse --verify "$1^{tree}"
}

# A last commit that carries the trailers: on top of the agent's, or in place of its last one. In $sealed.
seal() {
  GIT_AUTHOR_NAME=$job_name GIT_AUTHOR_EMAIL=$job_email GIT_AUTHOR_DATE=
  GIT_COMMITTER_NAME=$job_name GIT_COMMITTER_EMAIL=$job_email
  parent=$from message=$job_message
  if [ "$from" != "$start" ] && [ "$1" = "$(tree_of "$from")" ]; then
    message=$(g log -1 --format=%B "$from")
    GIT_AUTHOR_NAME=$(g log -1 --format=%an "$from")
    GIT_AUTHOR_EMAIL=$(g log -1 --format=%ae "$from")
    GIT_AUTHOR_DATE=$(g log -1 --format=%ad --date=raw "$from")
    parent=$(g rev-parse "$from^")
  fi
  [ -n "$GIT_AUTHOR_DATE" ] || unset GIT_AUTHOR_DATE
  export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
  [ -z "${GIT_AUTHOR_DATE+set}" ] || export GIT_AUTHOR_DATE
  # Trailers come as lines `Name: value`.
  sealed=$1
  set --
  while IFS= read -r line; do
    [ -z "$line" ] || set -- "$@" "--trailer=$line"
  done <<EOF
$job_trailers
EOF
  full=$(printf '%s\n' "$message" | g interpret-trailers --if-exists=replace --no-divider "$@") || die git "trailers"
  sealed=$(printf '%s\n' "$full" | g commit-tree "$sealed" -p "$parent") || die git "could not commit"
}

# collect KEY FENCE: the work since `start` as a bundle. Asked again: the same work again.
do_collect() {
  space "$1"
  request message name email trailers max_file_bytes ignore
  number_or_die "$job_max_file_bytes"
  hold_fence "$2"
  refuse_if_busy
  own_dir "$dir"
  own_dir "$tree"
  first_line "$dir/repository" && the_cache "$value" || die unknown_workspace "$key is not prepared"
  renew_trust
  printf '%s\n' "$job_ignore" >"$git/info/exclude"
  start=$(g rev-parse --verify refs/fleet/start) || die unknown_workspace "$key is not prepared"
  take_over
  g read-tree --reset "$from" || die git "could not read $from"
  stage "$job_max_file_bytes"
  put_back_instructions
  work=$(g write-tree) || die git "could not write the tree"
  if [ "$from" = "$start" ] && [ "$work" = "$(tree_of "$start")" ]; then
    printf 'note %s\nhead none\n' "$note"
    return
  fi
  seal "$work"
  g update-ref refs/heads/result "$sealed" &&
    g bundle create --quiet --version=2 "$dir/result.bundle" refs/heads/result "^$start" || die git "could not bundle"
  printf 'note %s\nhead %s\ncommits %s\nsize %s\n\n' "$note" "$sealed" \
    "$(g rev-list --count "$start..$sealed")" "$(stat -c %s "$dir/result.bundle")"
  cat "$dir/result.bundle"
}
