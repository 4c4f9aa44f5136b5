#!/bin/sh
# Checks that this machine has the packages that only the distribution provides, and is silent if it has. Arguments:
#   python   the interpreter with venv: all that the demonstration needs beside the executable
#   freeze   a C compiler, static libraries, and tools that fetch CPython's source
#   linux_arm64   beside freeze: the compiler for that platform, and an emulator that runs what was made
#   verify   tools that inspect a release's files
#   test     programs that the tests run: other servers, and tools that make root file systems
#   update   installs the newest versions of the packages that are linked in
# As root on Debian it installs what is missing; elsewhere it names what is missing, and exits 1.
set -eu
needs=" $* "

# Fills `commands` and `packages` with what is missing.
look() {
    commands='' packages=''
    case $needs in *' test '*)
        need_command curl curl
        need_command node nodejs
        need_command npm npm
        need_command nginx nginx-light
        need_command ip iproute2
        need_command strace strace
        need_command openssl openssl
        need_command debootstrap debootstrap
        need_command containerd containerd
        need_command runc runc
        need_command rpm rpm
        need_command man man-db
        need_command mandoc mandoc
        need_command zsh zsh
        need_command fish fish
        need_command prometheus prometheus # promtool is in it
        need_command chromium chromium
        ldd "$(command -v busybox)" 2>&1 | grep -q 'not a dynamic' || lack "a static busybox" busybox-static
        ;;
    esac
    case $needs in *' verify '*)
        need_command dpkg-deb dpkg
        need_command qemu-aarch64-static qemu-user-static
        ;;
    esac
    case $needs in *' freeze '*)
        need_command gcc gcc
        need_command make make
        need_command dpkg-source dpkg-dev
        need_static c libc6-dev
        need_static ssl libssl-dev
        need_static z zlib1g-dev
        # Debian 12's OpenSSL is the last one that does without it.
        grep -qs '^VERSION_ID="12"' /etc/os-release || need_static zstd libzstd-dev
        # PyInstaller will not start without the shared library, though nothing of it goes into the executable.
        version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo 3)
        ls /usr/lib/*-linux-gnu/"libpython$version.so.1.0" >/dev/null 2>&1 || lack "libpython$version" "libpython$version"
        ;;
    esac
    case $needs in *' linux_arm64 '*)
        need_command aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
        need_command qemu-aarch64-static qemu-user-static
        ;;
    esac
    # The distribution's interpreter, not the first on PATH: the executable's CPython is of the same version. Debian
    # ships ensurepip apart from it, and `-m venv` fails without. Looking for it is much faster than importing it.
    /usr/bin/python3 -I -S -c '
from importlib.machinery import PathFinder
raise SystemExit(not all(map(PathFinder.find_spec, ("venv", "ensurepip"))))
' 2>/dev/null || lack "'/usr/bin/python3 -m venv'" python3-venv
}

need_command() { # need_command COMMAND PACKAGE
    # Debian keeps nginx and ip in /usr/sbin, which is not on every user's PATH.
    (PATH="$PATH:/usr/sbin" && command -v "$1" >/dev/null) || lack "$1" "$2"
}

need_static() { # need_static LIBRARY PACKAGE
    # The compiler prints the whole path of a library that it finds.
    case $(gcc -print-file-name="lib$1.a" 2>/dev/null) in /*) ;; *) lack "lib$1.a" "$2" ;; esac
}

lack() { # lack COMMAND PACKAGE
    commands="$commands $1"
    packages="$packages $2"
}

case $needs in *' update '*)
    [ "$(id -u)" -eq 0 ] || { echo "Only root can update packages: sudo build/system_packages.sh update" >&2; exit 1; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --only-upgrade \
        gcc '^libgcc-[0-9]+-dev$' libc6-dev libssl-dev libzstd-dev zlib1g-dev >/dev/null
    ;;
esac

look
[ -n "$commands" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing here:$commands" >&2
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

# Debian starts a newly installed nginx or containerd, now and at every boot, but the tests start their own. One that was
# installed before keeps running.
case $wanted in
*nginx*)
    service nginx stop >/dev/null 2>&1 || : # it may not be running: containers forbid it
    update-rc.d nginx disable >/dev/null
    ;;
esac
case $wanted in
*containerd*)
    systemctl disable --now containerd >/dev/null 2>&1 || : # there may be no systemd
    ;;
esac

look
if [ -n "$commands" ]; then
    echo "Still missing after apt-get install$wanted:$commands" >&2
    exit 1
fi
