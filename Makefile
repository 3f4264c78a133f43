# The everyday commands; the build itself is CMake's (CMakePresets.json). `make help` lists them.
# Everything is built under build/. Packages that are missing are installed by tools/setup, which
# says what it installs and asks sudo when it must.

PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
# Tests that run side by side: they share one disk, and most of them wait for it.
TEST_JOBS ?= 3
# WERROR=1 makes warnings errors, as the CI does.
WERROR ?=
# The path of an older hudhud, to compare the benchmark with.
BASE ?=
# STORE=postgres measures the store on PostgreSQL, beside SQLite, and nothing else.
STORE ?=

RELEASE := build/release
CMAKE_FLAGS := -DHUDHUD_WERROR=$(if $(WERROR),ON,OFF)
CTEST := ctest --output-on-failure --parallel $(TEST_JOBS)
# What the system tests take from npm: two of Meta's clients, and nothing the server needs.
NODE_MODULES := $(if $(wildcard tests/system/package.json),tests/system/node_modules/.package-lock.json)

# The sanitizers of gcc 12 want the address space of older kernels; without this they can fail to
# start at all where the kernel spreads it wider.
PLAIN_MEMORY := $(shell setarch -R true 2>/dev/null && echo setarch -R)

.NOTPARALLEL:
.PHONY: build help test test-setup asan tsan check fuzz bench demo install deb clean

build: ## build/release/hudhud (the default)
	@tools/setup build
	@[ -f $(RELEASE)/build.ninja ] || cmake --preset release -DHUDHUD_TESTS=OFF $(CMAKE_FLAGS)
	@cmake --build $(RELEASE) --target hudhud

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

test: test-setup $(NODE_MODULES) ## build and run every test
	@cmake --preset release -DHUDHUD_TESTS=ON $(CMAKE_FLAGS)
	@cmake --build $(RELEASE)
	@$(CTEST) --test-dir $(RELEASE)

asan: test-setup $(NODE_MODULES) ## every test under AddressSanitizer and UBSan
	@cmake --preset asan $(CMAKE_FLAGS)
	@cmake --build build/asan
	@$(PLAIN_MEMORY) $(CTEST) --test-dir build/asan

tsan: test-setup $(NODE_MODULES) ## what runs threads, under ThreadSanitizer
	@cmake --preset tsan $(CMAKE_FLAGS)
	@cmake --build build/tsan
	@$(PLAIN_MEMORY) $(CTEST) --test-dir build/tsan --label-exclude 'fuzz|check|sequential'

check: ## formatting, floors, clang-tidy, cppcheck, shellcheck
	@tools/setup check
	@tools/check

fuzz: ## fuzz every parser of outside bytes, SECONDS=60 each
	@tools/setup fuzz
	@cmake --preset fuzz
	@cmake --build build/fuzz
	@tools/fuzz build/fuzz $(SECONDS)

bench: build ## measure, beside nginx and Node.js; BASE=HUDHUD compares with an older program, STORE=postgres SQLite with PostgreSQL
	@tools/setup bench
	@cmake --preset release -DHUDHUD_TESTS=ON $(CMAKE_FLAGS)
	@cmake --build $(RELEASE) --target hudhud store_bench
	@STORE='$(STORE)' tests/bench/run $(RELEASE) $(BASE)

demo: build ## a server, Meta's simulator and a signed call; ONCE=1 ends by itself
	@tools/setup demo
	@ONCE=$(ONCE) tools/demo $(RELEASE)/hudhud

install: build ## into PREFIX=/usr/local, below DESTDIR
	@DESTDIR='$(DESTDIR)' cmake --install $(RELEASE) --prefix '$(PREFIX)' --strip

deb: ## a Debian package in build/
	@tools/setup package
	@cmake --preset package $(CMAKE_FLAGS)
	@cmake --build build/package --target package

clean: ## remove build/
	rm -rf build

test-setup:
	@tools/setup test
	@tools/node >/dev/null

tests/system/node_modules/.package-lock.json: tests/system/package.json tests/system/package-lock.json
	@echo "Fetching the npm packages that the system tests use."
	@cd tests/system && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@
