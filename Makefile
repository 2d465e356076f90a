# Targets that people use. `make run` starts a working primary, `make test` runs everything that must pass.
GO      ?= go
BIN     := bin/headwater
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOL    := $(GO) tool -modfile=tools.mod
FUZZTIME ?= 60s
ZONES    ?= 1000000
PGO      ?= auto

.PHONY: run build web test unit race lint fmt fuzz bench bench-quick bench-nodes bench-zones pgo release release-check chaos stranger signed catalogs history updates rules conform big check deps deploy-check e2e screenshots ha restart-under-load

run: build ## start a primary with the embedded store and say what to do next
	$(BIN) serve

build: web ## the complete program, dashboard included, at bin/headwater
	CGO_ENABLED=0 $(GO) build -trimpath -pgo=$(PGO) -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/headwater

web: ## the dashboard's build, when Node is there and sources changed
	@./scripts/web.sh

e2e: deps web ## the dashboard in a browser, against a real server and a real secondary
	cd web && npm run --silent e2e

screenshots: web ## pictures of every page into web/screenshots
	cd web && npm run --silent screenshots

deps: ## what tests need from Debian, installed when missing
	@./scripts/deps.sh

# Tests that start the program build it themselves, which Go's cache of results does not see: -count=1 has them run.
test: deps web ## everything that must pass
	$(GO) vet ./...
	$(GO) vet -C test ./...
	$(GO) test -timeout 20m ./...
	$(GO) test -C test -count=1 -timeout 20m ./...
	./scripts/suites.sh

unit: ## the quick tests alone
	$(GO) test ./internal/...
	$(GO) test -C test -count=1 ./api ./oracle/...

race: deps ## the race detector over packages, and over programs that are killed, cut off, and follow each other
	$(GO) test -race -timeout 30m ./internal/...
	$(GO) test -C test -race -count=1 -timeout 30m ./api ./oracle/...
	./scripts/race.sh

lint: ## golangci-lint, built from the version pinned in tools.mod
	$(TOOL) golangci-lint run ./...
	cd test && $(GO) tool -modfile=../tools.mod golangci-lint run ./...

fmt:
	$(TOOL) golangci-lint fmt ./...
	cd test && $(GO) tool -modfile=../tools.mod golangci-lint fmt ./...

fuzz: ## every fuzz target, FUZZTIME each
	./scripts/fuzz.sh $(FUZZTIME)

big: ## a million records imported in one request and listed in one page, with the process's memory
	HEADWATER_BIG=1000000 HEADWATER_IMPORT=1000000 $(GO) test -C test -count=1 -timeout 30m -v ./big

catalogs: deps ## a thousand zones in the catalogs of BIND, Knot and PowerDNS
	HEADWATER_CATALOG_ZONES=1000 $(GO) test -C test -count=1 -timeout 15m -run TestCatalogs -v ./estate

conform: ## the conformance files on us and on the servers installed
	$(GO) test -C test -count=1 -v ./conformance/...

CHAOSTIME ?= 4m

chaos: deps ## nodes, database and connections are killed under writes for CHAOSTIME; HEADWATER_SEED repeats a run
	HEADWATER_CHAOS=$(CHAOSTIME) $(GO) test -C test -count=1 -v -timeout 20m -run 'TestChaos$$' ./cluster

ha: deps ## PostgreSQL that fails over, falls silent, comes back, loses its standby, or stands behind a pooler, under writes
	HEADWATER_HA=1 $(GO) test -C test -count=1 -v -timeout 20m -run 'TestHA|TestPromotedStandby' ./cluster

RESTARTZONES ?= 100000

restart-under-load: deps ## processes take over from each other with RESTARTZONES zones, on both engines: no query lost, no transfer broken off, no change refused
	HEADWATER_RESTART=$(RESTARTZONES) $(GO) test -C test -count=1 -v -timeout 30m -run 'TestRestartUnderLoad$$' ./lifecycle

