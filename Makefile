# make demo    the probe beside a model that loads, and the sidecar
# make unit    the daily loop: tests without processes of the program, without root, without a network
# make test    checks, coverage, and the tests on every variant of the program, but for those of releases;
#              EVERY_VARIANT=1 also runs those tables on all variants that otherwise run on one or two
# make test-release  the tests that make a release, twice for each platform, and images of it (as root)
# make coverage  branch coverage of probe/, by the tests of make unit and those of the module's processes
# make cases [WITH=python3.13]   the case table on the package and the zipapp, on that Python, or on each that is here
# make cases FILE=…   the case table on an executable for this machine, such as a release's
# make debian-13   the executable built on Debian 13, in a root file system, and the case table on it (as root)
# make platform PLATFORM=linux_arm64   the executable for another platform, and its tests under an emulator, on pages of each
#              size (as root)
# make check   only linters, types and format
# make freeze [PLATFORM=linux_arm64]   dist/tfs_model_status_probe_VERSION_PLATFORM, the executable (on Debian, x86-64), and
#              what it is made of, dist/tfs_model_status_probe_VERSION_PLATFORM.buildinfo; PLATFORM is linux_amd64 by default
# make zipapp  dist/tfs_model_status_probe_VERSION.pyz
# make release [REPOSITORY=owner/name] [TAG=vX.Y.Z]   dist/release/, built twice and verified; publishes nothing
# make verify-release [ASSETS=folder]                 the files of a release, downloaded or made here
# make rebuild LAST=folder [NOW=folder]               the next patch version, if a linked package has changed since the
#              release whose buildinfos are in the folder
# make bench   what a call costs, beside the original and grpc_health_probe: make bench PEER=/path TLS_PEER=/path;
#              QUICK=1 writes nothing
# make soak    the sidecar for 100,000 rounds (ROUNDS=…), in plain text and over TLS: memory, descriptors, threads; 20 minutes
# make image   an image that contains only the executable, built by docker or podman: make image [FILE=…] [IMAGE=…];
#              with several files an index of images, built by podman: make image FILE='dist/…_amd64 dist/…_arm64'
# make smoke   the executable in one clean container: make smoke IMAGE=alpine:3.24.2 FILE=dist/…; without FILE the image's own
# make proto   regenerates the messages from serving.proto
# make clean   removes everything that was made here
#
# Everything that is installed goes into .venv and .cache. build/system_packages.sh installs what only the distribution provides.

.DELETE_ON_ERROR:
.PHONY: demo unit test test-release coverage cases debian-13 platform check format freeze zipapp release verify-release rebuild bench soak image smoke proto clean
MAKEFLAGS += --no-print-directory

# The distribution's Python, if it is new enough. It is looked up when it is needed, because it may be installed only then.
FIND_PYTHON = for python in $(PYTHON) /usr/bin/python3 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$python && break; done
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' probe/__init__.py)
# build/platform.py has the table of platforms.
PLATFORM := linux_amd64
PLATFORMS := $(shell sed -n 's/^    name="\(.*\)",$$/\1/p' build/platform.py)
FROZEN := dist/tfs_model_status_probe_$(VERSION)_$(PLATFORM)
FROZEN_BUILDINFO := $(FROZEN).buildinfo
ZIPAPP := dist/tfs_model_status_probe_$(VERSION).pyz
SOURCES := $(shell find probe build -type f -not -name '*.pyc') pyproject.toml README.md LICENSE
RUN := .venv/bin/python
# Of pyproject.toml: what is installed into .venv. GROUP=cases is enough for `make cases`.
GROUP := dev
UNIT := $(wildcard tests/test_*.py $(addprefix tests/,cli serve tfs spiffe rpc tls net))
PROGRAM := $(wildcard tests/program/test_*.py tests/program/*/test_*.py)
# To measure costs a process 0.15 s: these tables would add little to the figure, or are about time themselves.
MEASURED := $(filter-out %hostile.py %test_answers.py %test_refused.py %test_backstop.py %test_policies.py \
	%test_resources.py %test_memory.py %test_question_deadlines.py %test_names.py,$(PROGRAM))
NOT_MEASURED := frozen or zipapp or package
OF_RELEASES := tests/release tests/images
ELSEWHERE := tests/program tests/interop tests/original $(OF_RELEASES)
SCRIPTS := $(wildcard .ci/run build/*.sh release/*.sh release/*/*.sh)
DOCKERFILES := Dockerfile.example release/image/Dockerfile

demo: .venv/ready $(FROZEN)
	@$(RUN) -m tests.demo

# What measures bounds of time and memory takes as long as all the rest, and is left to `make test`.
unit: .venv/ready
	$(RUN) -m pytest -n auto -k 'not (linear_time or ends_in_time or takes_no_memory or endless)' $(UNIT)

