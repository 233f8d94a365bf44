# leakshim. `make help` lists the targets; CONTRIBUTING.md explains them.
#
# One non-recursive Makefile. A room is a wildcard: adding a .c file to
# preload/, analyzer/, companion/ or a test_*.c to test/unit/ needs no change
# here.

# SAN=address,undefined or SAN=thread instruments the tools and the unit tests,
# in a build directory of its own.
comma := ,
SAN ?=
BUILD ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
# One spelling of each target, or the .d files would name others.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
PREFIX ?= /usr/local
DESTDIR ?=
bindir = $(PREFIX)/bin
libdir = $(PREFIX)/lib
includedir = $(PREFIX)/include
mandir = $(PREFIX)/share/man
docdir = $(PREFIX)/share/doc/leakshim
bashcompdir = $(PREFIX)/share/bash-completion/completions
zshcompdir = $(PREFIX)/share/zsh/site-functions

# make has CC=cc and CXX=g++ of its own; those defaults are what we want.
AR = ar
PROTOC_C ?= protoc-c
CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy
CPPCHECK ?= cppcheck
INSTALL ?= install
TEST_PREFIX ?=

VERSION := $(shell sed -n 's/.*define LKS_VERSION "\(.*\)"/\1/p' preload/lks.h)

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# Parallel by default. An explicit -jN still wins: make reads the command line
# after this line.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif

V ?= 0
ifeq ($(V),0)
Q = @
say = @printf '  %-8s %s\n' $(1) $(2)
else
Q =
say = @:
endif

# --- flags -----------------------------------------------------------------

# The analyzer and the companion link these; -Wl,--as-needed drops what a
# program does not use.
TOOL_LIBS = -ldw -lelf -liberty -lprotobuf-c -lz -ljansson -lm -pthread
# The companion alone: load for soak, HTTP for serve.
COMPANION_LIBS = -lcurl -lmicrohttpd -lunwind-ptrace -lunwind-generic

WARN = -Wall -Wextra -Wshadow -Wundef -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
	-Wwrite-strings -Wvla -Wformat=2 -Wcast-qual -Wimplicit-fallthrough \
	-Wswitch-enum
ifeq ($(DEV),1)
WARN += -Werror
endif

# The shared object is never instrumented: a sanitizer is an interposer of the
# allocator too.
# A double beyond an integer's range is undefined too, but is no part of what
# "undefined" checks.
ifneq ($(SAN),)
SAN_FLAGS = -fsanitize=$(SAN)$(if $(findstring undefined,$(SAN)),$(comma)float-cast-overflow) \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
else
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong
endif

# Sanitized code takes half as long to compile at -O1, and the stacks of its
# reports are whole; fuzzers are to be fast.
OPT ?= $(if $(SAN),$(if $(findstring fuzzer,$(SAN)),-O2,-O1),-O2) -g
# _GNU_SOURCE is empty, so that a file may say `#define _GNU_SOURCE` as well.
BASE = -std=gnu11 -fno-common $(OPT) -D_GNU_SOURCE= -I$(BUILD)/proto \
	-MMD -MP

# Shadow stacks are x86's: one object without the note would switch them off
# for the whole host. Debian's crt files carry no note, hence the linker's flag.
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
CET_CFLAGS = -fcf-protection
CET_LDFLAGS = -Wl,-z,shstk
endif

SHIM_CFLAGS = $(BASE) $(WARN) -fPIC -fvisibility=hidden \
	-ftls-model=initial-exec -fasynchronous-unwind-tables $(CET_CFLAGS) \
	$(CFLAGS)
