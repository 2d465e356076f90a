#!/bin/sh
# The suites that live in modules of their own or need more than `go test ./...`.
set -eu
cd "$(dirname "$0")/.."
for dir in test/compat test/compat/externaldns test/deploy; do
	[ -f "$dir/go.mod" ] || continue
	echo "== $dir"
	(cd "$dir" && go test -timeout 20m ./...)
done
