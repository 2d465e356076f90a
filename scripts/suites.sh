#!/bin/sh
# The suites that live in modules of their own or need more than `go test ./...`.
set -eu
cd "$(dirname "$0")/.."
for dir in release test/compat test/compat/externaldns test/compat/certmanager test/deploy; do
	[ -f "$dir/go.mod" ] || continue
	echo "== $dir"
	(cd "$dir" && go test -count=1 -timeout 20m ./...)
done

echo "== web"
if command -v npm >/dev/null; then
	cd web
	[ -d node_modules ] || npm ci --no-audit --no-fund --loglevel=error
	npm run --silent e2e
else
	echo "no npm: the dashboard is not tested"
fi