# The interposed functions must not be taken for the compiler's built-ins (it
# would delete a malloc and free pair, or turn calloc's body into calloc), and
# their callers' registers are read through the frame pointer.
FRONT_CFLAGS = -fno-builtin -fno-omit-frame-pointer
SHIM_LDFLAGS = -shared -static-libgcc -Wl,-soname,libleakshim.so \
	-Wl,-z,defs,-z,relro,-z,now,-z,noexecstack,-z,nodelete $(CET_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=free,--wrap=__assert_fail \
	-Wl,--exclude-libs,ALL -Wl,--as-needed -Wl,--build-id \
	-Wl,--version-script=preload/exports.map
SHIM_LIBS = -l:libprotobuf-c.a -l:libz.a

# LKS_LIBDIR is where `leakshim run` looks last for libleakshim.so.
TOOL_CFLAGS = $(BASE) $(WARN) $(HARDEN) $(SAN_FLAGS) $(CFLAGS) \
	-DLEAKSHIM_VERSION=\"$(VERSION)\" -DLKS_LIBDIR=\"$(libdir)\"
TOOL_LDFLAGS = $(SAN_FLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

# Unit tests compile the preload rooms once more, as plain C with the checks of
# debug builds (lock order, asserts).
UNIT_CFLAGS = $(BASE) $(WARN) $(SAN_FLAGS) -DLKS_DEBUG=1 $(CFLAGS)

# protoc-c's output casts const away.
PROTO_RELAX = -Wno-cast-qual -Wno-undef -Wno-shadow

# --- sources ---------------------------------------------------------------

PROTOS := $(wildcard proto/snapshot.proto proto/profile.proto)
PROTO_GEN := $(PROTOS:proto/%.proto=$(BUILD)/proto/%.pb-c.h)
PROTO_OBJ := $(PROTOS:proto/%.proto=$(BUILD)/proto/%.pb-c.o)

PRELOAD_SRC := $(wildcard preload/*.c)
ANALYZER_SRC := $(wildcard analyzer/*.c)
COMPANION_SRC := $(wildcard companion/*.c)

# shim*.c, boot.c and wrap.c define or resolve interposed symbols: they are
# the rooms a plain program can't link.
FRONT_SRC := $(wildcard preload/shim*.c)
PRELOAD_UNIT_SRC := $(filter-out $(FRONT_SRC) preload/boot.c preload/wrap.c, \
	$(PRELOAD_SRC))

SHIM_OBJ := $(PRELOAD_SRC:%.c=$(BUILD)/pic/%.o) \
	$(BUILD)/pic/proto/snapshot.pb-c.o
ANALYZER_OBJ := $(patsubst %.c,$(BUILD)/%.o, \
	$(filter-out analyzer/main.c,$(ANALYZER_SRC)))
COMPANION_OBJ := $(patsubst %.c,$(BUILD)/%.o, \
	$(filter-out companion/main.c,$(COMPANION_SRC)))
PRELOAD_UNIT_OBJ := $(PRELOAD_UNIT_SRC:%.c=$(BUILD)/unit/%.o)

# The pages of leakdiff --html and of leakshim serve: from `make web`, or what a
# release's archive carries. No rule makes them, so that `make` needs no Node.js;
# without them leakdiff and leakshim do everything else.
WEB_PAGE := $(firstword $(wildcard $(BUILD)/web/page.html build/web/page.html \
	analyzer/web/dist/page.html))
CHARTS_PAGE := $(firstword $(wildcard $(BUILD)/web/charts.html \
	build/web/charts.html companion/web/dist/charts.html))
HTML_PAGE_OBJ := $(BUILD)/analyzer/html_page_text.o
CHARTS_PAGE_OBJ := $(BUILD)/companion/charts_page_text.o

UNIT_SRC := $(wildcard test/unit/test_*.c)
UNIT_HELPER_SRC := $(filter-out $(UNIT_SRC),$(wildcard test/unit/*.c))
UNIT_HELPER_OBJ := $(UNIT_HELPER_SRC:%.c=$(BUILD)/%.o)
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)

SHIM := $(BUILD)/libleakshim.so
LEAKDIFF := $(BUILD)/leakdiff
LEAKSHIM_BIN := $(BUILD)/leakshim
LIBANALYZER := $(BUILD)/libanalyzer.a
LIBCOMPANION := $(BUILD)/libcompanion.a
LIBPRELOAD_UNIT := $(BUILD)/libpreload-unit.a

# --- products --------------------------------------------------------------

.PHONY: all
all: $(SHIM) $(LEAKDIFF) $(LEAKSHIM_BIN)
	@:

$(SHIM): $(SHIM_OBJ) preload/exports.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(SHIM_LDFLAGS) $(LDFLAGS) -o $@ $(SHIM_OBJ) $(SHIM_LIBS)

$(LEAKDIFF): $(BUILD)/analyzer/main.o $(LIBANALYZER)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $^ $(TOOL_LIBS)

$(LEAKSHIM_BIN): $(BUILD)/companion/main.o $(LIBCOMPANION) $(LIBANALYZER)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $^ $(TOOL_LIBS) $(COMPANION_LIBS)

.PHONY: web
web: ## the pages of leakdiff --html and leakshim serve; then `make` embeds them
	$(Q)scripts/build-web $(BUILD)/web

# An archive is made anew, so that an object whose source went is not kept.
define archive
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
endef

$(LIBANALYZER): $(ANALYZER_OBJ) $(HTML_PAGE_OBJ) $(PROTO_OBJ)
	$(archive)
$(LIBCOMPANION): $(COMPANION_OBJ) $(CHARTS_PAGE_OBJ)
	$(archive)
$(LIBPRELOAD_UNIT): $(PRELOAD_UNIT_OBJ)
	$(archive)

# --- compilation -----------------------------------------------------------

$(BUILD)/proto/%.pb-c.c $(BUILD)/proto/%.pb-c.h: proto/%.proto
	$(call say,PROTOC,$<)
	$(Q)mkdir -p $(@D)
	@command -v $(PROTOC_C) >/dev/null || { echo '$(PROTOC_C) is' \
		'missing: run scripts/install-deps build' >&2; exit 1; }
	$(Q)$(PROTOC_C) --proto_path=proto --c_out=$(BUILD)/proto $<

$(BUILD)/pic/proto/%.pb-c.o: $(BUILD)/proto/%.pb-c.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_CFLAGS) $(PROTO_RELAX) -c -o $@ $<

$(BUILD)/proto/%.pb-c.o: $(BUILD)/proto/%.pb-c.c
	$(call say,CC,$@)
	$(Q)$(CC) $(TOOL_CFLAGS) $(PROTO_RELAX) -c -o $@ $<

$(FRONT_SRC:%.c=$(BUILD)/pic/%.o): SHIM_CFLAGS += $(FRONT_CFLAGS)
$(BUILD)/pic/%.o: %.c | $(PROTO_GEN)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_CFLAGS) -c -o $@ $<

$(BUILD)/unit/%.o: %.c | $(PROTO_GEN)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -c -o $@ $<

$(BUILD)/analyzer/%.o: analyzer/%.c | $(PROTO_GEN)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) -c -o $@ $<

$(HTML_PAGE_OBJ): analyzer/html_page_text.S $(WEB_PAGE)
	$(call say,AS,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(if $(WEB_PAGE),-DWEB_PAGE='"$(WEB_PAGE)"') -c -o $@ $<

$(CHARTS_PAGE_OBJ): companion/charts_page_text.S $(CHARTS_PAGE)
	$(call say,AS,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(if $(CHARTS_PAGE),-DWEB_PAGE='"$(CHARTS_PAGE)"') -c -o $@ $<

$(BUILD)/companion/%.o: companion/%.c | $(PROTO_GEN)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) -c -o $@ $<

$(BUILD)/test/unit/%.o: test/unit/%.c | $(PROTO_GEN)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -c -o $@ $<

# --- tests -----------------------------------------------------------------

UNIT_LIBS = $(LIBPRELOAD_UNIT) $(LIBCOMPANION) $(LIBANALYZER)

# Gaps between the segments of a program, which is one of its claims.
$(BUILD)/test/unit/test_modmap: TOOL_LDFLAGS += -Wl,--build-id \
	-Wl,-z,max-page-size=0x200000
$(UNIT_BIN): %: %.o $(UNIT_HELPER_OBJ) $(UNIT_LIBS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $< $(UNIT_HELPER_OBJ) $(UNIT_LIBS) \
		-lcmocka $(TOOL_LIBS) $(COMPANION_LIBS)

# Fuzz targets need clang. Everything they link is built for them in a directory
# of its own, by the recursive make of `fuzz`.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
FUZZ_SRC := $(wildcard test/fuzz/fuzz_*.c)
FUZZ_HELPER_OBJ := $(BUILD)/test/fuzz/input.o $(BUILD)/test/unit/model_check.o
FUZZ_BIN := $(FUZZ_SRC:%.c=$(BUILD)/%)

$(BUILD)/test/fuzz/%.o: test/fuzz/%.c | $(PROTO_GEN)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -c -o $@ $<

$(FUZZ_BIN): %: %.o $(FUZZ_HELPER_OBJ) $(LIBANALYZER)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TOOL_LDFLAGS) -fsanitize=fuzzer -o $@ $< \
		$(FUZZ_HELPER_OBJ) $(LIBANALYZER) $(TOOL_LIBS)

.PHONY: fuzz-targets fuzz check-fuzz
fuzz-targets: $(FUZZ_BIN)
	@:

# Host programs: what runs under the shim. Optimised as a distribution would,
# without frame pointers; -fno-builtin, so that no call to malloc is removed.
# lib_*.c are shared objects beside them. Words for the compiler and the linker
# stand in a comment in a file's first lines (scripts/run-shim-tests).
HOST_CFLAGS = -O2 -g -pthread -fno-builtin -fno-common \
	-Wall -Wextra -MMD -MP
HOST_LDFLAGS = -pthread -L$(BUILD)/test/shim -Wl,-rpath,'$$ORIGIN'
marker = $$(head -n 5 $< | sed -n 's,^/\* $(1): \(.*\) \*/$$,\1,p')

HOST_LIB_SRC := $(wildcard test/shim/lib_*.c test/shim/lib_*.cc)
HOST_SRC := $(filter-out $(HOST_LIB_SRC), \
	$(wildcard test/shim/*.c test/shim/*.cc))
HOST_LIB := $(addprefix $(BUILD)/,$(addsuffix .so,$(basename $(HOST_LIB_SRC))))
HOST_BIN := $(addprefix $(BUILD)/,$(basename $(HOST_SRC)))
DEMO_SERVER := $(BUILD)/test/demo/demo_server
TEST_TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/tools/*.c))
# What `make bench` runs. bench_counts needs valgrind's header: the gate over it
# builds it.
BENCH_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard test/bench/work_*.c \
	test/bench/bench_fill.c test/bench/bench_hold.c \
	test/bench/bench_launch.c test/bench/bench_pairs.c)) \
	$(BUILD)/test/bench/bench_pairs_fp $(BUILD)/test/bench/bench_unwinders
BENCH_OBJ := $(patsubst %.c,$(BUILD)/pic/%.o, \
	$(filter-out preload/boot.c preload/wrap.c $(FRONT_SRC), \
	$(PRELOAD_SRC))) $(BUILD)/pic/proto/snapshot.pb-c.o

define build_host
	$(call say,HOST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(1) $(HOST_CFLAGS) -MF $@.d $(call marker,cflags) -o $@ $< $(2) \
		$(HOST_LDFLAGS) $(call marker,link)
endef

$(BUILD)/test/shim/lib_%.so: test/shim/lib_%.c
	$(call build_host,$(CC) -std=gnu11 -D_GNU_SOURCE=,-shared -fPIC)
$(BUILD)/test/shim/lib_%.so: test/shim/lib_%.cc
	$(call build_host,$(CXX) -std=gnu++17,-shared -fPIC)
$(HOST_BIN): $(HOST_LIB)
$(BUILD)/test/shim/%: test/shim/%.c
	$(call build_host,$(CC) -std=gnu11 -D_GNU_SOURCE=)
$(BUILD)/test/shim/%: test/shim/%.cc
	$(call build_host,$(CXX) -std=gnu++17)
$(BUILD)/test/demo/%: test/demo/%.c
	$(call build_host,$(CC) -std=gnu11 -D_GNU_SOURCE=)
$(BUILD)/test/tools/%: test/tools/%.c
	$(call build_host,$(CC) -std=gnu11 -D_GNU_SOURCE=)
$(BUILD)/test/bench/%: test/bench/%.c
	$(call build_host,$(CC) -std=gnu11 -D_GNU_SOURCE=)
$(BUILD)/test/bench/bench_pairs_fp: test/bench/bench_pairs.c
	$(call build_host,$(CC) -std=gnu11 -D_GNU_SOURCE= \
		-fno-omit-frame-pointer)
# The shim's own objects, as they are in the shared object.
$(BUILD)/test/bench/bench_unwinders: test/bench/bench_unwinders.c $(BENCH_OBJ)
	$(call build_host,$(CC) -std=gnu11 -D_GNU_SOURCE= \
		-fno-omit-frame-pointer,$(BENCH_OBJ) $(SHIM_LIBS))

# The simulator and the detector meet in a pipe only.
SIM_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/sim/*.c))
SIM_TOOLS := $(BUILD)/test/sim/simulate $(BUILD)/test/sim/judge

$(BUILD)/test/sim/%.o: test/sim/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) -c -o $@ $<
$(BUILD)/test/sim/judge: $(BUILD)/test/sim/judge.o $(LIBANALYZER)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $^ $(TOOL_LIBS)
$(BUILD)/test/sim/simulate: $(filter-out %/judge.o,$(SIM_OBJ))
	$(call say,LINK,$@)
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $^ -lm

.PHONY: test-programs demo-programs bench-programs
demo-programs: all $(DEMO_SERVER)
	@:
test-programs: $(UNIT_BIN) $(HOST_BIN) $(HOST_LIB) $(DEMO_SERVER) \
	$(TEST_TOOLS) $(SIM_TOOLS)
bench-programs: $(BENCH_BIN)
	@:

# The runners are told where by the environment.
export BUILD SAN TEST_PREFIX CC CXX CLANG_FORMAT CLANG_TIDY CPPCHECK CASE
export BENCH_ROUNDS BENCH_SIZE BENCH_TOOLS

.PHONY: check check-unit check-sim check-shim check-cli check-e2e check-soak check-safety check-web \
	check-gates \
	check-lint check-san check-tsan

check: ## unit, shim, cli, e2e and web tests and the gates
	$(Q)status=0; for suite in unit sim shim cli e2e web gates; do \
		$(MAKE) --no-print-directory check-$$suite || status=1; \
	done; exit $$status

check-unit: $(UNIT_BIN) ## each room alone
	$(Q)scripts/run-unit-tests $(UNIT_BIN)

check-shim: $(SHIM) $(LEAKDIFF) $(LEAKSHIM_BIN) $(HOST_BIN) $(HOST_LIB) $(TEST_TOOLS) ## host programs under the shim
	$(Q)scripts/run-shim-tests $(CASE)

check-cli: all ## golden directories
	$(Q)scripts/run-cli-tests $(CASE)

check-e2e: all $(HOST_BIN) $(HOST_LIB) $(DEMO_SERVER) $(TEST_TOOLS) $(BENCH_BIN) ## real programs under the shim
	$(Q)scripts/run-e2e-tests $(CASE)

check-soak: all ## twenty real programs for two minutes, judged
	$(Q)SUITE_NAME=soak LANES=1 TEST_TIMEOUT=600 scripts/run-e2e-tests \
		test/soak/*.bats

check-safety: all $(HOST_BIN) $(HOST_LIB) $(TEST_TOOLS) ## the host never notices: the tests of it that take minutes
	$(Q)status=0; \
	SUITE_NAME=safety-shim TEST_TIMEOUT=300 \
		scripts/run-shim-tests --full $(CASE) || status=1; \
	SUITE_NAME=safety LANES=1 TEST_TIMEOUT=600 \
		scripts/run-e2e-tests test/safety/*.bats || status=1; \
	$(MAKE) --no-print-directory BUILD=$(BUILD)/debug \
		CFLAGS='$(CFLAGS) -DLKS_DEBUG=2' safety-debug || status=1; \
	exit $$status

# The same shim as a debug build: conservation is checked at each snapshot of a
# quiet process, and a violation traps.
.PHONY: safety-debug
safety-debug: $(SHIM) $(LEAKDIFF) $(LEAKSHIM_BIN) $(HOST_BIN) $(HOST_LIB) $(TEST_TOOLS)
	$(Q)SUITE_NAME=safety-debug TEST_TIMEOUT=180 scripts/run-shim-tests $(CASE)

# The page first, for leakdiff to embed: only a make that starts later sees it.
# Why there is none is the runner's to tell.
check-web: ## the page of leakdiff --html in a browser
	$(Q)scripts/build-web $(BUILD)/web 2>/dev/null || true
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/run-web-tests $(CASE)

check-gates: all $(LIBPRELOAD_UNIT) ## the promises, and that each gate can fail
	$(Q)scripts/run-gates

check-sim: $(SIM_TOOLS) ## verdicts on simulated processes
	$(Q)scripts/run-sim-tests

check-lint: lint

check-san: ## unit and cli tests under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined \
		BUILD=$(BUILD)/san-address-undefined san-suites

check-tsan: ## unit tests under ThreadSanitizer
	$(Q)$(MAKE) --no-print-directory SAN=thread \
		BUILD=$(BUILD)/san-thread tsan-suites

fuzz: ## the readers of untrusted files against libFuzzer: FUZZ_SECONDS=60 in all
	$(Q)$(MAKE) --no-print-directory CC='$(FUZZ_CC)' \
		SAN=address,undefined,fuzzer-no-link \
		BUILD=$(BUILD)/fuzz fuzz-targets
	$(Q)FUZZ_SECONDS='$(FUZZ_SECONDS)' scripts/run-fuzz \
		$(FUZZ_SRC:%.c=$(BUILD)/fuzz/%)

check-fuzz: ## the same for 10 seconds
	$(Q)$(MAKE) --no-print-directory FUZZ_SECONDS=10 fuzz

.PHONY: san-suites tsan-suites
san-suites: $(UNIT_BIN) all
	$(Q)status=0; \
	SUITE_NAME=san-unit scripts/run-unit-tests $(UNIT_BIN) || status=1; \
	SUITE_NAME=san-cli scripts/run-cli-tests || status=1; \
	exit $$status
# ThreadSanitizer delays signals, its shadow is memory that the ledger sees, it
# wants larger stacks than the helper's, it adds a thread to a child, and filters
# that a test installs hang its own calls: the tests of these rooms measure it
# instead of us.
tsan-suites: $(UNIT_BIN)
	$(Q)SUITE_NAME=tsan-unit scripts/run-unit-tests \
		$(filter-out %/test_ledger %/test_trigger %/test_helper \
		%/test_procfs %/test_monitor %/test_scrape_write \
		%/test_sandbox, \
		$(UNIT_BIN))

# What it does without is told: no benchmark needs all of its dependencies.
.PHONY: bench
bench: all $(BENCH_BIN) ## speed and memory, into doc/BENCHMARKS.md: BENCH=part or program
	$(Q)scripts/install-deps run build test bench || \
		echo 'bench: going on with what is there' >&2
	$(Q)scripts/bench $(if $(BENCH),'$(BENCH)')

.PHONY: test test-full demo
test: ## everything, after installing what it needs; ends with the counts
	$(Q)scripts/test
test-full: ## the same, ThreadSanitizer and soaks of real programs
	$(Q)scripts/test --full
demo: ## a small leaking server, two snapshots, the report
	$(Q)scripts/demo

# --- style -----------------------------------------------------------------

FORMATTED := $(wildcard preload/*.[ch] analyzer/*.[ch] companion/*.[ch] \
	proto/*.h test/unit/*.[ch] test/shim/*.[ch] test/demo/*.[ch] \
	test/tools/*.[ch] test/sim/*.[ch] test/fuzz/*.[ch] test/bench/*.[ch] \
	scripts/soak/plant/*.c)
COMPDB := $(BUILD)/compile_commands.json

.PHONY: lint format format-check compdb
lint: $(COMPDB) $(PROTO_GEN) ## clang-format, clang-tidy and cppcheck
	$(Q)scripts/run-lint $(FORMATTED)
format: ## rewrite the sources as clang-format wants them
	$(Q)$(CLANG_FORMAT) -i $(FORMATTED)
format-check:
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)
compdb: $(COMPDB) ## build/compile_commands.json for editors and clang-tidy

# One line per source: file, then the compiler's arguments.
$(COMPDB): Makefile $(PRELOAD_SRC) $(ANALYZER_SRC) $(COMPANION_SRC) $(UNIT_SRC)
	$(call say,COMPDB,$@)
	$(Q)mkdir -p $(@D)
	$(Q){ printf '[\n'; sep=; \
	entry() { \
		printf "$$sep"; sep=',\n'; \
		printf '{"directory": "%s", "file": "%s", "command": "%s"}' \
			"$(CURDIR)" "$$1" "$$(printf '%s' "$$2 -c $$1" | \
			sed 's/["\\]/\\&/g')"; }; \
	for f in $(PRELOAD_SRC); do entry $$f 'cc $(SHIM_CFLAGS)'; done; \
	for f in $(ANALYZER_SRC) $(COMPANION_SRC); do \
		entry $$f 'cc $(TOOL_CFLAGS)'; done; \
	for f in $(UNIT_SRC) $(UNIT_HELPER_SRC); do \
		entry $$f 'cc $(UNIT_CFLAGS)'; done; \
	printf '\n]\n'; } >$@

# --- installation ----------------------------------------------------------

MAN1 := $(wildcard doc/*.1)
MAN7 := $(wildcard doc/*.7)

.PHONY: install uninstall dist clean help
install: all ## PREFIX=/usr/local DESTDIR=
	$(Q)$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(libdir) \
		$(DESTDIR)$(includedir) \
		$(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man7 \
		$(DESTDIR)$(bashcompdir) $(DESTDIR)$(zshcompdir) \
		$(DESTDIR)$(docdir)
	$(Q)$(INSTALL) -m 755 $(LEAKDIFF) $(LEAKSHIM_BIN) $(DESTDIR)$(bindir)
	$(Q)$(INSTALL) -m 644 $(SHIM) $(DESTDIR)$(libdir)
	$(Q)$(INSTALL) -m 644 preload/leakshim.h $(DESTDIR)$(includedir)
	$(Q)$(INSTALL) -m 644 $(MAN1) $(DESTDIR)$(mandir)/man1
	$(Q)$(INSTALL) -m 644 $(MAN7) $(DESTDIR)$(mandir)/man7
	$(Q)for name in leakdiff leakshim; do \
		$(INSTALL) -m 644 packaging/completion/$$name.bash \
			$(DESTDIR)$(bashcompdir)/$$name && \
		$(INSTALL) -m 644 packaging/completion/_$$name \
			$(DESTDIR)$(zshcompdir) || exit 1; done
	$(Q)$(INSTALL) -m 644 LICENSE NOTICE README.md CHANGELOG.md \
		proto/snapshot.proto doc/leakdiff.schema.json doc/VERDICTS.md \
		$(DESTDIR)$(docdir)
	$(Q)$(refresh_loader)
	@$(say_how_to_preload)

uninstall: ## removes what install put there
	$(Q)rm -f $(DESTDIR)$(bindir)/leakdiff $(DESTDIR)$(bindir)/leakshim \
		$(DESTDIR)$(libdir)/libleakshim.so \
		$(DESTDIR)$(includedir)/leakshim.h \
		$(addprefix $(DESTDIR)$(bashcompdir)/,leakdiff leakshim) \
		$(addprefix $(DESTDIR)$(zshcompdir)/,_leakdiff _leakshim) \
		$(addprefix $(DESTDIR)$(mandir)/man1/,$(notdir $(MAN1))) \
		$(addprefix $(DESTDIR)$(mandir)/man7/,$(notdir $(MAN7)))
	$(Q)rm -rf $(DESTDIR)$(docdir)
	$(Q)$(refresh_loader)

# LD_PRELOAD=libleakshim.so without a directory is found through the loader's
# cache. Into a staging directory there is no cache to refresh.
refresh_loader = if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then \
	PATH=$$PATH:/sbin:/usr/sbin ldconfig; fi

# A name that the loader does not find is only warned about, and the program
# runs untracked: say what it will find.
say_how_to_preload = [ -n "$(DESTDIR)" ] || \
	if PATH=$$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | \
		grep -q '=> $(libdir)/libleakshim.so'; then \
		echo 'Preload it with: LD_PRELOAD=libleakshim.so ./app'; \
	else \
		echo 'Preload it with: LD_PRELOAD=$(libdir)/libleakshim.so' \
			'./app, or $(bindir)/leakshim run -- ./app'; \
	fi

# With the page, so that who builds from the archive needs no Node.js.
dist: web ## build/leakshim-VERSION.tar.gz from the last commit
	$(Q)mkdir -p $(BUILD)
	$(Q)git archive --prefix=leakshim-$(VERSION)/analyzer/web/dist/ \
		--add-file=$(BUILD)/web/page.html \
		--prefix=leakshim-$(VERSION)/companion/web/dist/ \
		--add-file=$(BUILD)/web/charts.html \
		--prefix=leakshim-$(VERSION)/ HEAD | \
		gzip -9n >$(BUILD)/leakshim-$(VERSION).tar.gz
	@echo $(BUILD)/leakshim-$(VERSION).tar.gz

.PHONY: deb
deb: all ## build/leakshim_VERSION_ARCH.deb
	$(Q)packaging/build-deb $(VERSION)

clean: ## removes the build directory
	$(call say,RM,$(BUILD))
	$(Q)rm -rf $(BUILD)

help:
	@echo 'leakshim $(VERSION): make builds $(BUILD)/libleakshim.so,' \
		'leakdiff and leakshim'
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' Makefile | \
		awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo 'Variables: V=1 DEV=1 SAN=address,undefined|thread OPT= CFLAGS='
	@echo '  BUILD= PREFIX= DESTDIR= CASE= (one test) TEST_PREFIX= (gdb --args)'

# What is made on the way is kept.
.SECONDARY:

-include $(patsubst %.o,%.d,$(SHIM_OBJ) $(ANALYZER_OBJ) $(COMPANION_OBJ) \
	$(PRELOAD_UNIT_OBJ) $(UNIT_HELPER_OBJ) $(PROTO_OBJ) \
	$(UNIT_SRC:%.c=$(BUILD)/%.o) $(SIM_OBJ) $(BUILD)/analyzer/main.o \
	$(FUZZ_SRC:%.c=$(BUILD)/%.o) $(FUZZ_HELPER_OBJ) \
	$(BUILD)/companion/main.o) \
	$(addsuffix .d,$(HOST_BIN) $(HOST_LIB) $(DEMO_SERVER) $(TEST_TOOLS) \
	$(BENCH_BIN))
