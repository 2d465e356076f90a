#!/bin/sh
# Installs what the tests need from Debian: the name servers that follow us, PostgreSQL, and a browser. Where it may not
# install, it says what is missing and fails.
set -eu

need() { # need PATH PACKAGE
	[ -e "$1" ] || missing="$missing $2"
}

missing=
need /usr/sbin/named bind9
need /usr/bin/named-checkzone bind9-utils
need /usr/bin/dig bind9-dnsutils
need /usr/bin/dnstap-read bind9-dnsutils
need /usr/bin/fstrm_capture fstrm-bin
need /usr/lib/python3/dist-packages/dns/xfr.py python3-dnspython
need /usr/bin/nsupdate bind9-dnsutils
need /usr/lib/python3/dist-packages/certbot_dns_rfc2136/__init__.py python3-certbot-dns-rfc2136
need /usr/sbin/kea-dhcp-ddns kea-dhcp-ddns-server
need /usr/sbin/dhcpd isc-dhcp-server
need /usr/bin/ldns-verify-zone ldnsutils
need /usr/sbin/nsd nsd
need /usr/sbin/knotd knot
need /usr/bin/kdig knot-dnsutils
need /usr/bin/kzonecheck knot-dnssecutils
need /usr/bin/ldns-read-zone ldnsutils
need /usr/sbin/pdns_server pdns-server
need /usr/lib/x86_64-linux-gnu/pdns/libgsqlite3backend.so pdns-backend-sqlite3
need /usr/bin/openssl openssl
need /usr/bin/sqlite3 sqlite3
need /usr/lib/postgresql/15/bin/postgres postgresql-15
need /usr/sbin/pgbouncer pgbouncer
need /usr/bin/chromium chromium
need /usr/sbin/unbound unbound
need /usr/bin/strace strace
need /usr/bin/systemd-analyze systemd
need /usr/bin/rpm rpm
need /usr/bin/promtool prometheus
need /usr/bin/groff groff-base
need /usr/sbin/debootstrap debootstrap
need /usr/bin/lexicon lexicon
need /usr/lib/python3/dist-packages/ansible_collections/community/general/plugins/modules/cloudflare_dns.py ansible
[ -z "$missing" ] && exit 0

echo "tests need these Debian packages:$missing"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "install them with: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
# The servers are started by the tests on ports of their own, never as system services.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	made=1
fi
apt-get update -qq
# shellcheck disable=SC2086 # the list is words on purpose
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
[ -z "$made" ] || rm -f $policy
