#!/bin/sh
# Runs every fuzz target of the tree for the time given, one after another; stops at the first finding.
set -eu
time=${1:-60s}
grep -rlE '^func Fuzz[A-Za-z0-9_]+\(' --include='*_test.go' internal test cmd | sort | while read -r file; do
	dir=$(dirname "$file")
	sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$file" | while read -r name; do
		echo "== $dir $name"
		go test -C "$dir" -run '^$' -fuzz "^$name\$" -fuzztime "$time" .
	done
done
