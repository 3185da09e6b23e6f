# tunbench. `make` without a target lists all targets.
#
# Everything is built as the calling user. Only commands that create devices run as
# root, through sudo unless the caller is root already.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Prerequisites are installed before anything is built, so targets run in order.
.NOTPARALLEL:

GO ?= go
export GO
# Ignored by both Go and git.
BUILD := .build
BIN := $(BUILD)/tunbench
RUNS := reports/runs

# Both are empty outside of a git checkout, which tunbench then reports. They are
# evaluated when something is built, because git may not be installed before.
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null)
COMMIT ?= $(shell git rev-parse --verify --short=12 HEAD 2>/dev/null)
LDFLAGS = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

FUZZTIME ?= 5s

# A static binary, which can run as the only program of a guest.
export CGO_ENABLED := 0

# The targets that measure or test first install missing programs. With SETUP=no they
# install nothing and list what is missing. A program that cannot be installed is an
# error only in CI; elsewhere, the tests that need it are skipped and listed at the end.
SETUP ?= yes
setup = scripts/setup.sh $(if $(filter no,$(SETUP)),--check) $(1) || [ "$$CI" != true ]

##@ Measure

.PHONY: bench
bench: setup-bench check-tun build ## run the default suite and write a report (10 minutes); ARGS='--seed 7' adds flags
	@mkdir -p $(RUNS)
	scripts/as-root.sh --own $(RUNS) -- $(CURDIR)/$(BIN) run --suite default $(ARGS)

.PHONY: bench-smoke
bench-smoke: setup-bench check-tun build ## a first result in one minute: three findings, and where the picture is; ARGS adds flags
	@mkdir -p $(RUNS)
	scripts/as-root.sh --own $(RUNS) -- $(CURDIR)/$(BIN) run --suite first $(ARGS)

.PHONY: bench-aa
bench-aa: setup-bench check-tun build ## compare a scenario with itself: the smallest change that shows on this host (2 minutes); ARGS adds flags
	@mkdir -p $(RUNS)
	scripts/as-root.sh --own $(RUNS) -- $(CURDIR)/$(BIN) ab --a size=64 --b size=64 $(ARGS)

.PHONY: bench-kernels
bench-kernels: setup-kernels build ## compare Debian's kernels 6.1 and 6.12 in virtual time (10 minutes; needs QEMU, no root)
	@mkdir -p $(RUNS)
	$(BIN) kernels --kernel 6.1 --kernel 6.12 --icount --boots 2 $(ARGS)

.PHONY: study
study: setup-kernels build ## follow the cost of a packet over Debian's kernels (an hour or more; resumable); KERNELS='6.1.0-56 6.12.117', ARGS
	scripts/study.sh $(ARGS) $(KERNELS)

.PHONY: compare-c
compare-c: check-tun build ## compare the packet rate of tunbench with that of a C program; ARGS='--pairs 20'
	scripts/compare-c.sh $(ARGS)

.PHONY: compare-bpftrace
compare-bpftrace: check-tun build ## compare the cost of observation with that of a bpftrace script
	scripts/compare-bpftrace.sh $(ARGS)

##@ Build and test

.PHONY: build
build: ## build the static binary .build/tunbench
	@mkdir -p $(BUILD)
	$(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BIN) ./bench/cmd/tunbench

# What guests of the other architecture run; tunbench finds it beside itself.
.PHONY: build-amd64 build-arm64
build-arm64: ## build .build/tunbench-arm64, which arm64 guests run (on an arm64 host: build-amd64)
build-amd64 build-arm64: build-%:
	@mkdir -p $(BUILD)
	GOOS=linux GOARCH=$* $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BIN)-$* ./bench/cmd/tunbench

# Dated by the commit, so that the same source gives the same files.
.PHONY: man
man: build ## write manual pages to .build/man
	@rm -rf $(BUILD)/man
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} $(BIN) man $(BUILD)/man

.PHONY: test
test: setup-test check-tun build ## run all tests, including those that create devices and boot guests; ARGS='./bpf/...' selects packages
	scripts/test.sh all $(ARGS)

.PHONY: test-unit
test-unit: ## run the tests that need no root
	scripts/test.sh unit $(ARGS)

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME=5s (3 minutes in all); ARGS='Parse' selects targets by name
	FUZZTIME='$(FUZZTIME)' scripts/fuzz.sh $(ARGS)

.PHONY: lint
lint: ## check formatting, imports, sizes and shell scripts (gofmt, go vet, shellcheck, ...)
	scripts/lint.sh

.PHONY: generate
generate: ## recompile the BPF programs (needs clang, llvm, libbpf-dev)
	@scripts/setup.sh --check generate
	$(GO) generate ./bpf

.PHONY: check-generated
check-generated: ## check that recompiling the BPF programs changes nothing
	scripts/check-generated.sh

.PHONY: dist
dist: man ## build reproducible tarballs and Debian packages for amd64 and arm64 in .build/dist
	VERSION='$(VERSION)' COMMIT='$(COMMIT)' scripts/dist.sh $(ARGS)

.PHONY: check-dist
check-dist: man ## check that building them again gives the same bytes, and that they install and run
	VERSION='$(VERSION)' COMMIT='$(COMMIT)' scripts/check-dist.sh

.PHONY: setup
setup: ## install the programs that the targets need (Debian, Ubuntu), or list them
	scripts/setup.sh test guest kernels arm64 lint generate compare

.PHONY: setup-bench setup-kernels setup-test
setup-bench:
	@$(call setup,bench)
setup-kernels:
	@$(call setup,guest kernels)
setup-test:
	@$(call setup,test guest kernels arm64 $(if $(filter true,$(CI)),browser tunlab slurm))

.PHONY: check-tun
check-tun:
	@scripts/check-tun.sh

.PHONY: clean
clean: ## remove what was built, but not the stored runs
	rm -rf $(BUILD)

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
