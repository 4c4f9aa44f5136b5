#!/bin/sh
# Checks that the programs which the tests start are on this machine, and is silent when they are.
# As root on Debian it installs what is missing; anywhere else it names what is missing, and exits 1.
# `system_packages.sh demo` asks only for what the demonstration needs: Python.
set -eu
needs=${1:-test}

# Fills `commands` and `packages` with what is missing.
look() {
    commands='' packages=''
    if [ "$needs" = test ]; then
        command -v node >/dev/null || lack node nodejs
        command -v npm >/dev/null || lack npm npm
        # Debian keeps nginx in /usr/sbin, which is not on every user's PATH.
        (PATH="$PATH:/usr/sbin" && command -v nginx >/dev/null) || lack nginx nginx-light
    fi
    # The distribution's interpreter, not the first on PATH: the static build needs one of the same version. Debian
    # ships ensurepip apart from it, and `-m venv` fails without. Looking for it is much faster than importing it.
    /usr/bin/python3 -I -S -c '
from importlib.machinery import PathFinder
raise SystemExit(not all(map(PathFinder.find_spec, ("venv", "ensurepip"))))
' 2>/dev/null || lack "'/usr/bin/python3 -m venv'" python3-venv
}

lack() { # lack COMMAND PACKAGE
    commands="$commands $1"
    packages="$packages $2"
}

look
[ -n "$commands" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Commands are missing here:$commands" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "Packages are missing: sudo apt-get install -y --no-install-recommends$packages" >&2
    exit 1
fi

wanted=$packages
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one word each
apt-get install -y -qq --no-install-recommends $wanted >/dev/null

# Debian starts a freshly installed nginx, now and at every boot, and the tests start their own. One that was here
# before is somebody's, and is left alone.
case $wanted in
*nginx*)
    service nginx stop >/dev/null 2>&1 || : # it may not have been started: containers forbid it
    update-rc.d nginx disable >/dev/null
    ;;
esac

look
if [ -n "$commands" ]; then
    echo "Still missing after apt-get install$wanted:$commands" >&2
    exit 1
fi