test: check .cache/package/ready $(FROZEN) $(ZIPAPP)
	@build/system_packages.sh test
	@for platform in $(PLATFORMS); do $(MAKE) freeze PLATFORM=$$platform || exit 1; done
	@$(MAKE) coverage
	$(RUN) -m pytest -n auto -k '$(NOT_MEASURED)' $(UNIT) $(MEASURED)
	$(RUN) -m pytest -n auto $(filter-out $(MEASURED),$(PROGRAM)) tests/interop tests/original
	$(RUN) -m pytest $(addprefix --ignore=,$(UNIT) $(ELSEWHERE) tests/platforms/other_platform)

test-release: .venv/ready $(ZIPAPP)
	@build/system_packages.sh test
	@for platform in $(PLATFORMS); do $(MAKE) freeze PLATFORM=$$platform || exit 1; done
	$(RUN) -m pytest $(OF_RELEASES)

# Processes of the module variant are measured where these variables are set.
coverage: export COVERAGE_PROCESS_START := $(CURDIR)/pyproject.toml
coverage: export COVERAGE_FILE := $(CURDIR)/.cache/coverage/data
coverage: export PYTHONPATH := $(CURDIR)
coverage: .venv/ready
	@rm -rf .cache/coverage && mkdir -p .cache/coverage
	$(RUN) -m pytest -n auto -k 'not ($(NOT_MEASURED))' $(UNIT) $(MEASURED)
	@find .cache/coverage -type f -empty -delete
	@$(RUN) -m coverage combine --quiet
	@find .cache/coverage -name 'data.*' -delete # of processes that were killed while they saved
	$(RUN) -m coverage report

cases: .venv/ready $(if $(FILE),,$(ZIPAPP))
	@$(RUN) -m tests.platforms.$(if $(FILE),released '$(FILE)',other_pythons $(WITH))

debian-13: .venv/ready
	@build/system_packages.sh test
	@$(RUN) -m tests.platforms.debian_13

platform: .venv/ready $(FROZEN)
	@$(MAKE) freeze PLATFORM=linux_amd64 # to compare with
	@build/system_packages.sh test
	@$(RUN) -m tests.platforms.other_platforms $(PLATFORM)

check: .venv/ready
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	.venv/bin/shellcheck $(SCRIPTS)
	.venv/bin/hadolint $(DOCKERFILES)
	.venv/bin/actionlint -shellcheck .venv/bin/shellcheck .github/workflows/*.yml
	.venv/bin/zizmor --offline --persona pedantic --no-progress --quiet .github

format: .venv/ready
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format

freeze: $(FROZEN) $(FROZEN_BUILDINFO)

$(FROZEN) $(FROZEN_BUILDINFO) &: .venv/ready $(SOURCES)
	@build/system_packages.sh python freeze $(PLATFORM)
	$(RUN) -m build.freeze dist $(PLATFORM)

zipapp: $(ZIPAPP)

$(ZIPAPP): .venv/ready $(SOURCES)
	$(RUN) -m build.bundle

release: .venv/ready
	@build/system_packages.sh python freeze $(PLATFORMS)
	$(RUN) -m release.prepare --tag '$(TAG)' --repository '$(REPOSITORY)'

verify-release: .venv/ready
	@build/system_packages.sh python verify
	$(RUN) -m release.verify --repository '$(REPOSITORY)' '$(or $(ASSETS),dist/release)'

rebuild: .venv/ready
	@build/system_packages.sh python freeze $(PLATFORMS)
	$(RUN) -m release.rebuild '$(LAST)' $(if $(NOW),'$(NOW)')

bench: .venv/ready $(FROZEN) $(ZIPAPP)
	@build/system_packages.sh python freeze
	@$(RUN) -m tests.bench $(if $(PEER),--peer '$(PEER)') $(if $(TLS_PEER),--tls-peer '$(TLS_PEER)') $(if $(QUICK),--quick)

soak: .venv/ready $(FROZEN)
	@$(RUN) -m tests.soak $(or $(ROUNDS),100000)

# These two need a container engine, but nothing that is installed here. -S: a package of PyPI is called `build` as well.
image:
	@python3 -S -m release.image.build '$(or $(IMAGE),tfs-model-status-probe:$(VERSION))' '$(or $(REPOSITORY),OWNER/tfs-model-status-probe)' $(or $(FILE),$(FROZEN))

smoke:
	@python3 tests/smoke.py $(if $(FILE),--file '$(FILE)') '$(or $(IMAGE),$(error say which image: make smoke IMAGE=alpine:3.24.2 FILE=$(FROZEN)))'

proto: .venv/ready
	$(RUN) -m build.generate_proto

# The package as a user installs it, without the second engine.
.cache/package/ready: .venv/ready $(SOURCES)
	@rm -rf .cache/package
	$(RUN) -m venv .cache/package
	.cache/package/bin/pip install --quiet --disable-pip-version-check .
	@touch $@

.venv/ready: pyproject.toml build/system_packages.sh
	@build/system_packages.sh python
	@python=$$($(FIND_PYTHON)) && $$python -m venv --clear .venv || \
		{ echo "No Python 3.10 or newer with venv was found; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	.venv/bin/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	.venv/bin/pip install --quiet --disable-pip-version-check --group '$(GROUP)'
	@touch $@

clean:
	rm -rf .venv .cache dist .hypothesis .mypy_cache .ruff_cache .coverage tests/interop/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
