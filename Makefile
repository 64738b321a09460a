# SPDX-License-Identifier: MIT
# Thin rules over Meson.  Each installs what it needs on a fresh Debian 12 (tools/deps.sh).
B ?= build
BAILEY = $(B)/bailey

.PHONY: all build demo check unit bench soak lint fmt doc install clean
all: build

build:
	@tools/deps.sh build
	@test -f $(B)/build.ninja || meson setup $(B) >/dev/null
	@ninja -C $(B)
	@ln -sf cli/bailey $(BAILEY)

demo: build
	@tools/demo.sh $(BAILEY)

check:
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory build
	@tests/check.py --build $(B)

unit: build
	@tests/check.py --build $(B) --groups static,unit,abi

bench:
	@tools/deps.sh build bench
	@$(MAKE) --no-print-directory build
	@bench/run.py --bailey $(BAILEY)

soak:
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory build
	@tests/check.py --build $(B) --soak

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

install: build
	@meson install -C $(B)

clean:
	@rm -rf $(B)
