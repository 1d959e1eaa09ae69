# dashboard_diff: the extension, its listener, and how they are tested and shown.
#
#   make            builds both                 make demo   shows the main job on real data
#   make install    installs both               make test   everything that CI runs
#   make deps       installs what is missing    make bench  measures, and rewrites README's table
#   make faults     the fault tests alone       make format clang-format over the C++ sources

EXTENSION = dashboard_diff
MODULE_big = dashboard_diff
OBJS = $(patsubst %.cpp,%.o,$(wildcard src/core/*.cpp src/extension/*.cpp))
DATA_built = build/dashboard_diff--1.0.sql
REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
# The tests hold text that only UTF8 has.
REGRESS_OPTS = --encoding=UTF8
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --encoding=UTF8 --load-extension=dashboard_diff

PG_CONFIG ?= pg_config

# Set WERROR= to build with a compiler that warns of more.
WERROR ?= -Werror
PROJECT_CXXFLAGS = -std=gnu++20 -Wall -Wextra -Wshadow $(WERROR) -MMD -MP

# The server's headers as system headers: their warnings are not ours.
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS = $(PROJECT_CXXFLAGS) -fvisibility=hidden -fvisibility-inlines-hidden
SHLIB_LINK += -lstdc++
EXTRA_CLEAN = build $(OBJS:.o=.d)

# Debian's names. The second list is only needed to run the tests, the demo and the benchmark.
PG_MAJOR ?= 15
BUILD_PACKAGES = g++ libcurl4-openssl-dev libpq-dev libssl-dev postgresql-$(PG_MAJOR) \
	postgresql-server-dev-$(PG_MAJOR) rapidjson-dev
TEST_PACKAGES = clang libclang-rt-dev libfaketime libgtest-dev libipc-run-perl nginx nodejs \
	npm openssl postgresql-$(PG_MAJOR)-cron

LISTENER = build/dashboard_diff_listener
# Debian's PostgreSQL keeps its programs off the PATH: the listener gets a link that is on it.
LINKDIR ?= /usr/local/bin
# Where systemd looks for units of packages; empty: none is installed.
SYSTEMD_UNIT_DIR ?= /lib/systemd/system
UNITS = $(wildcard src/listener/*.service src/scheduler/*.service src/scheduler/*.timer)

all: $(LISTENER)

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
# Bitcode of C++ would need clang with the same flags, and inlining gains nothing here.
override with_llvm = no
include $(PGXS)
-include $(OBJS:.o=.d)

install: install-listener install-units
uninstall: uninstall-listener uninstall-units
install-listener: $(LISTENER)
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(LISTENER) '$(DESTDIR)$(bindir)/'
	$(MKDIR_P) '$(DESTDIR)$(LINKDIR)'
	ln -sf '$(bindir)/$(notdir $(LISTENER))' '$(DESTDIR)$(LINKDIR)/'
uninstall-listener:
	rm -f '$(DESTDIR)$(bindir)/$(notdir $(LISTENER))' '$(DESTDIR)$(LINKDIR)/$(notdir $(LISTENER))'

install-units:
ifneq ($(SYSTEMD_UNIT_DIR),)
	$(MKDIR_P) build/units '$(DESTDIR)$(SYSTEMD_UNIT_DIR)'
	for unit in $(UNITS); do \
	  sed 's|@bindir@|$(bindir)|' $$unit > build/units/$${unit##*/} || exit; \
	done
	$(INSTALL_DATA) $(patsubst %,'build/units/%',$(notdir $(UNITS))) '$(DESTDIR)$(SYSTEMD_UNIT_DIR)/'
endif
uninstall-units:
ifneq ($(SYSTEMD_UNIT_DIR),)
	rm -f $(patsubst %,'$(DESTDIR)$(SYSTEMD_UNIT_DIR)/%',$(notdir $(UNITS)))
endif

else
# PostgreSQL is not there yet: say so instead of failing on the first header.
all install installcheck:
	@echo 'pg_config not found: run "make deps", or set PG_CONFIG.' >&2; exit 1
endif

build/dashboard_diff--1.0.sql: $(sort $(wildcard src/sql/*.sql))
	@mkdir -p $(@D)
	cat $^ > $@

# The listener: a program of its own that shares no code with the server.
LISTENER_OBJS = $(patsubst src/%.cpp,build/%.o,$(wildcard src/listener/*.cpp))
LISTENER_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir)
LISTENER_CXXFLAGS = -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE $(PROJECT_CXXFLAGS)
LISTENER_LIBS = -L$(shell $(PG_CONFIG) --libdir) -lpq -lcurl -lcrypto

build/listener/%.o: src/listener/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(LISTENER_CPPFLAGS) $(LISTENER_CXXFLAGS) -c -o $@ $<

$(LISTENER): $(LISTENER_OBJS)
	$(CXX) -pie -Wl,-z,relro -Wl,-z,now -o $@ $^ $(LISTENER_LIBS)

-include $(LISTENER_OBJS:.o=.d)

# Unit tests: the core and the listener's pure parts as plain programs, under sanitizers.
UNIT_CXXFLAGS = -O1 -g -fno-strict-aliasing -fsanitize=address,undefined \
	-fno-sanitize-recover=all $(PROJECT_CXXFLAGS)
unit_objects = $(patsubst %.cpp,build/unit/%.o,$(wildcard $(1)))
LISTENER_PURE = $(filter-out src/listener/main.cpp,$(wildcard src/listener/*.cpp))
UNIT_TESTS = build/unit/core_test build/unit/listener_test

build/unit/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) -Isrc -Itest/unit -isystem $(shell $(PG_CONFIG) --includedir) $(UNIT_CXXFLAGS) -c -o $@ $<

build/unit/core_test: $(call unit_objects,src/core/*.cpp test/unit/core/*.cpp test/unit/support/*.cpp)
	$(CXX) $(UNIT_CXXFLAGS) -o $@ $^ -lgtest_main -lgtest -lpthread

build/unit/listener_test: $(call unit_objects,$(LISTENER_PURE) test/unit/listener/*.cpp)
	$(CXX) $(UNIT_CXXFLAGS) -o $@ $^ -lgtest_main -lgtest -lpthread $(LISTENER_LIBS)

-include $(shell find build/unit -name '*.d' 2>/dev/null)

unit-tests: $(UNIT_TESTS)

# libFuzzer targets over the core, which is built for them once.
FUZZ_CXX ?= clang++
FUZZ_CXXFLAGS = -O1 -gline-tables-only -fno-strict-aliasing -fsanitize=address,undefined \
	-fno-sanitize-recover=all \
	-fsanitize-ignorelist=test/fuzz/ignored.txt $(PROJECT_CXXFLAGS)
FUZZ_TARGETS = $(patsubst test/fuzz/%.cpp,build/fuzz/%,$(wildcard test/fuzz/*_fuzz.cpp))
FUZZ_OBJS = $(patsubst %.cpp,build/fuzz/%.o,$(wildcard src/core/*.cpp) test/fuzz/fuzz_input.cpp \
	test/unit/support/json_text.cpp test/unit/support/numeric_text.cpp)
# How long "make fuzz" tries each target.
FUZZ_TIME ?= 600

# Only what reaches more of the core is worth keeping.
build/fuzz/src/%.o: FUZZ_COVERAGE = -fsanitize=fuzzer-no-link
build/fuzz/%.o: %.cpp
	@mkdir -p $(@D)
	$(FUZZ_CXX) -Isrc -Itest/unit $(FUZZ_CXXFLAGS) $(FUZZ_COVERAGE) -c -o $@ $<

$(FUZZ_TARGETS): build/fuzz/%: build/fuzz/test/fuzz/%.o $(FUZZ_OBJS)
	$(FUZZ_CXX) $(FUZZ_CXXFLAGS) -fsanitize=fuzzer -o $@ $^

-include $(shell find build/fuzz -name '*.d' 2>/dev/null)

fuzz-targets: $(FUZZ_TARGETS)

# Looks for new inputs, and keeps those that reach more in test/fuzz/corpus.
fuzz: test-deps
	+test/fuzz/run --time $(FUZZ_TIME)

test/node_modules/.package-lock.json: test/package-lock.json
	cd test && npm ci --no-fund --no-audit --loglevel=error
	@touch $@

# What the benchmark compares the listener with, and measures it by.
BENCH_PROGRAMS = $(patsubst test/bench/%.cpp,build/bench/%,$(wildcard test/bench/*.cpp))

$(BENCH_PROGRAMS): build/bench/%: test/bench/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(LISTENER_CPPFLAGS) $(LISTENER_CXXFLAGS) -pie -o $@ $< $(LISTENER_LIBS)

-include $(BENCH_PROGRAMS:=.d)

bench-programs: $(BENCH_PROGRAMS)

# Everything that CI runs; ends with "N passed, N failed". Installs into this machine.
test: test-deps
	+test/run

# The fault tests, and test/t/FAULTS.md anew with what came of them.
faults: test-deps
	+test/faults

demo: test-deps
	+test/demo/run

# Leaves the machine's own installation and clusters alone. ROWS="07 09" measures only those.
bench: test-deps
	+test/bench/run $(ROWS)

deps:
	@src/install-packages $(BUILD_PACKAGES)

test-deps:
	@src/install-packages $(BUILD_PACKAGES) $(TEST_PACKAGES)

format:
	clang-format -i $$(git ls-files 'src/*.cpp' 'src/*.h' 'test/*.cpp' 'test/*.h')

.PHONY: test faults demo bench bench-programs fuzz fuzz-targets deps test-deps unit-tests format \
	install-listener uninstall-listener install-units uninstall-units
