# SPDX-License-Identifier: MIT
# Thin rules over Meson.  Each installs what it needs on a fresh Debian 12 (tools/deps.sh).
B ?= build
PREFIX ?= /usr/local
BAILEY = $(B)/bailey

.PHONY: all build demo check unit bench bench-scale soak fuzz lint fmt doc install uninstall clean
all: build

build:
	@tools/deps.sh build
	@test -f $(B)/build.ninja || meson setup $(B) >/dev/null
	@ninja -C $(B)
	@ln -sf cli/bailey $(BAILEY)

demo: build
	@tools/deps.sh demo
	@tools/demo.sh $(BAILEY)

check:
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory build
	@tests/check.py --build $(B)

unit: build
	@tests/check.py --build $(B) --groups static,unit,abi,mon

bench:
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory build
	@bench/run.py --bailey $(BAILEY)
	@bench/net.py --bailey $(BAILEY)

# How times grow with the number of things, and with processes at once.
bench-scale:
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory build
	@bench/scale.py --bailey $(BAILEY)

soak:
	@tools/deps.sh build test soak
	@$(MAKE) --no-print-directory build
	@tests/check.py --build $(B) --soak

# libFuzzer on the decoders, SECONDS each.
fuzz:
	@tools/deps.sh build lint
	@$(MAKE) --no-print-directory build
	@tests/fuzz/run.sh $(B) $(or $(SECONDS),60)

lint:
	@tools/deps.sh build lint
	@$(MAKE) --no-print-directory build
	@tools/lint.sh $(B)

fmt:
	@tools/deps.sh lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

doc: build
	@mkdir -p $(B)/reference
	@tools/abigen.py dk docs abi/dk.abi > $(B)/reference/dk.md
	@tools/abigen.py lx docs linux/syscalls.abi > $(B)/reference/linux-syscalls.md
	@echo "reference pages are in $(B)/reference"

# Below PREFIX: bin, lib/bailey, share.  DESTDIR goes before it all.  A tree may be moved as a whole.
install: build
	@meson introspect $(B) --buildoptions | \
		python3 -c 'import json, sys; sys.exit({o["name"]: o["value"] for o in json.load(sys.stdin)}["prefix"] != sys.argv[1])' "$(PREFIX)" || \
		meson configure $(B) -Dprefix="$(PREFIX)"
	@DESTDIR="$(DESTDIR)" meson install -C $(B) --quiet

uninstall:
	@DESTDIR="$(DESTDIR)" ninja -C $(B) uninstall

clean:
	@rm -rf $(B)
