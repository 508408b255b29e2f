#!/bin/sh
# Installs Debian packages, as root, without letting them start a service or make a cluster:
# the server runs its own private PostgreSQL and Redis.
#   install-packages.sh PACKAGE...
set -eu
export DEBIAN_FRONTEND=noninteractive

# A new PostgreSQL would otherwise make and start a cluster on port 5432.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
fi

# policy-rc.d (Debian policy 9.3.3.1): exit 101 forbids to start services; ours goes again.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

install() {
    apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold \
        install -y -qq --no-install-recommends "$@" </dev/null
}

log=$(mktemp)
# The package lists of a fresh machine are empty or old: fetch them when the first try fails.
if ! install "$@" >"$log" 2>&1; then
    if ! { apt-get -o DPkg::Lock::Timeout=600 update -qq && install "$@"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        exit 1
    fi
fi
rm -f "$log"
