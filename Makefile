# The front door. `make help` lists what can be done.
#
# Needed: the Swift 6.3 toolchain, and for demo and tests root on a Debian-like system (missing
# packages are installed by `make deps`).

# Only what is written here is made. By its own rules make would link a file that is installed anew
# from an object of its name that lies beside it and is newer.
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

PREFIX ?= /usr/local
override PREFIX := $(patsubst %/,%,$(PREFIX))
DESTDIR ?=
# Where systemd looks for units; below another prefix it would not find ours.
UNITS ?= $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX),/usr/local)/lib/systemd/system
BASH_COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
DOCUMENTS ?= $(PREFIX)/share/doc/swabeld
ZSH_COMPLETIONS ?= $(PREFIX)/share/zsh/site-functions
PYTHON ?= /usr/bin/python3
SWIFT ?= swift
BUILD := .build
SOURCES = $(shell find Package.swift Sources -type f 2>/dev/null)
PACKAGES := babeld binutils bird2 busybox curl graphviz iproute2 iputils-ping musl-dev nftables \
	nix-bin procps prometheus python3 python3-jsonschema python3-pytest qemu-user-static shellcheck \
	socat systemd tcpdump tmux util-linux valgrind wget wireguard-go wireguard-tools zsh
ifeq ($(SWABELD_LONG),1)
PACKAGES += chromium
endif

export PYTHON

.PHONY: all mesh embedded static size dist deb help deps demo tour comparison bench costs test \
	test-all interop vm-test vm-deps package-test unit simulation tidy install install-mesh uninstall format \
	lint clean

all: $(BUILD)/release/swabeld

$(BUILD)/release/swabeld: $(SOURCES)
	$(SWIFT) build -c release --product swabeld --static-swift-stdlib
	@touch -c $@

mesh: $(BUILD)/release/swabelmesh

$(BUILD)/release/swabelmesh: $(SOURCES)
	$(SWIFT) build -c release --product swabelmesh --static-swift-stdlib
	@touch -c $@

# Compiled as Embedded Swift, for each processor and C library. Those with musl are static files
# that need nothing else where they run.
EMBEDDED := .build-embedded
$(EMBEDDED)/%/swabeld: $(SOURCES) packaging/build-embedded packaging/idle-functions
	@packaging/build-embedded $*

embedded: $(EMBEDDED)/x86_64-musl/swabeld $(EMBEDDED)/x86_64-glibc/swabeld

CPUS ?= x86_64 aarch64 armv7
static: $(foreach cpu,$(CPUS),$(EMBEDDED)/$(cpu)-musl/swabeld)

# What is handed out, in $(DIST): the static files, tarballs and checksums, signed with KEY if it is
# given; and Debian's packages.
export DIST ?= .build-dist
export KEY ?=
dist: static
	@packaging/pack tarballs $(CPUS)

deb: static
	@$(MAKE) --no-print-directory deps PACKAGES="debhelper dpkg-dev"
	@packaging/pack packages $(CPUS)

# What the static file consists of, and whether each part is below its ceiling.
size: $(EMBEDDED)/x86_64-musl/swabeld
	@$(PYTHON) Tests/size.py

help:
	@echo "make             build the daemon: $(BUILD)/release/swabeld"
	@echo "make mesh        build swabelmesh, which writes configurations: $(BUILD)/release/swabelmesh"
	@echo "make embedded    small builds for this processor: $(EMBEDDED)/x86_64-{musl,glibc}/swabeld"
	@echo "make static      one static file each for x86_64, aarch64 and armv7: $(EMBEDDED)/*-musl/"
	@echo "make dist        static files, tarballs and checksums in $(DIST), signed with KEY=…; make deb:"
	@echo "                 Debian's packages; both only for some processors with CPUS=…"
	@echo "make size        octets of each folder in the static file, and their ceilings"
	@echo "make demo        four routers joined by WireGuard on this machine; needs root"
	@echo "make tour        faults of a network, made on this machine, named and cured; needs root"
	@echo "make test        everything that guards a change, at most 35 minutes; needs root"
	@echo "make test-all    the same and the long forms, at most 100 minutes; needs root"
	@echo "make interop     only the tests against babeld and BIRD, with SWABELD=FILE; needs root"
	@echo "make vm-test     static file and unit in emulated machines; with SWABELD_LONG=1 on ARM"
	@echo "make package-test  what is handed out, on fresh systems of Debian's; needs root; with"
	@echo "                 SWABELD_LONG=1 also the packages for ARM, emulated"
	@echo "make unit        only the unit tests"
	@echo "make simulation  only the simulated networks, in a release build"
	@echo "make tidy        only the rules for our sources"
	@echo "make install     PREFIX=$(PREFIX) UNITS=$(UNITS) DESTDIR=$(DESTDIR) BINARY=$(BINARY)"
	@echo "make install-mesh  install swabelmesh, likewise, or MESH_BINARY=$(MESH_BINARY)"
	@echo "make uninstall   remove what it installed; with the same PREFIX, UNITS and DESTDIR"
	@echo "make comparison  write docs/comparison.md: the tour with babeld and BIRD; needs root"
	@echo "make bench       measure swabeld beside babeld and BIRD; N=, RUNS=, ROWS=, DAEMONS=, WRITE=1; needs root"
	@echo "make costs       instructions and allocations of single steps and of a route; at most 5 minutes"
	@echo "make deps        install what demo and tests need (apt)"
	@echo "make format      format the sources; make lint: only check"
	@echo "make clean       remove what was built"

