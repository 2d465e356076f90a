#!/bin/sh
# A first installation makes the key that secrets are sealed with, and starts nothing: a DNS server is told first which
# addresses and names are its own. An upgrade restarts what ran.
set -eu
umask 077
if [ ! -e /etc/headwater/secret.key ]; then
	install -d -m 0700 /etc/headwater
	head -c 32 /dev/urandom | base64 >/etc/headwater/secret.key.new
	chmod 0400 /etc/headwater/secret.key.new
	mv /etc/headwater/secret.key.new /etc/headwater/secret.key
	echo "Headwater: edit /etc/headwater/headwater.env, keep a copy of /etc/headwater/secret.key, then: systemctl enable --now headwater"
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart headwater.service
fi
