# netconform: make help

SHELL := /bin/bash
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
OUT ?= out
# REQUIRE="compose kubernetes" makes a platform that is not there an error (exit 3).
REQUIRE ?=
# KIND=1 makes a kind cluster for the run, and deletes it; otherwise the kubeconfig's cluster is used.
KIND ?=
# SUITES are the suites that verify-all holds to: each must conform.
SUITES ?= pmoves-least-privilege temporal-least-privilege
N ?= 20

comma := ,
empty :=
space := $(empty) $(empty)
require = $(if $(strip $(REQUIRE)),--require $(subst $(space),$(comma),$(strip $(REQUIRE))))
kind = $(if $(KIND),--kind)
agents = probes/image/agents/agent-linux-amd64 probes/image/agents/agent-linux-arm64

.PHONY: help build agents test race lint bench prove verify-all migration-gate clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

build: bin/netconform ## bin/netconform, with the agents for amd64 and arm64 in it

bin/netconform: $(agents) FORCE
	@mkdir -p bin
	$(GO) build -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/netconform

agents: $(agents) ## the agents that stand-ins run

probes/image/agents/agent-linux-%: FORCE
	@CGO_ENABLED=0 GOOS=linux GOARCH=$* $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o $@.new ./cmd/probe
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

verify-all: build ## verify every suite that must conform, on every platform that is there
	@worst=0; for s in $(SUITES); do \
	  bin/netconform verify $$s $(kind) $(require) --report $(OUT)/$$s; code=$$?; \
	  [ $$code -le $$worst ] || worst=$$code; echo; \
	done; \
	echo "reports: $(OUT)/*/report.html, report.md, junit.xml, results.json"; exit $$worst

test: agents ## all tests; those of a platform that is not there are skipped, and named
	@NETCONFORM_REQUIRE="$(REQUIRE)" ./.ci/test

race: agents ## the tests that need no platform, with the race detector
	$(GO) test -race ./matrix/... ./probes/... ./suites ./reports/...

lint: agents ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l matrix suites probes cmd reports)" || { gofmt -l matrix suites probes cmd reports; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

bench: agents ## benchmarks, with memory
	$(GO) test -run '^$$' -bench . -benchmem ./probes/... ./suites/kubernetes/policy ./reports/...

prove: agents ## hold the static oracles against N random targets on each platform that is there
	NETCONFORM_PROVE=$(N) NETCONFORM_REQUIRE="$(REQUIRE)" $(GO) test -count 1 -v -timeout 12h -run Proof ./suites/compose/... ./suites/kubernetes/...

migration-gate: build ## the PMOVES migration, phase by phase, through the gate on a Docker engine
	@./.ci/migration-gate $(OUT)/migration

clean: ## remove what was built, and what interrupted runs left
	@[ ! -x bin/netconform ] || bin/netconform clean
	rm -rf bin $(OUT) probes/image/agents/agent-linux-*

FORCE:
