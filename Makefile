# What `sam build` calls, with the folder of the function's files in ARTIFACTS_DIR. It does not tell the architecture: ARCH has to be that of the template.
ARCH ?= arm64
CONFIG ?= authorizer.toml
# More options of `cargo local package`, as --rustc or --bootstrap.
OPTIONS ?=

.PHONY: build-AuthorizerFunction
build-AuthorizerFunction:
	cargo local package --arch $(ARCH) --config $(CONFIG) $(OPTIONS) --into "$(ARTIFACTS_DIR)"
