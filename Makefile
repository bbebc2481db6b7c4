# Every target needs Go and git only, unless it says otherwise.
GO ?= go

.PHONY: build test lint stress stress-short bench conformance fuzz explore licenses sbom reproducible vuln cover mounts redirect kill windows helm image manifest chart chart-real e2e az e2e-prepare soak azure-live azure-live-rehearsal

build: ## one static binary, bin/strongroom
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/strongroom ./cmd/strongroom

test: ## everything that needs no root and no cluster; as root it mounts nothing either; ends with what was skipped, and why
	@mkdir -p bin
	$(GO) tool gotestsum --format standard-quiet --jsonfile bin/test.json --raw-command -- $(GO) test -json -race -shuffle=on -timeout 15m ./...
	@grep -o 'sanity: [^"\\]*' bin/test.json
	@[ "$$(id -u)" = 0 ] || echo "SKIPPED without root: the tests that try the sockets as another user"

lint: ## formatting, vet, staticcheck, a tidy module
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags azurelive ./internal/azurelive
	GOOS=windows $(GO) vet ./internal/volume
	$(GO) tool staticcheck ./...
	@staticcheck=$$($(GO) tool -n staticcheck); for module in e2e tools conformance/go; do echo "staticcheck in $$module"; (cd $$module && $$staticcheck ./...) || exit 1; done
	$(GO) mod tidy -diff
	cd e2e && $(GO) vet ./... && $(GO) mod tidy -diff
	cd conformance/go && $(GO) vet ./... && $(GO) mod tidy -diff

stress: ## two hundred nodes in bad weather, about ten minutes on two idle cores; writes its part of docs/reliability.md
	GOGC=400 $(GO) test -count=1 -timeout 60m -run '^TestStorm$$' ./internal/stress -args -storm full -machine "$(STRESS_MACHINE)"

STRESS_MACHINE ?= $(shell nproc 2>/dev/null || echo "some number of") cores, $(shell uname -sr), $(shell date +%F)

stress-short: ## the same weather for a hundred pods, about a minute; writes nothing
	GOGC=400 $(GO) test -count=1 -timeout 30m -run '^TestStorm$$' ./internal/stress -args -storm short

bench: ## Go benchmarks, then one table of calls, round trips and memory
	$(GO) test -run '^$$' -bench . -benchmem ./internal/...
	$(GO) run ./internal/bench

conformance: ## the unmodified SDKs against the emulator: JavaScript's, which needs node and npm, and Go's management clients
	conformance/js/run
	conformance/go/run

fuzz: ## each fuzz target is asked its kept inputs and FUZZINPUTS mutations of them, the same each time; FUZZSEED=2: others
	cd tools && GO="$(GO)" $(GO) run ./fuzz ask -inputs $${FUZZINPUTS:-10000} -seed $${FUZZSEED:-1}

explore: ## each fuzz target is asked FUZZINPUTS new inputs by Go's engine, which finds its way by chance
	cd tools && GO="$(GO)" $(GO) run ./fuzz explore -inputs $${FUZZINPUTS:-10000}

licenses: ## THIRD_PARTY.md: the modules that are linked, with their licences; an unknown licence fails
	cd tools && $(GO) run ./licenses

