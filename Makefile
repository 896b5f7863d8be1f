# Everything a developer or CI does with this repository. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
ARGS ?=

.PHONY: help run demo test lab bench fmt lint doc generate tools

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: ## Build droplens and start it with its defaults (ARGS="..." are passed on)
	@scripts/require build
	$(CARGO) build --release --locked --package droplens
	@echo "droplens: status page at http://localhost:13767/, metrics at http://localhost:13767/metrics"
	exec target/release/droplens run $(ARGS)

demo: ## Show droplens, Prometheus and Alertmanager with a lab that loses packets (as root)
	@scripts/require test
	$(CARGO) build --release --locked --package droplens
	$(CARGO) build --release --locked --package droplens-tests --bin demo
	state=$$(mktemp -d); trap 'rm -rf "$$state"' EXIT; TMPDIR=$$state target/release/demo

test: tools ## Run everything that CI runs; as root for the tests that need namespaces
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) build --workspace --locked
	$(CARGO) test --workspace --locked
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) xtask check
	scripts/deny

lab: ## Run the fault lab and write docs/attribution.md (as root)
	@scripts/require test
	$(CARGO) build --workspace --locked
	$(CARGO) run --locked --package droplens-tests --bin attribution -- $(ARGS)

bench: ## Measure what droplens costs on this machine (as root)
	@scripts/require bench
	$(CARGO) build --release --locked --package droplens
	$(CARGO) run --release --locked --package droplens-tests --bin bench -- $(ARGS)

fmt: ## Format the code
	$(CARGO) fmt --all

lint: ## Format check, clippy and the repository's own rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) xtask check

doc: ## Build the API documentation
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

generate: ## Write the generated files anew
	$(CARGO) xtask generate

tools: ## Fetch what the tests need and this machine lacks
	@scripts/require test
