#!/bin/sh
# Agent Fleet's hand on a host: starts and watches runs, keeps workspaces. One file, sent by the orchestrator and
# named by its digest; needs sh, git, coreutils, util-linux, find and grep. Starting a process costs a millisecond: where
# somebody waits, the shell's own words are used.
#
#   sh wrapper-DIGEST.sh WORK_DIR DIGEST VERB [WORD…]     (words: [A-Za-z0-9._-]{1,64}, no leading dot)
#
# Everything else comes on standard input: lines `name base64` or `name :plain`, an empty line, raw bytes. The answer begins with
# the line `agent-fleet 1` (a login shell may have talked before), then lines `name value`; an empty line may
# follow, and raw bytes. A refusal ends with exit code 1 and the line `agent-fleet-error KIND` on stderr.
#
# The agent runs as this same user: nothing here is a wall against it. What comes back is checked elsewhere.
# shellcheck disable=SC2317,SC2154,SC2015,SC2094 # verbs are called by name, job_* set by request, `A && B || die`
# is meant, a file is written under another name than it is read
set -u
LC_ALL=C
export LC_ALL
umask 077
tab='	'

# die KIND WORDS: refuse, for a reason a program (KIND) and a person can read.
die() {
  kind=$1
  shift
  printf '%s\nagent-fleet-error %s\n' "$*" "$kind" >&2
  exit 1
}

is_word() {
  [ "${#1}" -le 64 ] && case $1 in '' | .* | *[!A-Za-z0-9._-]*) false ;; esac
}

is_number() {
  [ "${#1}" -le 15 ] && case $1 in '' | *[!0-9]*) false ;; esac
}

is_sha() {
  [ "${#1}" -eq 40 ] && case $1 in *[!0-9a-f]*) false ;; esac
}

# A name of an environment variable.
is_name() {
  case $1 in '' | [0-9]* | *[!A-Za-z0-9_]*) false ;; esac
}

number_or_die() {
  is_number "$1" || die request "not a number: $1"
}

# decode WORD: `:plain` or base64; the value in $value, its last line ends kept.
decode() {
  case $1 in :*) value=${1#:} && return ;; esac
  value=$(
    base64 -d <<EOF && echo .
$1
EOF
  ) || die request "not base64"
  value=${value%.}
}

# request NAME…: read the lines of a request into $job_NAME; a name not listed here is refused.
request() {
  for name; do eval "job_$name="; done
  while IFS= read -r line; do
    [ -n "$line" ] || return 0
    name=${line%% *}
    case " $* " in *" $name "*) ;; *) die request "unexpected: $name" ;; esac
    decode "${line#* }"
    eval "job_$name=\$value"
  done
  die incomplete "the request was cut off"
}

# receive BYTES FILE: keep exactly so many bytes of standard input: all there are, or while serving no byte more.
receive() {
  number_or_die "$1"
  if [ -n "${serving:-}" ]; then set -- "$@" iflag=fullblock,count_bytes "count=$1"; fi
  said=$(file=$2 && shift 2 && dd bs=64k of="$file" "$@" 2>&1) || die io "could not write $2: $said"
  # The third line: how many bytes.
  said=${said##*out
}
  [ "${said%%[!0-9]*}" = "$1" ] || {
    rm -f "$2"
    die incomplete "the connection broke while sending"
  }
}

# own_dir PATH: a real directory (no link) that is ours, made if it is missing.
own_dir() {
  [ -d "$1" ] || mkdir -p "$1" || die unsafe "$1 cannot be made"
  # shellcheck disable=SC3067 # every sh in use has -O
  [ ! -L "$1" ] && [ -O "$1" ] || die unsafe "$1 is not a directory of our own"
}

free_kib() {
  # shellcheck disable=SC2046 # fields of one line
  set -- $(df -Pk "$root" | tail -n 1)
  free=$4
}

# write_whole FILE WORDS: so that a reader sees all of it or nothing.
write_whole() {
  printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"
}

# The first line of a small file in $value; false when there is none.
first_line() {
  value=
  [ -f "$1" ] && IFS= read -r value <"$1"
}

# Hundredths of a second since boot in $now: no clock that somebody sets, no process to start.
look_at_clock() {
  IFS=' ' read -r now _ </proc/uptime
  now=${now%.*}${now#*.}
  now=${now#0}
}
