# dashboard_diff: the extension, its listener, and how they are tested and shown.
#
#   make            builds both                 make demo   shows the main job on real data
#   make install    installs both               make test   everything that CI runs
#   make deps       installs what is missing    make format clang-format over the C++ sources

EXTENSION = dashboard_diff
MODULE_big = dashboard_diff
OBJS = $(patsubst %.cpp,%.o,$(wildcard src/core/*.cpp src/extension/*.cpp))
DATA_built = build/dashboard_diff--1.0.sql
REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --load-extension=dashboard_diff

PG_CONFIG ?= pg_config

# Set WERROR= to build with a compiler that warns of more.
WERROR ?= -Werror
PROJECT_CXXFLAGS = -std=gnu++20 -Wall -Wextra -Wshadow $(WERROR) -MMD -MP

# The server's headers as system headers: their warnings are not ours.
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS = $(PROJECT_CXXFLAGS) -fvisibility=hidden -fvisibility-inlines-hidden
SHLIB_LINK += -lstdc++
EXTRA_CLEAN = build $(OBJS:.o=.d)

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(PGXS),)
# Bitcode of C++ would need clang with the same flags, and inlining gains nothing here.
override with_llvm = no
include $(PGXS)
-include $(OBJS:.o=.d)
else
# Nothing is installed yet: only the targets that install it work.
.DEFAULT_GOAL := deps
endif


INSTALL_SCRIPT_PARTS = $(sort $(wildcard src/sql/*.sql))

build/dashboard_diff--1.0.sql: $(INSTALL_SCRIPT_PARTS)
	@mkdir -p $(@D)
	cat $^ > $@