rules: deps ## random zones over all types, accepted by us, loaded by BIND, NSD, Knot and PowerDNS; HEADWATER_SEED repeats a run
	HEADWATER_RULES=100 $(GO) test -C test -count=1 -v -timeout 20m ./rules

CHANGES ?= 2000
UPDATES ?= 10000

signed: deps ## a signed zone changed CHANGES times, each version validated by Knot, rolls while nodes die, random settings and rolls for longer; HEADWATER_SEED repeats a run
	HEADWATER_SIGNED=$(CHANGES) $(GO) test -count=1 -timeout 60m -run 'TestStepsMakeTheWhole$$|TestVersionsAreSigned$$|TestEveryVersionOfRolls$$|TestSettingsAndSignatures$$' \
		./internal/dns/dnssec ./internal/control/commit ./internal/control/keeper
	HEADWATER_SIGNED=$(CHANGES) $(GO) test -C test -count=1 -v -timeout 60m -run 'TestEveryVersionValidates$$|TestRolls$$|TestKeepersNodeDies$$|TestSignersNodeDies$$' ./signed ./cluster

VERSIONS ?= 500
KILLS    ?= 50

history: deps ## each of VERSIONS versions of a random history comes back, on both databases; four secondaries follow by IXFR; KILLS deaths amid it; HEADWATER_SEED repeats a run
	$(GO) test -count=1 -timeout 60m -run 'TestRevertToAnyVersion$$|TestUndoOneByOne$$|TestHistoryWhileItChanges$$|TestCostOfHistory$$' ./internal/control/commit -versions $(VERSIONS)
	HEADWATER_VERSIONS=$(VERSIONS) $(GO) test -C test -count=1 -v -timeout 60m -run 'TestSecondariesFollowHistory$$' ./estate
	HEADWATER_KILLS=$(KILLS) $(GO) test -C test -count=1 -v -timeout 60m -run 'TestKillUnderWrites$$' ./crash
	$(GO) test -C test -count=1 -v -timeout 20m -run 'TestHistoryAtBoth$$|TestScheduledDraftsNodeDies$$' ./cluster

updates: deps ## UPDATES random UPDATE messages to us and to BIND, which must answer alike; HEADWATER_SEED repeats a run
	UPDATE_ROUNDS=$(UPDATES) $(GO) test -C test -count=1 -v -timeout 60m -run 'TestAsBIND$$' ./updates

STRANGERTIME ?= 2m

stranger: ## strangers and a tenant do their worst to one process of 512 MiB for STRANGERTIME while an honest tenant works
	HEADWATER_STRANGER=$(STRANGERTIME) $(GO) test -C test -count=1 -v -timeout 20m -run 'TestStranger$$' ./stranger

bench: deps build
	$(GO) run -C test ./bench

bench-quick: deps build
	$(GO) run -C test ./bench -quick

bench-zones: deps ## a million zones on both engines: making them, memory of each, restart (ZONES=100000 for a smaller run)
	$(GO) run -C test ./bench/zones -zones $(ZONES)

bench-nodes: deps ## time from a change on one node to the answer of another
	$(GO) run -C test ./bench/nodes
	$(GO) run -C test ./bench/nodes -nodes 2 -core 0.4

pgo: deps ## a profile of queries, transfers and changes, as the benchmark loads us; build with it: make build PGO=bench/default.pgo
	$(GO) run -C test ./bench -profile bench/profiles -records 200000 -duration 10s
	$(GO) tool pprof -proto bench/profiles/*.cpu.pprof >bench/default.pgo

release: web ## everything that a release consists of, in bin/release: the same commit makes the same octets
	cd release && $(GO) run . -out ../bin/release

release-check: deps web ## a package installed in a root of Debian, started as its unit says, upgraded with data, removed
	cd release && HEADWATER_INSTALL=1 $(GO) test -count=1 -v -timeout 20m -run TestInstall .

deploy-check: deps ## what lies in deploy/, by the linters and loaders of the systems that read it
	cd test/deploy && $(GO) test -count=1 ./...

check: fmt lint test