# Installs only what is missing, and asks the network only then.
deps:
	@missing=; for p in $(PACKAGES); do \
	  [ "$$(dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null)" = installed ] || \
	  missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  if [ "$$(id -u)" != 0 ]; then echo "make deps: needs root" >&2; exit 1; fi; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get install -y -qq --no-install-recommends $$missing >/dev/null 2>&1 || \
	  { apt-get update -qq && \
	    apt-get install -y -qq --no-install-recommends $$missing >/dev/null; }; \
	fi

demo: all mesh deps
	@$(PYTHON) demo/ring.py

tour: all deps
	@$(PYTHON) Tests/Interop/tour.py

comparison: all deps
	@$(PYTHON) Tests/Interop/tour.py --write-comparison

# What can be set is told by ROWS=help. The static file for boards takes part, unless STATIC names
# another one.
bench: all deps $(if $(STATIC),,$(EMBEDDED)/x86_64-musl/swabeld)
	@$(MAKE) --no-print-directory deps PACKAGES=gnuplot-nox
	@$(PYTHON) Tests/Benchmarks/bench.py

# Single steps first, then what a route takes from its first Update to its end.
costs:
	@$(MAKE) --no-print-directory deps PACKAGES="binutils valgrind"
	@steps=0; Tests/step-cost.sh || steps=1; Tests/route-cost.sh && exit $$steps

test:
	@Tests/run

test-all:
	@SWABELD_LONG=1 Tests/run

interop: all mesh deps
	@Tests/Interop/run

# Kernels and programs for the guests are unpacked below .build-vm, about 60 MB for each processor.
vm-test: $(EMBEDDED)/x86_64-musl/swabeld $(if $(filter 1,$(SWABELD_LONG)),static) vm-deps
	@$(PYTHON) -m pytest -q -s -p no:cacheprovider Tests/Machine

vm-deps:
	@$(MAKE) --no-print-directory deps PACKAGES="binutils kmod python3 python3-pytest qemu-system-x86 \
	  $(if $(filter 1,$(SWABELD_LONG)),qemu-system-arm)"

# Fresh systems are made below .build-packages, once: about 250 MB each. Whatever ends the run, the
# kernel ends what it started and forgets its namespaces.
PACKAGE_TESTS = $(PYTHON) -m pytest -q -p no:cacheprovider Tests/Packages
package-test: export SWABELD_LAB := $(shell echo $$$$)
package-test: export PYTHONDONTWRITEBYTECODE := 1
package-test: $(EMBEDDED)/x86_64-musl/swabeld $(if $(filter 1,$(SWABELD_LONG)),static)
	@$(MAKE) --no-print-directory deps PACKAGES="binutils debhelper debootstrap dpkg-dev file gpg \
	  gpg-agent iproute2 lintian nix-bin python3 python3-pytest util-linux \
	  $(if $(filter 1,$(SWABELD_LONG)),qemu-user-static)"
	@unshare --mount --pid --fork --kill-child --mount-proc \
	  $(PACKAGE_TESTS) --ignore Tests/Packages/test_emulated.py
ifeq ($(SWABELD_LONG),1)
	@PYTHONPATH=Tests/Interop $(PYTHON) Tests/Packages/foreign.py \
	  $(PYTHON) Tests/Packages/system.py arm64 armhf
	@$(PYTHON) Tests/Packages/foreign.py unshare --net $(PACKAGE_TESTS)/test_emulated.py
