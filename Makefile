# Convenience for local use; the build itself is cargo's.

TARGET ?= target
LINKS := p2pnode p2p-client keygen

.PHONY: help links test ci

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

links: ## the documented tool names, as links to the one binary, in target/links
	cargo build --release
	mkdir -p $(TARGET)/links
	for name in $(LINKS); do ln -sf ../release/braidcast $(TARGET)/links/$$name; done

test: ## all tests
	cargo test --workspace

ci: ## what a change must pass
	.ci/run
