#!/bin/sh
# Builds the dashboard into web/dist when Node is there and a source is newer than the last build. Without Node the
# program is built without it and says so at its address.
set -eu
cd "$(dirname "$0")/../web"
[ -f package.json ] || exit 0
if ! command -v npm >/dev/null; then
	echo "no npm: the program is built without its dashboard"
	exit 0
fi
if [ -f dist/index.html ] && [ -z "$(find src index.html package.json package-lock.json vite.config.ts ../api/openapi.yaml -newer dist/index.html 2>/dev/null | head -n 1)" ]; then
	exit 0
fi
npm ci --no-audit --no-fund --loglevel=error
npm run --silent build
