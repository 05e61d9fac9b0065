#!/bin/sh
# Installs the Debian packages that datashard needs, when something is missing.
#
# usage: setup.sh build|python|check|lint
#   build   what a user's build links and runs with
#   python  also what builds the Python package
#   check   also what the tests need (cmocka, Python, sanitizers' clang runtime, ...)
#   lint    also clang-format and clang-tidy
#
# Nothing is installed when everything is there. Without root (or sudo) it says what to
# install and fails. DATASHARD_SETUP=off skips it: for systems that are not Debian.
set -eu
what=${1:-build}
[ "${DATASHARD_SETUP:-on}" != off ] || exit 0

packages="gcc libc6-dev make cmake pkg-config zlib1g-dev libzstd-dev libsnappy-dev
          liblz4-dev libdeflate-dev libbrotli-dev libsqlite3-dev"
python="python3 python3-dev python3-venv python3-pip python3-setuptools python3-wheel"
case $what in
build) ;;
python) packages="$packages $python" ;;
check) packages="$packages $python g++ libcmocka-dev sqlite3 spin strace" ;;
lint) packages="$packages g++ libcmocka-dev python3 python3-dev clang clang-format clang-tidy
                libclang-rt-14-dev" ;;
*)
    echo "usage: setup.sh build|python|check|lint" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: this is not a Debian system; install the equivalents of:" $packages >&2
    exit 0
fi
missing=
for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "setup: not root; please run: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 \
    $missing >/dev/null
