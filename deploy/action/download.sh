#!/usr/bin/env bash
# Downloads cargo-local of the action's own version, compares its checksum, and writes its path to the output `program`.
# Reads nothing of the workspace.
set -euo pipefail

fail() {
  echo "::error::$1" >&2
  exit 1
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# Only https, also after a redirect. `-q` skips the user's .curlrc.
download() {
  curl -q --fail --silent --show-error --location --proto '=https' --proto-redir '=https' \
    --retry 3 --max-time 300 --max-filesize "$3" --output "$2" "$1"
}

case "${RUNNER_OS:-}-${RUNNER_ARCH:-}" in
  Linux-X64) triple=x86_64-unknown-linux-gnu ;;
  Linux-ARM64) triple=aarch64-unknown-linux-gnu ;;
  macOS-X64) triple=x86_64-apple-darwin ;;
  macOS-ARM64) triple=aarch64-apple-darwin ;;
  *) fail "unsupported runner ${RUNNER_OS:-}-${RUNNER_ARCH:-}; expected Linux or macOS on X64 or ARM64" ;;
esac
version=$(sed -n '/^\[package\]/,/^$/s/^version = "\([0-9A-Za-z.+-]*\)"$/\1/p' "$GITHUB_ACTION_PATH/Cargo.toml")
[ -n "$version" ] || fail "the action's Cargo.toml has no version"
folder=$(mktemp -d "$RUNNER_TEMP/cargo-local-XXXXXX")
cd "$folder"
archive="cargo-local-$version-$triple.tar.gz"
release="$GITHUB_SERVER_URL/$GITHUB_ACTION_REPOSITORY/releases/download/v$version"
download "$release/$archive" "$archive" 268435456
expected="${INPUT_CHECKSUM:-}"
if [ -z "$expected" ]; then
  download "$release/SHA256SUMS" SHA256SUMS 1048576
  expected=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' SHA256SUMS)
fi
[ "$(sha256 "$archive")" = "$expected" ] || fail "$archive: wrong checksum; expected ${expected:-an entry in SHA256SUMS}"
tar -xzf "$archive" cargo-local
echo "program=$folder/cargo-local" >>"$GITHUB_OUTPUT"
echo "cargo-local $version for $triple"
