# make            build mtastsd and mtastsctl
# make demo       the main job before your eyes (KEEP=1 leaves it running)
# make check      set up, build, run every test
# make help       all targets
#
# CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS are the packager's; ours stay apart.

B      ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g

VERSION := 0.1.0
PKGS    := libevent_openssl libevent_pthreads libevent libcurl openssl \
	   jansson sqlite3 libcares libidn2 libconfuse libsystemd
OUR_CPPFLAGS = -I. -D_GNU_SOURCE -DMTASTSD_VERSION='"$(VERSION)"' \
	   $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
OUR_CFLAGS = -std=c11 -pthread -fno-common -Wall -Wextra -Wconversion \
	   -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef \
	   $(if $(WERROR),-Werror)
OUR_LIBS = -pthread $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lresolv

LAYERS  := base policy store acme httpd check
objects  = $(patsubst %.c,$(B)/%.o,$(foreach d,$(1),$(wildcard $(d)/*.c)))
PROGRAMS := $(B)/mtastsd $(B)/mtastsctl
TESTS   := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
LIB     := $(B)/libmtasts.a
SOURCES := $(wildcard $(addsuffix /*.[ch],$(LAYERS) daemon cli tests/unit))

all: $(PROGRAMS)

$(LIB): $(call objects,$(LAYERS))
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(B)/mtastsd: $(call objects,daemon) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(OUR_LIBS) $(LDLIBS)

$(B)/mtastsctl: $(call objects,cli) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(OUR_LIBS) $(LDLIBS)

# A unit test may name objects of daemon/ and cli/ beside the library's.
$(TESTS): $(B)/%: $(B)/%.o $(LIB) $(B)/libparts.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(OUR_LIBS) $(LDLIBS)

$(B)/libparts.a: $(filter-out %/main.o,$(call objects,daemon cli))
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $<")
	$(Q)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) -MMD -MP \
		-c -o $@ $<

Q := $(if $(V),,@)
-include $(wildcard $(B)/*/*.d $(B)/tests/*/*.d)

.SECONDARY:
.PHONY: all clean
clean:
	rm -rf build build-*
