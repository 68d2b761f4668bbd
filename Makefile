# make            build mtastsd, mtastsctl and mtasts-check
# make demo       the main job before your eyes (KEEP=1 leaves it running)
# make check      set up, build, run every test
# make check-asan the same under AddressSanitizer and UBSan, of the stories
#                 those that feed in what strangers send, or walk much code
# make faults     inject every fault there is a word for; a table of what was seen
# make soak       HOURS=1 of fourteen kinds in turn (NAMES=, LIFE= in s, SEED=)
# make sim        years of boxes in every weather; SEED=n replays one seed
# make sim-long   ten times as many
# make sim-mutants can the simulator fail? Deliberate defects, each caught
# make fleet      domain import of LINES=10000 lines, 1 % bad: time and memory
# make held       restarts under 500 fetches/s, not fewer: 0 refused, 0 failed
# make drill      a box is moved under fetches, DOMAINS=10000: what it takes
# make issuance   LIVE=5000 of DOMAINS=100000 get their certificates at once
# make swap       SWAPS=100 certificates are renewed under full load
# make bench-reports a year of TLS reports: DOMAINS=1000 REPORTERS=10 DAYS=365
# make bench      what a fetch costs, beside nginx and Caddy, and at 100,000
#                 domains; among who means no good; swap and issuance; and what
#                 of it was to be seen
#                 (docs/performance.md); bench-quick in under a minute
# make lint       clang-tidy, cppcheck, mandoc: clean, or it fails
# make format     clang-format over the lines changed since the last commit
# make install    into $(DESTDIR)$(PREFIX); uninstall takes it out again
# make deb        the Debian package, source and binary, into build/deb
# make repo       the same as a signed apt repository: KEY=id of yours
# make check-deb  that package in fresh Debian roots: SUITES="bookworm trixie"
# make help       this; and check-unit, check-e2e, check-valgrind, clean
#
# CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS are the packager's; ours stay apart.

B      ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g

bindir     = $(PREFIX)/bin
sbindir    = $(PREFIX)/sbin
mandir     = $(PREFIX)/share/man
exampledir = $(PREFIX)/share/doc/mtastsd/examples
sysconfdir = /etc
# systemd looks below /usr/local as well.
unitdir     = $(PREFIX)/lib/systemd/system
sysusersdir = $(PREFIX)/lib/sysusers.d
tmpfilesdir = $(PREFIX)/lib/tmpfiles.d
bashdir     = $(PREFIX)/share/bash-completion/completions
# Debian's zsh looks for a package's in another folder than for ours.
zshdir      = $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)

VERSION := 0.1.0
PKGS    := libevent_openssl libevent_pthreads libevent libcurl openssl \
	   jansson zlib sqlite3 libcares libidn2 libpsl libconfuse libsystemd
OUR_CPPFLAGS := -I. -D_GNU_SOURCE -DMTASTSD_VERSION='"$(VERSION)"' \
	   $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
OUR_CFLAGS = -std=c11 -pthread -fno-common -Wall -Wextra -Wconversion \
	   -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef \
	   $(if $(WERROR),-Werror)
OUR_LIBS := -pthread $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lresolv -lm

# What strangers ask is parsed by mtastsd; it has no file of pkg-config's.
HTTP_LIBS := -lhttp_parser

# Mail is parsed by mtastsctl and by nothing else.
MIME_PKGS := gmime-3.0
MIME_LIBS := $(shell pkg-config --libs $(MIME_PKGS) 2>/dev/null)
MIME_CPPFLAGS := $(shell pkg-config --cflags $(MIME_PKGS) 2>/dev/null)
$(B)/cli/report_mail.o: OUR_CPPFLAGS += $(MIME_CPPFLAGS)

