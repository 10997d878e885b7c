# The front door. `make help` lists what there is; CMake does the work.
.PHONY: help deps build test demo bench lint format fuzz clean
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10
deps: ## install the Debian packages that are missing
	@scripts/deps.sh
build: deps ## release build; programs end up in build/bin
	@cmake --preset release
	@cmake --build --preset release
test: build ## build and run every test this machine can run
	@scripts/run-tests.sh build
demo: build ## two hosts, one tunnel, from nothing to a ping and back to nothing
	@tests/demo/demo.sh
bench: build ## cost per packet, and throughput beside other implementations
	@tests/bench/run.sh
lint: deps ## format and clang-tidy
	@scripts/lint.sh
format: deps ## rewrite the sources in the project's format
	@git ls-files '*.h' '*.cc' | xargs clang-format -i
fuzz: deps ## run each fuzz target for SECONDS (default 30)
	@tests/fuzz/run.sh $(or $(SECONDS),30)
clean: ## remove the build folder
	@rm -rf build
