#!/usr/bin/env bash
# The Debian package in a clean root of Debian 12: installed, looked at, installed again, removed, purged; nothing is left.
#
#     tests/long/package.sh [PACKAGE|arm64|armhf|amd64]
#
# As root. Given an architecture (amd64 if nothing is said), cross/package makes the package. Installs debootstrap. Two minutes;
# three CPU minutes for ARM, whose programs run through cross/emulated. The unit is not started here: boot.sh does that.
set -euo pipefail
cd "$(dirname "$0")/../.."
repository=$PWD
. cross/lib.sh

[ "$(id -u)" = 0 ] || fail "run it as root: it makes a root of its own and enters it"
case ${1:-amd64} in
  arm64 | armhf | amd64) package=$(cross/package "${1:-amd64}" | tail -1) ;;
  *) package=$1 ;;
esac
choose_target "$(dpkg-deb --field "$package" Architecture)"
enter() { if is_native; then "$@"; else "$repository/cross/emulated" "$@"; fi; }
need debootstrap
root=$(mktemp -d) log=$(mktemp)
chmod 755 "$root"
cleanup() {
  umount -q "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$root" "$log"
}
trap cleanup EXIT
say "making a root for $arch"
# The second half runs programs of the root. The devices are there by then; in the emulation's namespace none can be made, and
# debootstrap needs none if it takes that for a container.
debootstrap --foreign --arch="$arch" --variant=minbase --include=systemd,ca-certificates bookworm "$root" \
  http://deb.debian.org/debian >/dev/null
mount -t proc proc "$root/proc"
enter env container=lxc chroot "$root" /debootstrap/debootstrap --second-stage >"$log" \
  || { cat "$log" "$root/debootstrap/debootstrap.log" >&2; fail "debootstrap's second half"; }
cp "$package" "$root/forebay.deb"
inside() { enter chroot "$root" env LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
# What belongs to no package, but for what apt, dpkg and the user's creation leave.
files() {
  (cd "$root" && find . -xdev \( -path ./proc -o -path ./var/cache -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./tmp \
    -o -path ./var/lib/apt -o -path ./run \) -prune -o -print | grep -vE '^\./etc/(passwd|group|g?shadow|subuid|subgid)-?$|\.pwd\.lock' | sort)
}

before=$(files)
say "installing"
inside apt-get install -y -qq /forebay.deb >/dev/null 2>&1 || inside apt-get install -y /forebay.deb
inside forebay --version
inside forebay check /etc/forebay/gateway.toml
inside getent passwd forebay >/dev/null || fail "the user was not made"
[ -L "$root/etc/systemd/system/multi-user.target.wants/forebay.service" ] || fail "the unit is not enabled"
[ ! -e "$root/etc/systemd/system/sockets.target.wants/forebay.socket" ] || fail "the socket is enabled"
inside systemd-analyze verify --man=no forebay.service || fail "systemd-analyze verify"
for file in usr/share/man/man1/forebay.1.gz usr/share/man/man1/forebay-run.1.gz usr/share/doc/forebay/examples/mosquitto.conf \
  usr/share/bash-completion/completions/forebay usr/share/zsh/vendor-completions/_forebay usr/share/doc/forebay/copyright; do
  # Minimal roots may leave documentation out (dpkg's path-exclude); then dpkg still knows it.
  inside dpkg -L forebay | grep -qx "/$file" || fail "/$file is missing"
done

say "an owner's change outlives an upgrade"
echo '# mine' >>"$root/etc/forebay/gateway.toml"
inside dpkg -i --force-confdef --force-confold /forebay.deb >/dev/null
grep -q '# mine' "$root/etc/forebay/gateway.toml" || fail "the configuration was overwritten"

say "removing keeps the readings, purging does not"
mkdir -p "$root/var/lib/forebay/tree" "$root/var/lib/forebay.epoch" "$root/var/lib/forebay-plant"
echo x >"$root/var/lib/forebay/tree/data.mdb"
inside dpkg --remove forebay >/dev/null
[ -e "$root/var/lib/forebay/tree/data.mdb" ] || fail "removing took the store"
[ -e "$root/etc/forebay/gateway.toml" ] || fail "removing took the configuration"
inside dpkg --purge forebay >/dev/null
[ -d "$root/var/lib/forebay-plant" ] || fail "purging took another instance's store"
rmdir "$root/var/lib/forebay-plant"
rm "$root/forebay.deb"
left=$(comm -13 <(echo "$before") <(files))
[ -z "$left" ] || fail "purging left: $(head -20 <<<"$left")"
say "all is well"
