#!/usr/bin/env bash
# The units under a real systemd, in a container of this Debian: boot, a reading in over MQTT and out over HTTP, fields in the
# journal, reload, watchdog, kill -9, a wrong configuration, stop, a second instance, socket activation.
#
#     tests/long/service.sh [BINARY]      as root, on Debian with systemd; installs systemd-container; two minutes
#
# The container's root is this machine's own, read-only, below a layer in memory; its network is its own loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."

binary=$(realpath "${1:-target/quick/forebay}")
[ "$(id -u)" = 0 ] || { echo "run it as root: it starts a container"; exit 1; }
[ -x "$binary" ] || { echo "$binary is missing: cargo build --profile quick"; exit 1; }
missing=()
command -v systemd-nspawn >/dev/null || missing+=(systemd-container)
command -v mosquitto_pub >/dev/null || missing+=(mosquitto-clients)
command -v curl >/dev/null || missing+=(curl)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

work=$(mktemp -d)
machine=forebay-test-$$
cleanup() {
  umount -q "$work/root" 2>/dev/null || true
  umount -q "$work/layer" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
mkdir -p "$work/layer" "$work/root"
mount -t tmpfs tmpfs "$work/layer"
mkdir -p "$work/layer/up" "$work/layer/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/layer/up,workdir=$work/layer/work" "$work/root"
root=$work/root

# Nothing of this machine's starts in there but systemd's own, and what is looked at.
rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/*.service.d "$root"/var/lib/forebay* "$root"/etc/forebay
: >"$root/etc/machine-id"
mkdir -p "$root/opt/forebay"
cp -r systemd configs docs "$root/opt/forebay/"
install -m 0755 "$binary" "$root/opt/forebay/forebay"
install -m 0755 tests/long/service-inside.sh "$root/opt/service-inside.sh"
cat >"$root/etc/systemd/system/service-test.service" <<UNIT
[Unit]
Description=The test
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/opt/service-inside.sh >/opt/result 2>&1; echo "exit \$?" >>/opt/result'
ExecStopPost=/bin/systemctl poweroff --no-block
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../service-test.service "$root/etc/systemd/system/multi-user.target.wants/service-test.service"
# postgres and its like may come by generators.
for unit in postgresql.service cron.service; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done

timeout 600 systemd-nspawn --quiet --directory "$root" --boot --register=no --keep-unit --link-journal=no \
  --system-call-filter="adjtimex clock_adjtime" --private-network --machine "$machine" </dev/null >"$work/console" 2>&1 || true
cat "$root/opt/result" 2>/dev/null || { tail -50 "$work/console"; echo "the container did not get to the test"; exit 1; }
tail -1 "$root/opt/result" | grep -qx "exit 0"
