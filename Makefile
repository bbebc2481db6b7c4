# Every target needs Go and git only, unless it says otherwise.
GO ?= go

.PHONY: build test lint bench conformance fuzz mounts

build: ## one static binary, bin/strongroom
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/strongroom ./cmd/strongroom

test: ## everything that needs no root and no cluster; as root it mounts nothing either
	$(GO) test -race -shuffle=on -timeout 15m ./...
	@$(GO) test -race -v -run '^TestSanity$$' ./internal/csi | grep -o 'sanity: .*'
	@[ "$$(id -u)" = 0 ] || echo "SKIPPED without root: the tests that try the sockets as another user"

lint: ## formatting, vet, staticcheck, a tidy module
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./internal/volume
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff

bench: ## Go benchmarks, then one table of calls, round trips and memory
	$(GO) test -run '^$$' -bench . -benchmem ./internal/...
	$(GO) run ./internal/bench

conformance: ## the unmodified JavaScript SDKs against the emulator; needs node and npm
	conformance/js/run

fuzz: ## each fuzz target for FUZZTIME inputs; a number of seconds would fail now and then, when it ends amid a minimization
	@set -e; for target in $$(grep -rlE '^func Fuzz' --include='*_test.go' internal | sort -u); do \
	  for name in $$(grep -oE '^func Fuzz[A-Za-z0-9]+' $$target | sed 's/func //'); do \
	    echo "== $$name in $$(dirname $$target)"; \
	    $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $${FUZZTIME:-10000x} -fuzzminimizetime 10x ./$$(dirname $$target); \
	  done; done

mounts: ## what really mounts: needs root, and does it in a mount namespace of its own that ends with it
	@[ "$$(id -u)" = 0 ] || { echo "make mounts needs root"; exit 1; }
	unshare --mount --propagation private $(GO) test -count=1 -tags e2e -run TestTmpfs ./internal/volume
