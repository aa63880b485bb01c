
# --- Workspaces: $root/KEY holds tree, scratch, git, home, tmp, as bot/execution/workspace.py says -----------

# g WORDS…: git that obeys nobody's configuration, starts no program of the repository's and no helper.
g() {
  sober_git --git-dir="$git" --work-tree="$tree" "$@"
}

# The same for the bare cache of a repository.
in_cache() {
  sober_git --git-dir="$cache" "$@"
}

sober_git() {
  git -c core.hooksPath=/dev/null -c core.fsmonitor=false \
    -c core.attributesFile=/dev/null -c core.excludesFile=/dev/null -c core.sshCommand=false \
    -c core.autocrlf=false -c core.protectHFS=true -c core.protectNTFS=true -c core.untrackedCache=false \
    -c commit.gpgSign=false -c diff.renames=false -c fetch.recurseSubmodules=false -c submodule.recurse=false \
    -c gc.auto=0 -c maintenance.auto=false -c protocol.allow=never -c protocol.file.allow="${files:-never}" "$@"
}

# An agent of our own user could have reached the trusted directory: what it may have set must not be obeyed.
renew_trust() {
  rm -rf "$git/commondir" "$git/config.worktree" "$git/shallow" "$git/info" "$git/index.lock" "$git/worktrees"
  printf '[core]\n\trepositoryformatversion = 0\n\tbare = false\n' >"$git/config.new" &&
    mv -f "$git/config.new" "$git/config" && mkdir -p "$git/info" "$git/objects/info" &&
    printf '%s\n' "$cache/objects" >"$git/objects/info/alternates" || die io "could not write $key/git"
}

# Take back the modes an agent took from us; pipes and sockets go: whoever opens one waits for ever.
tame() {
  find "$1" -xdev -type d ! -perm -700 -exec chmod u+rwx {} \;
  find "$1" -xdev \( -type p -o -type s -o -type b -o -type c \) -exec rm -f {} +
  find "$1" -xdev -type f ! -perm -400 -exec chmod u+r {} +
}

# Is a run of this workspace alive? Then only its end frees the place.
refuse_if_busy() {
  for file in "$runs"/*/workspace; do
    first_line "$file" && [ "$value" = "$key" ] || continue
    id=${file%/workspace}
    id=${id##*/}
    state_of "$id"
    [ "$state" != running ] || die busy "$id is still running in $key"
  done
}

the_cache() {
  is_word "$1" || die request "not a repository: $1"
  cache=$fleet/cache/$1.git
}

# have REPOSITORY: commits of which the whole history is here, newest first: what a thin bundle may build on.
do_have() {
  the_cache "$1"
  [ -f "$cache/HEAD" ] || return 0
  in_cache for-each-ref --sort=-committerdate --count=50 --format='head %(objectname)' refs/fleet/source/
}

