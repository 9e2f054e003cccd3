#!/usr/bin/env bash
#===----------------------------------------------------------------------===//
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#===----------------------------------------------------------------------===//
# FetchPthreadpool.sh [FOLDER]: puts the source of Google's pthreadpool into FOLDER (.cache/pthreadpool).
#
# Debian's libpthreadpool-dev has only the shared library, and a compiled model may need nothing beside libc; so the
# runtime compiles the files itself. They are those of Debian 13's source package: apt downloads them from the mirror
# that this machine uses and checks them against the archive's signature. Needs no root; what apt keeps lies in a
# temporary folder.
set -euo pipefail
suite=trixie
cd "$(dirname "$0")/.."
target=${1:-.cache/pthreadpool}
if [ -e "$target/src/pthreads.c" ]; then
  exit 0
fi
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=$(awk '/^URIs:/ && !uri {uri = $2}
  $1 == "deb" && !uri {for (i = 2; i <= NF && !uri; i++) if ($i ~ /:\/\//) uri = $i}
  END {print uri}' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || true)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{parts,lists/partial,cache/archives/partial,source}
cat >"$work/parts/source.sources" <<EOF
Types: deb-src
URIs: ${mirror:-http://deb.debian.org/debian}
Suites: $suite
Components: main
Signed-By: $keyring
EOF
apt=(apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts"
  -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work/source" && "${apt[@]}" source --tar-only --download-only pthreadpool)
# cmake unpacks, so that no xz is needed.
mkdir -p "$work/unpacked" "$(dirname "$target")"
(cd "$work/unpacked" && cmake -E tar xf "$work"/source/pthreadpool_*.orig.tar.*)
rm -rf "$target"
mv "$work"/unpacked/pthreadpool-* "$target"
[ -e "$target/src/pthreads.c" ] || { echo "error: no src/pthreads.c in Debian's source of pthreadpool" >&2; exit 1; }
echo "pthreadpool: $(ls "$work/source") in $target"