LAYERS  := base policy store acme httpd check
objects  = $(patsubst %.c,$(B)/%.o,$(foreach d,$(1),$(wildcard $(d)/*.c)))
PROGRAMS := $(B)/mtastsd $(B)/mtastsctl $(B)/mtasts-check
TESTS   := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
LIB     := $(B)/libmtasts.a
BENCH_PARTS := $(patsubst %,$(B)/tests/bench/%.o,client leaf load_options names \
	   reply serving times trust)
SOURCES := $(wildcard $(addsuffix /*.[ch],$(LAYERS) daemon cli \
	   tests/unit tests/sim tests/shim tests/bench))

all: $(PROGRAMS)

$(LIB): $(call objects,$(LAYERS))
	$(Q)rm -f $@ && $(AR) qcs $@ $^

# The whole archive, so that two folders with one name for two things fail.
$(B)/mtastsd: $(call objects,daemon) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--whole-archive $(LIB) -Wl,--no-whole-archive \
		$(HTTP_LIBS) $(OUR_LIBS) $(LDLIBS)

$(B)/mtastsctl: $(filter-out %/check_main.o,$(call objects,cli)) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(MIME_LIBS) $(OUR_LIBS) \
		$(LDLIBS)

# With no more libraries than it uses: it is copied to other machines.
$(B)/mtasts-check: $(patsubst %,$(B)/cli/%.o,check_main check_run check_view \
		 clean say screen) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(OUR_LIBS) \
		$(LDLIBS)

# A unit test may name objects of daemon/, cli/, tests/sim/ and BENCH_PARTS
# beside these.
$(TESTS): $(B)/%: $(B)/%.o $(B)/libparts.a $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(OUR_LIBS) \
		-Wl,--as-needed $(HTTP_LIBS) $(MIME_LIBS) $(LDLIBS)

$(B)/libparts.a: $(filter-out %/main.o %/check_main.o %/simulate.o,$(call objects,daemon \
		 cli tests/sim)) $(BENCH_PARTS)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(B)/%.o: %.c | packages
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $<")
	$(Q)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) -MMD -MP \
		-c -o $@ $<

packages:
	@pkg-config --exists $(PKGS) $(MIME_PKGS) && echo '#include <http_parser.h>' | \
		$(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 || { echo \
		"make: packages are missing: run  sudo tests/setup build" >&2; \
		exit 1; }

Q := $(if $(V),,@)
-include $(wildcard $(B)/*/*.d $(B)/tests/*/*.d)

SIMULATE := simulate rig weather judge books bulk_ca bulk_signer sham date dice \
	   disk es256 tiny_ca scratch shortcuts spare
SHORTCUTS := d2i_X509 PEM_read_bio_X509 X509_verify_cert pair_make csr_make
# Half of its time is SQLite's: as part of the program that is faster.
SQLITE_A = $(wildcard $(shell $(CC) -print-file-name=libsqlite3.a))
$(B)/simulate: $(SIMULATE:%=$(B)/tests/sim/%.o) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(SHORTCUTS:%=-Wl,--wrap=%) \
		$(SQLITE_A) $(OUR_LIBS) $(LDLIBS)

# What measures, and the smallest server to compare with (tests/bench/bench.py).
BENCH := $(patsubst %,$(B)/bench/%,load floor bare world)
$(BENCH): $(B)/bench/%: $(B)/tests/bench/%.o $(B)/libparts.a $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(OUR_LIBS) \
		$(LDLIBS)

# What the policy's lint says of a body, beside what senders do with it.
$(B)/rejected-by: $(B)/tests/shim/rejected_by.o $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(OUR_LIBS) \
		$(LDLIBS)

tests: $(TESTS) $(B)/simulate $(BENCH) $(B)/rejected-by

# What follows begins by installing the packages it misses, so it builds in a
# second make, which finds them.

BUILD_ALL = +$(Q)$(MAKE) --no-print-directory -j$(shell nproc)

demo:
	$(Q)tests/setup demo
	$(BUILD_ALL) all
	$(Q)MTASTS_BUILD=$(B) tests/demo/demo $(if $(KEEP),--keep)

check check-unit check-e2e:
	$(Q)tests/setup check
	$(BUILD_ALL) all tests
	$(Q)tests/run --build $(B) $(or $(patsubst check-%,%,\
		$(filter check-%,$@)),$(KINDS))

faults:
	$(Q)tests/setup check
	$(BUILD_ALL) all tests $(B)/instant-ca
	$(Q)tests/run --build $(B) faults

soak:
	$(Q)tests/setup check
	$(BUILD_ALL) all
	$(Q)HOURS='$(HOURS)' NAMES='$(NAMES)' LIFE='$(LIFE)' SEED='$(SEED)' \
		tests/run --build $(B) soak

fleet:
	$(Q)tests/setup check
	$(BUILD_ALL) all
	$(Q)MTASTS_BUILD=$(B) FLEET_LINES=$(or $(LINES),10000) \
		/usr/bin/python3 -m pytest -q -s -p no:cacheprovider \
		tests/e2e/test_fleet.py -k one_percent

# Without --whole it may be a small run.
SEEDS = --whole 1 200

sim sim-long:
	$(Q)tests/setup check
	$(BUILD_ALL) $(B)/simulate
	$(Q)$(B)/simulate --jobs $(shell nproc) \
		$(or $(SEED),$(if $(filter sim-long,$@),--whole 1 2000,$(SEEDS)))

sim-mutants:
	$(Q)tests/setup check
	$(Q)tests/sim/mutants

$(B)/bench-reports: $(patsubst %,$(B)/tests/%.o,bench/reports sim/reports \
		 sim/scratch) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(OUR_LIBS) $(LDLIBS)

$(B)/fleet: $(patsubst %,$(B)/tests/%.o,bench/fleet sim/hosted sim/tiny_ca \
		 sim/scratch) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(OUR_LIBS) $(LDLIBS)

# Of objects of its own: it has many more orders than a test has.
INSTANT := $(patsubst %,tests/%.c,bench/instant_ca sim/sim_ca sim/sim_ca_more \
	   sim/es256 sim/tiny_ca sim/scratch)
$(B)/instant-ca: $(INSTANT) $(wildcard tests/sim/*.h) $(LIB)
	$(Q)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) \
		-DSIM_ORDERS=65536 $(LDFLAGS) -o $@ $(INSTANT) $(LIB) \
		$(OUR_LIBS) $(LDLIBS)

held:
	$(Q)tests/setup check
	$(BUILD_ALL) all $(B)/bench/load
	$(Q)MTASTS_BUILD=$(B) HELD_STRICT=1 /usr/bin/python3 -m pytest -q -s \
		-p no:cacheprovider tests/e2e/test_held.py -k under_load

drill:
	$(Q)tests/setup check
	$(BUILD_ALL) all $(B)/fleet
	$(Q)MTASTS_BUILD=$(B) tests/bench/drill $(or $(DOMAINS),10000)

issuance:
	$(Q)tests/setup check
	$(BUILD_ALL) all $(B)/instant-ca
	$(Q)MTASTS_BUILD=$(B) tests/bench/issuance.py $(or $(DOMAINS),100000) \
		$(or $(LIVE),5000)

swap:
	$(Q)tests/setup check
	$(BUILD_ALL) all $(B)/instant-ca $(BENCH)
	$(Q)MTASTS_BUILD=$(B) tests/bench/swap.py $(or $(SWAPS),100)

bench-reports:
	$(Q)tests/setup build
	$(BUILD_ALL) $(B)/bench-reports
	$(Q)$(B)/bench-reports $(or $(DOMAINS),1000) $(or $(REPORTERS),10) \
		$(or $(DAYS),365)

# Rounds, seconds of each, parts: ARGS='--rounds 9 --part scale'.
bench bench-quick:
	$(Q)tests/setup bench
	$(BUILD_ALL) all $(BENCH) $(B)/instant-ca
	$(Q)MTASTS_BUILD=$(B) tests/bench/bench.py \
		$(if $(filter bench-quick,$@),--quick) $(ARGS)

check-valgrind:
	$(Q)tests/setup valgrind
	$(BUILD_ALL) all
	$(Q)tests/run --build $(B) valgrind

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

check-asan:
	+$(Q)SIM_ORDERS=60 $(MAKE) --no-print-directory check B=build-asan \
		KINDS='unit arrows sim e2e-sanitized' \
		CFLAGS='-O1 -g -fno-omit-frame-pointer $(SANITIZE)' \
		LDFLAGS='$(SANITIZE)'

lint:
	$(Q)tests/setup lint
	+$(Q)$(MAKE) --no-print-directory lint-here

lint-here:
	$(Q)printf '%s\n' $(filter %.c,$(SOURCES)) | xargs -P $$(nproc) -I{} \
		clang-tidy --quiet {} -- $(OUR_CPPFLAGS) $(MIME_CPPFLAGS) \
		-std=c11 2>/dev/null
	$(Q)cppcheck --quiet --error-exitcode=1 -j $$(nproc) --std=c11 -I. \
		--enable=warning,performance,portability --inline-suppr \
		--suppressions-list=.cppcheck $(filter %.c,$(SOURCES))
	$(Q)mandoc -T lint -W warning $(MANUALS)

format:
	$(Q)tests/setup lint
	git clang-format --force --extensions c,h HEAD

MANUALS := $(wildcard docs/*.[1-8])

EXAMPLES := packaging/mtastsd.conf \
	    $(wildcard packaging/grafana/* packaging/prometheus/*)

UNITS := $(wildcard packaging/*.service packaging/*.socket packaging/*.timer)

install: all
	install -D -t $(DESTDIR)$(sbindir) $(B)/mtastsd
	install -D -t $(DESTDIR)$(bindir) $(B)/mtastsctl $(B)/mtasts-check
	for m in $(MANUALS); do install -D -m 644 -t \
		$(DESTDIR)$(mandir)/man$${m##*.} $$m || exit 1; done
	install -D -m 644 -t $(DESTDIR)$(unitdir) $(UNITS)
	sed -i 's,/usr/local/,$(PREFIX)/,' $(UNITS:packaging/%=$(DESTDIR)$(unitdir)/%)
	install -D -m 644 packaging/mtastsd.sysusers \
		$(DESTDIR)$(sysusersdir)/mtastsd.conf
	install -D -m 644 packaging/mtastsd.tmpfiles \
		$(DESTDIR)$(tmpfilesdir)/mtastsd.conf
	install -d $(DESTDIR)$(bashdir) $(DESTDIR)$(zshdir)
	$(B)/mtastsctl completion bash >$(DESTDIR)$(bashdir)/mtastsctl
	$(B)/mtastsctl completion zsh >$(DESTDIR)$(zshdir)/_mtastsctl
	for e in $(EXAMPLES:packaging/%=%); do install -D -m 644 \
		packaging/$$e $(DESTDIR)$(exampledir)/$$e || exit 1; done
	test -e $(DESTDIR)$(sysconfdir)/mtastsd/mtastsd.conf || \
		install -D -m 644 -t $(DESTDIR)$(sysconfdir)/mtastsd \
		packaging/mtastsd.conf

# The configuration stays, and so do the users.
uninstall:
	rm -f $(DESTDIR)$(sbindir)/mtastsd $(DESTDIR)$(bindir)/mtastsctl \
		$(DESTDIR)$(bindir)/mtasts-check \
		$(UNITS:packaging/%=$(DESTDIR)$(unitdir)/%) \
		$(DESTDIR)$(sysusersdir)/mtastsd.conf \
		$(DESTDIR)$(tmpfilesdir)/mtastsd.conf \
		$(DESTDIR)$(bashdir)/mtastsctl $(DESTDIR)$(zshdir)/_mtastsctl
	rm -rf $(DESTDIR)$(exampledir)
	for m in $(notdir $(MANUALS)); do \
		rm -f $(DESTDIR)$(mandir)/man$${m##*.}/$$m; done

# ---- packages ----

deb:
	$(Q)tests/setup deb
	$(Q)packaging/deb $(B)/deb

repo:
	$(Q)tests/setup deb
	$(Q)packaging/repo --look $(KEY)
	$(Q)packaging/deb $(B)/deb
	$(Q)packaging/repo $(B)/deb $(B)/repo $(KEY)

check-deb:
	$(Q)tests/setup check-deb
	$(Q)tests/check-deb $(or $(SUITES),bookworm trixie)

help:
	$(Q)sed -n 's/^# \?//p;/^$$/q' $(firstword $(MAKEFILE_LIST))

clean:
	rm -rf build build-asan

.SECONDARY:
.PHONY: all tests packages demo faults soak held sim sim-long sim-mutants bench bench-quick \
	bench-reports fleet drill issuance swap \
	check check-unit \
	check-e2e check-valgrind check-asan \
	lint lint-here format install uninstall deb repo check-deb help clean
