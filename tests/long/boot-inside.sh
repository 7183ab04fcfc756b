#!/bin/bash
# What tests/long/boot.sh runs inside the emulated system, as its root; lines that begin with "boot:" are what it looks at.
set -uo pipefail

say() { echo "boot: $*"; }
fail() {
  say "FAILED: $*"
  systemctl status --no-pager --full "${unit:-forebay.service}" card.service
  journalctl --no-pager -b | tail -80
  exit 1
}
eventually() {
  local what=$1
  shift
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  fail "waited in vain for $what"
}
get() { curl -fsS "http://127.0.0.1:$1"; }
count() { get "$1/v1/status" | grep -o '"items":[0-9]*' | head -1 | cut -d: -f2; }
# The page size stands in the tree's first page: after the page's head, magic, version, address and size of the map.
pages() { od -An -t u4 -j 40 -N 4 "$1/tree/data.mdb" | tr -d ' '; }

case $1 in
  card)
    for module in virtio_mmio virtio_blk ext4; do modprobe -q "$module"; done
    for _ in $(seq 100); do [ -b /dev/vda ] && break; sleep 0.1; done
    mkdir -p /card
    mount /dev/vda /card || fail "the card can't be mounted"
    for store in forebay forebay.epoch forebay-big forebay-big.epoch; do
      mkdir -p "/card/$store" "/var/lib/$store"
      mount --bind "/card/$store" "/var/lib/$store"
    done
    # The second instance's store begins with pages of 16 KiB.
    if [ ! -s /var/lib/forebay-big/tree/data.mdb ]; then
      mkdir -p /var/lib/forebay-big/tree
      cp /opt/sixteen.mdb /var/lib/forebay-big/tree/data.mdb
    fi
    chown -R forebay:forebay /var/lib/forebay*
    exit 0
    ;;
esac

say "$(uname -m), $(uname -r), pages of $(getconf PAGESIZE) bytes" | sed 's/, pages/\nboot: pages/'
eventually "the unit" systemctl is-active forebay.service
eventually "readiness" get 8000/readyz
say "the unit is active; $(systemctl show -p StatusText --value forebay.service)"
before=$(count 8000)
mosquitto_pub -h 127.0.0.1 -q 1 -t "sensors/hall-$RANDOM/air" -m '{"t": 20.5}' || fail "the reading was not acknowledged"
[ "$(count 8000)" = $((before + 1)) ] || fail "$(count 8000) items after $before and one reading"
say "$((before + 1)) items, one of them from this boot; a tree with pages of $(pages /var/lib/forebay)"
[ "$(pages /var/lib/forebay)" = 4096 ] || fail "the store was made with other pages than 4096"

unit=forebay@big.service
sed -e 's/127.0.0.1:8000/127.0.0.1:8001/' -e 's/127.0.0.1:1883/127.0.0.1:1884/' /etc/forebay/gateway.toml >/etc/forebay/big.toml
systemctl start "$unit" || fail "the second instance did not start"
before=$(count 8001)
mosquitto_pub -h 127.0.0.1 -p 1884 -q 1 -t "sensors/big-$RANDOM/air" -m '{"t": 20.5}' || fail "not acknowledged"
[ "$(count 8001)" = $((before + 1)) ] || fail "$(count 8001) items after $before and one reading in the second store"
systemctl restart "$unit" || fail "the second instance did not start again"
[ "$(count 8001)" = $((before + 1)) ] || fail "$(count 8001) items after a restart"
say "$((before + 1)) items in a store with pages of $(pages /var/lib/forebay-big)"
[ "$(pages /var/lib/forebay-big)" = 16384 ] || fail "the second store has other pages than 16384"
systemctl stop "$unit"

pid=$(systemctl show -p MainPID --value forebay.service)
say "idle: $(grep VmRSS "/proc/$pid/status" | tr -s ' \t' ' '), $(grep RssAnon "/proc/$pid/status" | tr -s ' \t' ' ')"
systemctl stop forebay.service
[ "$(systemctl show -p Result --value forebay.service)" = success ] || fail "it did not stop cleanly"
journalctl --no-pager -b -p warning -u forebay.service -u "$unit" -o cat | sed 's/^/boot: warning: /' | head -5
umount /var/lib/forebay* /card 2>/dev/null
sync
say "all is well"
