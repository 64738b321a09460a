#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/deps.sh SET...: installs the Debian packages that a make target needs, if any is missing.
# docs/dependencies.md says what each is for.
set -eu

packages_of() {
	case "$1" in
	build) echo gcc musl-tools meson ninja-build python3 linux-libc-dev libc6-dev binutils ;;
	test) echo bash dash busybox-static coreutils findutils grep sed gawk tar gzip xz-utils perl python3 make git sqlite3 \
		golang-go luajit clang gdb strace util-linux procps vim less libclang-rt-14-dev nodejs \
		bubblewrap keyutils man-db groff-base zsh fish gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64 libwine \
		redis-server memcached nginx-light curl openssl iproute2 ;;
	soak) echo trinity stress-ng ;;
	demo) echo libwine procps ;;
	bench) echo busybox-static runc proot bubblewrap sqlite3 nodejs gcc libc6-dev redis-server nginx-light wrk curl ;;
	lint) echo clang clang-tidy clang-format cppcheck ;;
	*) echo "deps.sh: no set called $1" >&2; exit 2 ;;
	esac
}

missing=""
for set in "$@"; do
	for p in $(packages_of "$set"); do
		# A program from elsewhere serves as well as Debian's package.
		case "$p" in nodejs) command -v node >/dev/null 2>&1 && continue ;; esac
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
	done
done
install() {
	if [ "$(id -u)" -ne 0 ]; then
		if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
			SUDO="sudo -n"
		else
			echo "These packages are missing and you are not root; please run: apt-get install$missing" >&2
			exit 1
		fi
	fi
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	${SUDO:-} apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
		{ ${SUDO:-} apt-get update -qq && ${SUDO:-} apt-get install -y -qq --no-install-recommends $missing >/dev/null; }
}

# source PACKAGE FILE SHA256: the source archive that Debian's PACKAGE was made of, from apt's own mirror, for Meson.
source_archive() {
	to=subprojects/packagefiles/$2
	[ -f "$to" ] && return 0
	from=$(apt-get download --print-uris "$1" 2>/dev/null | sed -n "s/^'\(.*\)\/[^/]*'.*/\1/p")
	[ -n "$from" ] && /usr/lib/apt/apt-helper download-file "$from/$2" "$to.$$" "SHA256:$3" >/dev/null 2>&1 && mv "$to.$$" "$to" && return 0
	rm -f "$to.$$"
	echo "$2 cannot be had from Debian: Bailey is built without what needs it" >&2
}

[ -z "$missing" ] || install
cd "$(dirname "$0")/.."
for set in "$@"; do
	case "$set" in
	build) source_archive libbearssl-dev bearssl_0.6+dfsg.1.orig.tar.xz 102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004 ;;
	esac
done