endif

unit:
	$(SWIFT) test --skip SimulationTests --skip TidyTests

simulation:
	SWABELD_TESTS=simulation $(SWIFT) test -c release --scratch-path .build-simulation \
	  --filter SimulationTests

tidy:
	$(SWIFT) test --filter TidyTests

# The ordinary build, unless a file is named. It is installed without its symbols, which are half of
# it; they stay in the file that was built.
BINARY ?= $(BUILD)/release/swabeld

without_symbols = for strip in strip llvm-strip \
	    "$$(dirname "$$(readlink -f "$$(command -v $(SWIFT))")")/llvm-objcopy --strip-all"; do \
	  $$strip $(1) 2>/dev/null && exit; \
	done; echo "make install: nothing here can strip it, so it keeps its symbols" >&2

install: $(BINARY)
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(UNITS) $(DESTDIR)$(PREFIX)/share/man/man8 \
	  $(DESTDIR)$(BASH_COMPLETIONS) $(DESTDIR)$(ZSH_COMPLETIONS)
	install -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/sbin/swabeld
	ln -sf swabeld $(DESTDIR)$(PREFIX)/sbin/swabelctl
	@$(call without_symbols,$(DESTDIR)$(PREFIX)/sbin/swabeld)
	sed 's|@SBIN@|$(PREFIX)/sbin|' packaging/swabeld.service \
	  > $(DESTDIR)$(UNITS)/swabeld.service
	chmod 644 $(DESTDIR)$(UNITS)/swabeld.service
	install -m 644 docs/swabeld.8 docs/swabelctl.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -d $(DESTDIR)$(PREFIX)/libexec $(DESTDIR)$(DOCUMENTS)
	install -m 755 packaging/hooks/swabeld-notify $(DESTDIR)$(PREFIX)/libexec
	install -m 644 packaging/hooks/notify.conf.example $(DESTDIR)$(DOCUMENTS)
	install -m 644 packaging/completions/swabelctl.bash $(DESTDIR)$(BASH_COMPLETIONS)/swabelctl
	ln -sf swabelctl $(DESTDIR)$(BASH_COMPLETIONS)/swabeld
	install -m 644 packaging/completions/_swabelctl $(DESTDIR)$(ZSH_COMPLETIONS)/_swabelctl

MESH_BINARY ?= $(BUILD)/release/swabelmesh

install-mesh: $(MESH_BINARY)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man8 \
	  $(DESTDIR)$(BASH_COMPLETIONS) $(DESTDIR)$(ZSH_COMPLETIONS)
	install -m 755 $(MESH_BINARY) $(DESTDIR)$(PREFIX)/bin/swabelmesh
	@$(call without_symbols,$(DESTDIR)$(PREFIX)/bin/swabelmesh)
	install -m 644 docs/swabelmesh.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 packaging/completions/swabelmesh.bash $(DESTDIR)$(BASH_COMPLETIONS)/swabelmesh
	install -m 644 packaging/completions/_swabelmesh $(DESTDIR)$(ZSH_COMPLETIONS)/_swabelmesh

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/swabelmesh $(DESTDIR)$(PREFIX)/share/man/man8/swabelmesh.8
	rm -f $(DESTDIR)$(PREFIX)/sbin/swabeld $(DESTDIR)$(PREFIX)/sbin/swabelctl
	rm -f $(DESTDIR)$(UNITS)/swabeld.service
	rm -f $(DESTDIR)$(PREFIX)/share/man/man8/swabeld.8
	rm -f $(DESTDIR)$(PREFIX)/share/man/man8/swabelctl.8
	rm -f $(DESTDIR)$(BASH_COMPLETIONS)/swabelctl $(DESTDIR)$(BASH_COMPLETIONS)/swabeld
	rm -f $(DESTDIR)$(ZSH_COMPLETIONS)/_swabelctl $(DESTDIR)$(ZSH_COMPLETIONS)/_swabelmesh
	rm -f $(DESTDIR)$(BASH_COMPLETIONS)/swabelmesh
	rm -f $(DESTDIR)$(PREFIX)/libexec/swabeld-notify $(DESTDIR)$(DOCUMENTS)/notify.conf.example

format:
	$(SWIFT) format -i -r Package.swift Sources Tests Fuzz

lint:
	$(SWIFT) format lint -r --strict Package.swift Sources Tests Fuzz

clean:
	rm -rf $(BUILD) .build-*
