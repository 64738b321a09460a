#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh BUILD OUT [NAME...]: the fuzz targets, with clang's libFuzzer, address and undefined-behaviour sanitizers.
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
build=$(cd "$1" && pwd) out=$2
shift 2
mkdir -p "$out"
common="-g -O1 -w -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -iquote $root -iquote $build/gen"
# hosted NAME SOURCES, and free NAME SOURCES: parts of the personality
hosted() {
	name=$1
	shift
	clang $common -D_GNU_SOURCE -o "$out/${name}_fuzz" "$here/${name}_fuzz.c" "$@"
}
free() {
	name=$1
	shift
	clang $common -std=c11 -I"$build/linux" -DRT_HOSTED -ffreestanding -fno-sanitize=alignment -o "$out/${name}_fuzz" "$here/${name}_fuzz.c" "$@"
}
# All of the monitor but what the target has stand-ins for, or includes itself.
monitor=
for f in "$root"/monitor/*.c; do
	case $(basename "$f" .c) in
	main | launcher | confine | sandbox | boot | worker | affinity | state | filter | cgroup | control | report | special | stream | cpuid | baton | net_helper | net_dns | net_dnsmsg | net_hosts | net_start | net_relay | net_relay_flow | net_pcap) ;;
	*) monitor="$monitor $f" ;;
	esac
done
for name in ${*:-monitor spec elf control bpf state pe hive dns net}; do
	case $name in
	monitor) hosted monitor -Dkill=fuzz_kill -Dfallocate=fuzz_fallocate $monitor ;;
	spec) hosted spec ;;
	elf) free elf "$root/linux/exec/image.c" "$root/linux/exec/elf.c" "$root"/rt/*.c ;;
	control) hosted control ;;
	state) hosted state -DBAILEY_VERSION='"0"' ;;
	net) hosted net "$root/monitor/net_addr.c" "$root/monitor/net_uri.c" "$root/monitor/net_dnsmsg.c" ;;
	dns) free dns "$root/linux/net/dns_msg.c" "$root"/rt/*.c ;;
	bpf) free bpf "$root/linux/sec/bpf.c" ;;
	pe) free pe "$root/nt/ldr/pe.c" "$root/nt/ldr/image.c" "$root/nt/ldr/export.c" "$root"/rt/*.c ;;
	hive) free hive "$root/nt/cm/tree.c" "$root/nt/cm/hive_read.c" "$root/nt/cm/hive_write.c" "$root/nt/rtl/upcase.c" ;;
	*) echo "there is no fuzz target $name" >&2; exit 1 ;;
	esac
done