sbom: image ## the lists of what is inside, dist/*.spdx.json, which "make image" writes beside each image
	@ls -l dist/*.spdx.json

reproducible: ## program and images built twice, the second time by a stranger's settings and a cold cache; compared bit for bit
	GO="$(GO)" tools/reproducible

vuln: ## known vulnerabilities of what is linked, by govulncheck; needs its database, or GOVULNDB=file:///directory
	GO="$(GO)" tools/vuln/check

cover: ## what the whole suite covers, for each package, and the functions that nothing runs
	GO="$(GO)" tools/cover

mounts: ## what really mounts: needs root, and does it in a mount namespace of its own that ends with it
	@[ "$$(id -u)" = 0 ] || { echo "make mounts needs root"; exit 1; }
	unshare --mount --propagation private $(GO) test -count=1 -tags e2e -run TestTmpfs ./internal/volume ./internal/cli

KILLS ?= 200
KILL_STRIDE ?= 7

kill: build ## driver and provider killed KILLS times, and every KILL_STRIDE-th system call struck; in full: KILLS=10000 KILL_STRIDE=1
	@export STRONGROOM_KILL_PROGRAM=$(CURDIR)/bin/strongroom STRONGROOM_KILL_STRIDE=$(KILL_STRIDE); \
	if [ "$$(id -u)" = 0 ]; then \
	  STRONGROOM_KILLS=$(KILLS) unshare --mount --propagation private $(GO) test -count=1 -v -timeout 0 -tags e2e -run TestTmpfs ./internal/kill; \
	else \
	  echo "SKIPPED without root: real mounts; plain directories instead"; \
	  STRONGROOM_KILLS_PLAIN=$(KILLS) $(GO) test -count=1 -v -timeout 0 ./internal/kill; \
	fi

redirect: ## the rules that lead pods to NMI, with the machine's own iptables in networks made for them; needs root and Debian
	@[ "$$(id -u)" = 0 ] || { echo "make redirect needs root"; exit 1; }
	@for tool in iptables-nft iptables-legacy conntrack ip sysctl; do command -v $$tool >/dev/null && continue; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends iptables conntrack iproute2 procps && break; exit 1; done
	STRONGROOM_REDIRECT_MACHINE="$$(readlink /proc/self/ns/net) $$(readlink /proc/self/ns/mnt)" \
	  unshare --net --mount --propagation private $(GO) test -count=1 -v -tags e2e -run TestRedirect ./internal/podid/nmi/redirect

windows: ## builds everything for Windows and runs the program and the tests under Wine; installs Wine and mingw from Debian where they are missing
	tools/wine/run $(WINDOWS_PACKAGES)

# Helm answers "helm template" as a Kubernetes of the newest version the chart is tested with.
helm: bin/helm ## the pinned Helm, bin/helm

bin/helm: tools/go.mod
	cd tools && CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36" -o ../bin/helm helm.sh/helm/v3/cmd/helm

image: ## container images, an OCI layout and lists of what is inside, in dist/; needs no container engine
	cd tools && $(GO) run ./image -revision "$$(git rev-parse HEAD 2>/dev/null)" $(IMAGE_FLAGS)

manifest: ## deploy/strongroom.yaml and deploy/pod-identity*.yaml from the chart and the CRDs
	cd tools && $(GO) run ./manifest

chart: bin/helm ## the chart, the manifest and the image builder: lint and tests
	bin/helm lint --strict deploy/chart
	@unformatted=$$(gofmt -l tools); if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	cd tools && $(GO) vet ./... && $(GO) mod tidy -diff
	cd tools && $(GO) test -timeout 15m ./...

chart-real: bin/helm build ## the chart against a real API server: make chart-real KUBE=path of the binary built from e2e/kube
	@[ -x "$(KUBE)" ] || { echo "make chart-real needs KUBE, the binary built from e2e/kube"; exit 1; }
	tools/real-api $(KUBE) tools/chart-real

e2e: ## scenarios in a real cluster of one node, in namespaces of its own; needs root and Debian, docs/testing.md has more
	e2e/run

az: ## Debian's Azure CLI against the emulator, as docs/azure-setup.md and other manuals use it; needs root and Debian
	e2e/run az

soak: ## half an hour of pods that come and go every second, in the cluster of e2e: nothing may grow; SOAK=3m for less
	SOAK=$(or $(SOAK),30m) KUBE=$(or $(KUBE),1.36) E2E_RUN='^TestSoak$$' E2E_TIMEOUT=$(or $(E2E_TIMEOUT),90m) e2e/run

e2e-prepare: ## builds and installs what "make e2e" needs, and runs nothing
	cd e2e && $(GO) run ./prepare

azure-live: ## the identity and mount tests against a real vault of yours; says which variables to set, and reads only
	$(GO) test -tags azurelive -count=1 -v ./internal/azurelive

azure-live-rehearsal: ## the same tests against the emulator: that they would work, not that Azure does
	STRONGROOM_LIVE_REHEARSE=1 $(GO) test -tags azurelive -race -count=1 ./internal/azurelive
