#!/bin/sh
# Tests that run the program itself, with the program built by the race detector. Its reports fail the run, also of programs that
# a test has killed.
set -eu
cd "$(dirname "$0")/../test"
RACE_REPORTS=$(mktemp -d)
export RACE_REPORTS
status=0
go test -count=1 -timeout 30m ./cluster ./crash ./lifecycle ./copy ./faces ./restore || status=$?
for report in "$RACE_REPORTS"/*; do
	[ -e "$report" ] || continue
	cat "$report"
	status=1
done
rm -rf "$RACE_REPORTS"
exit $status
