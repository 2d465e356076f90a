#!/bin/sh
# Stops and disables it where it goes for good; an upgrade (Debian: "upgrade", RPM: 1) leaves it running until the new one is
# there.
set -eu
case "${1:-remove}" in
upgrade | failed-upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now headwater.socket headwater.service
fi
