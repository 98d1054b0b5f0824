# `sam build` calls this target, with the folder for the function's files in ARTIFACTS_DIR. SAM does not pass the
# architecture, so ARCH must match the template.
ARCH ?= arm64
CONFIG ?= authorizer.toml
# More options for `cargo local package`, such as --rustc or --bootstrap.
OPTIONS ?=

.PHONY: build-AuthorizerFunction build-JitrFunction build-ClaimFunction build-HookFunction build-AttachFunction
build-AuthorizerFunction:
	cargo local package --arch $(ARCH) --config $(CONFIG) $(OPTIONS) --into "$(ARTIFACTS_DIR)"

# The functions of provision/template.yaml, and `attach` of deploy/cognito.yaml, are one package.
PROVISION_CONFIG ?= provision/provision.toml
build-JitrFunction build-ClaimFunction build-HookFunction build-AttachFunction:
	cargo local package --provision --arch $(ARCH) --config $(PROVISION_CONFIG) $(OPTIONS) --into "$(ARTIFACTS_DIR)"