# feed REPOSITORY: `size`, then a bundle with refs/fleet/source/*.
do_feed() {
  the_cache "$1"
  request size
  own_dir "$fleet/cache"
  bundle=$fleet/cache/.new-$1-$$
  trap 'rm -f "$bundle"' EXIT
  receive "$job_size" "$bundle"
  exec 7>>"$cache.lock"
  flock -w 600 7 || die busy "the cache of $1 is in use"
  [ -f "$cache/HEAD" ] || {
    rm -rf "$cache.new"
    git init -q --bare --template= "$cache.new" && mv "$cache.new" "$cache" || die io "could not make the cache"
  }
  files=always
  in_cache -c fetch.fsckObjects=true fetch --quiet --no-tags --force --no-write-fetch-head "$bundle" \
    '+refs/fleet/source/*:refs/fleet/source/*' || die source "the source did not fit what is here"
  rm -f "$bundle"
  set -- "$cache"/objects/pack/*.pack
  [ $# -lt 50 ] || in_cache repack -a -d -q
  printf 'fed yes\n'
}

# prepare KEY FENCE: lay out a commit the cache holds; what an earlier attempt left is reset, ignored files stay.
# With `keep yes`, what was laid out from the same commit stays as its agent left it. With `restore_from`, agents'
# instruction files (`instructions`: pathspecs) are those of that commit.
do_prepare() {
  space "$1"
  request repository start branch name email ignore keep restore_from instructions
  the_cache "$job_repository"
  is_sha "$job_start" && is_sha "${job_restore_from:-$job_start}" || die request "not a commit: $job_start"
  git check-ref-format "refs/heads/$job_branch" || die request "not a branch: $job_branch"
  own_dir "$runs"
  hold_fence "$2" take
  refuse_if_busy
  for path in "$dir" "$tree" "$home" "$tmp"; do
    own_dir "$path"
    chmod 700 "$path"
  done
  [ -f "$git/HEAD" ] || git init -q --bare --template= "$git" || die io "could not make $key/git"
  renew_trust
  printf '%s\n' "$job_ignore" >"$git/info/exclude"
  for wanted in "$job_start" $job_restore_from; do
    in_cache cat-file -e "$wanted^{commit}" 2>/dev/null || die no_source "$wanted is not on this host"
  done
  in_cache update-ref "refs/fleet/use/$key" "$job_start" && printf '%s\n' "$job_repository" >"$dir/repository" &&
    g update-ref refs/fleet/start "$job_start" || die io "could not note the start"
  laid_out="$job_start ${job_restore_from:+restored}"
  kept=yes
  can_keep || {
    kept=no
    lay_out
  }
  [ -e "$dir/created" ] && created=no || created=yes
  printf 'created %s\nkept %s\n' "$created" "$kept"
}

# Was this commit laid out here to the end, and is it wanted as it is now?
can_keep() {
  [ "$job_keep" = yes ] && first_line "$dir/laid_out" && [ "$value" = "$laid_out" ] &&
    [ -f "$tree/.git" ] && [ ! -L "$scratch" ] && [ -f "$scratch/HEAD" ]
}

lay_out() {
  rm -f "$dir/laid_out"
  tame "$tree"
  note_instructions
  g read-tree --reset -u "$exchanged" && g checkout-index --all --force --quiet && g clean -ffdq ||
    die git "could not lay out $job_start"
  clean_instructions
  renew_scratch
  hide_instructions
  write_whole "$dir/laid_out" "$laid_out" || die io "could not note what was laid out"
}

# The agent's own git directory, anew. Objects are copied, not borrowed: what the agent does to them stays with it.
renew_scratch() {
  rm -rf "$scratch" "$tree/.git"
  git init -q --bare --template= "$scratch" && rm -rf "$scratch/objects" &&
    cp -R --reflink=auto "$cache/objects" "$scratch/objects" && cp "$git/index" "$scratch/index" &&
    chmod -R u+w "$scratch/objects" || die io "could not make the agent's git directory"
  printf '[core]\n\trepositoryformatversion = 0\n\tbare = false\n\thooksPath = /dev/null\n[gc]\n\tauto = 0\n' \
    >"$scratch/config" && printf 'gitdir: %s\n' "$scratch" >"$tree/.git" || die io "could not write the pointer"
  git --git-dir="$scratch" update-ref "refs/heads/$job_branch" "$job_start" &&
    git --git-dir="$scratch" symbolic-ref HEAD "refs/heads/$job_branch" &&
    git --git-dir="$scratch" config user.name "$job_name" &&
    git --git-dir="$scratch" config user.email "$job_email" || die git "could not set up the agent's git directory"
}

# hook KEY FENCE NAME: `script`, `secs`: a command of the host's configuration, in the tree, with a time limit.
do_hook() {
  space "$1"
  request script secs
  number_or_die "$job_secs"
  hold_fence "$2"
  own_dir "$tree"
  marker=hook.$3.$$
  env -i PATH="$PATH" HOME="$home" TMPDIR="$tmp" LANG="${LANG:-C}" AGENT_FLEET_RUN="$marker" \
    FLEET_HOOK="$3" FLEET_TREE="$tree" FLEET_WORKSPACE="$key" \
    timeout -k 5 "$job_secs" /bin/sh -c "cd \"\$FLEET_TREE\" && $job_script" \
    </dev/null >"$dir/hook.log" 2>&1 4>&- 8>&-
  code=$?
  end_all "$marker" '' 2
  [ "$3$code" != after_create0 ] || : >"$dir/created"
  printf 'code %s\n\n' "$code"
  tail -c 4000 "$dir/hook.log"
}

# remove_workspace KEY FENCE: all but the fence; nothing outside whatever links the agent left.
do_remove_workspace() {
  space "$1"
  hold_fence "$2"
  refuse_if_busy
  if [ -e "$dir" ] || [ -L "$dir" ]; then drop_workspace; fi
  printf 'removed yes\n'
}

drop_workspace() {
  own_dir "$dir"
  if first_line "$dir/repository" && is_word "$value"; then
    the_cache "$value"
    [ ! -d "$cache" ] || in_cache update-ref -d "refs/fleet/use/$key"
  fi
  tame "$dir"
  rm -rf "$dir" || die io "could not remove $key"
}
