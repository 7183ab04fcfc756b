# What the scripts of this folder share; sourced by them. The target's names, the compilers for it, and what is missing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
say() { echo "$(basename "$0"): $*" >&2; }

# Installs Debian packages that are not there.
need() {
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "install these yourself, there is no apt-get: ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Sets triple, gnu (the prefix of Debian's cross tools), arch (Debian's name) and qemu (the emulator's).
choose_target() {
  case ${1:-} in
    aarch64 | arm64) triple=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu arch=arm64 qemu=aarch64 ;;
    armv7 | armhf) triple=armv7-unknown-linux-gnueabihf gnu=arm-linux-gnueabihf arch=armhf qemu=arm ;;
    x86_64 | amd64) triple=x86_64-unknown-linux-gnu gnu=x86_64-linux-gnu arch=amd64 qemu=x86_64 ;;
    *) fail "which target? aarch64, armv7 or x86_64" ;;
  esac
}

# Whether programs of the target run here by themselves.
is_native() { [ "$(uname -m)" = "${triple%%-*}" ]; }

# Sets the array `cargo`: what stands in for the word on a command line. FOREBAY_CROSS decides (rustup, docker, debian), else
# rustup where it has the target's standard library or can fetch it, else Debian's compilers.
choose_tools() {
  local how=${FOREBAY_CROSS:-}
  if [ -z "$how" ]; then
    if is_native || rustup_has_target; then how=rustup; else how=debian; fi
  fi
  # Apart from the native build: other compilers, other flags.
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross}
  case $how in
    rustup)
      is_native || { rustup_has_target || fail "rustup can't add $triple"; linkers; }
      cargo=(cargo)
      ;;
    docker)
      command -v cross >/dev/null || fail "cross is missing: cargo install cross --locked"
      export CROSS_CONFIG=$root/cross/Cross.toml
      cargo=(cross)
      ;;
    debian) debian_tools ;;
    *) fail "FOREBAY_CROSS=$how: rustup, docker or debian" ;;
  esac
  say "$triple with ${cargo[*]} ($how)"
}

rustup_has_target() {
  command -v rustup >/dev/null || return 1
  (cd "$root" && { rustup target list --installed | grep -qx "$triple" \
    || timeout 300 rustup target add "$triple" >/dev/null 2>&1; })
}

# Debian's C compiler links, and compiles LMDB and ring.
linkers() {
  need "gcc-$gnu" "libc6-dev-$arch-cross"
  local name=${triple//-/_}
  export "CARGO_TARGET_${name^^}_LINKER=$gnu-gcc" "CC_$name=$gnu-gcc"
}

# Debian's Rust (rustc-web follows the current releases). The standard library: Debian's own for aarch64, unpacked beside the
# compiler; for armv7 compiled from its source, since adding that architecture breaks apt on some mirrors.
debian_tools() {
  need rustc-web cargo-web
  is_native || linkers
  export RUSTC=/usr/bin/rustc
  cargo=(/usr/bin/cargo)
  if is_native || [ -d "/usr/lib/rustlib/$triple" ]; then return; fi
  if [ "$arch" = arm64 ]; then
    say "fetching Debian's standard library for $triple"
    foreign_apt "$arch" "$root/target/cross/debian"
    (cd "$root/target/cross/debian" && "${apt[@]}" download libstd-rust-web-dev)
    as_root dpkg -x "$root"/target/cross/debian/libstd-rust-web-dev_*_"$arch".deb /
  else
    need rust-web-src
    export RUSTC_BOOTSTRAP=1
    build_std=(-Zbuild-std=std,panic_abort)
  fi
}
build_std=()

# foreign_apt ARCH FOLDER: sets the array `apt`, an apt-get for another architecture with lists and a configuration of its own
# in the folder: nothing is installed, and this system does not learn of the architecture.
foreign_apt() {
  local arch=$1 folder=$2
  mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/apt/sources"
  : >"$folder/apt/status"
  apt=(
    apt-get -qq -o "Dir::State=$folder/apt" -o "Dir::State::lists=$folder/apt/lists" -o "Dir::State::status=$folder/apt/status"
    -o "Dir::Cache=$folder/apt" -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o APT::Sandbox::User=root
    -o "Dir::Etc::SourceParts=$folder/apt/sources" -o "Dir::Etc::SourceList=/dev/null" -o "APT::Install-Recommends=false"
  )
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    cp /etc/apt/sources.list.d/debian.sources "$folder/apt/sources/"
  else
    grep -h debian.org /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null >"$folder/apt/sources/debian.list"
  fi
  "${apt[@]}" update
}

# Runs cargo's subcommand for the target: cross_cargo build --profile quick ...
cross_cargo() {
  local subcommand=$1
  shift
  (cd "$root" && "${cargo[@]}" "$subcommand" --locked --target "$triple" "${build_std[@]}" "$@")
}

# Where cargo puts what this profile builds.
built() { echo "$CARGO_TARGET_DIR/$triple/$1"; }
