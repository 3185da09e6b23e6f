# tunbench. `make` alone says what there is.
#
# Everything is built as the caller; only a command that makes devices asks for
# root, through sudo, and only when the caller is not root already.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# What a target needs is there before it is built.
.NOTPARALLEL:

GO ?= go
export GO
# A folder that Go and git both pass over.
BUILD := .build
BIN := $(BUILD)/tunbench
RUNS := reports/runs

# Both are empty outside of a git checkout; tunbench then says so itself. They are
# asked for when something is built: before, git may not be installed.
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null)
COMMIT ?= $(shell git rev-parse --verify --short=12 HEAD 2>/dev/null)
LDFLAGS = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

FUZZTIME ?= 5s

# A static binary, which also runs in a guest that holds nothing else.
export CGO_ENABLED := 0

# To measure and to test installs what is needed. SETUP=no installs nothing, and
# names what is missing. Only in CI is it a failure that something could not be
# installed: elsewhere, what cannot run without it is named at the end.
SETUP ?= yes
setup = scripts/setup.sh $(if $(filter no,$(SETUP)),--check) $(1) || [ "$$CI" != true ]

##@ Measure

.PHONY: bench
bench: setup-bench check-tun build ## run the default suite (10 minutes); ARGS='--seed 7' adds flags
	@mkdir -p $(RUNS)
	scripts/as-root.sh --own $(RUNS) -- $(CURDIR)/$(BIN) run --suite default $(ARGS)

.PHONY: bench-smoke
bench-smoke: setup-bench check-tun build ## run the smoke suite (1 minute); ARGS adds flags
	@mkdir -p $(RUNS)
	scripts/as-root.sh --own $(RUNS) -- $(CURDIR)/$(BIN) run --suite smoke $(ARGS)

.PHONY: bench-aa
bench-aa: setup-bench check-tun build ## what can this host see? a scenario against itself (2 minutes); ARGS adds flags
	@mkdir -p $(RUNS)
	scripts/as-root.sh --own $(RUNS) -- $(CURDIR)/$(BIN) ab --a size=64 --b size=64 $(ARGS)

.PHONY: bench-kernels
bench-kernels: setup-kernels build ## compare Debian's 6.1 and 6.12 in virtual time (10 minutes, QEMU, no root)
	@mkdir -p $(RUNS)
	$(BIN) kernels --kernel 6.1 --kernel 6.12 --icount --boots 2 $(ARGS)

.PHONY: compare-c
compare-c: check-tun build ## tunbench against a C program, in pairs; ARGS='--pairs 20'
	scripts/compare-c.sh $(ARGS)

.PHONY: compare-bpftrace
compare-bpftrace: check-tun build ## the observer's cost against that of bpftrace, in pairs
	scripts/compare-bpftrace.sh $(ARGS)

##@ Build and test

.PHONY: build
build: ## build the static binary .build/tunbench
	@mkdir -p $(BUILD)
	$(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BIN) ./bench/cmd/tunbench

# Dated by the commit, so that the same source gives the same bytes.
.PHONY: man
man: build ## write the manual pages into .build/man
	@rm -rf $(BUILD)/man
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} $(BIN) man $(BUILD)/man

.PHONY: test
test: setup-test check-tun build ## all tests, those that make real devices and boot guests included (root); ARGS='./bpf/...'
	scripts/test.sh all $(ARGS)

.PHONY: test-unit
test-unit: ## the tests that need no root
	scripts/test.sh unit $(ARGS)

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME=5s (3 minutes), one worker; ARGS='Parse' only those with that in their name
	FUZZTIME='$(FUZZTIME)' scripts/fuzz.sh $(ARGS)

.PHONY: lint
lint: ## gofmt, go vet, imports and sizes, shellcheck, staticcheck if installed
	scripts/lint.sh

.PHONY: generate
generate: ## compile the BPF programs again (clang, llvm, libbpf-dev)
	@scripts/setup.sh --check generate
	$(GO) generate ./bpf

.PHONY: check-generated
check-generated: ## prove that generating again changes nothing
	scripts/check-generated.sh

# The man pages go in where there is a target that makes them.
.PHONY: dist
dist: ## tarballs and Debian packages for amd64 and arm64, into .build/dist, reproducible
	@! $(MAKE) --no-print-directory -n man >/dev/null 2>&1 || $(MAKE) --no-print-directory man
	VERSION='$(VERSION)' COMMIT='$(COMMIT)' scripts/dist.sh $(ARGS)

.PHONY: check-dist
check-dist: ## prove that making them again gives the same bytes, and that they install and run
	@! $(MAKE) --no-print-directory -n man >/dev/null 2>&1 || $(MAKE) --no-print-directory man
	VERSION='$(VERSION)' COMMIT='$(COMMIT)' scripts/check-dist.sh

.PHONY: setup
setup: ## install what the targets need (Debian, Ubuntu), or name it
	scripts/setup.sh test guest kernels lint generate compare

.PHONY: setup-bench setup-kernels setup-test
setup-bench:
	@$(call setup,bench)
setup-kernels:
	@$(call setup,guest kernels)
setup-test:
	@$(call setup,test guest kernels $(if $(filter true,$(CI)),browser))

.PHONY: check-tun
check-tun:
	@scripts/check-tun.sh

.PHONY: clean
clean: ## remove what was built; runs stay
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
