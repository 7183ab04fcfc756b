#!/usr/bin/env bash
# What tests/long/service.sh runs inside the container, as its root.
set -euo pipefail

step() { echo "== $*"; }
fail() {
  echo "FAILED: $*"
  systemctl status --no-pager --full forebay.service || true
  journalctl --no-pager -u forebay.service -n 60 || true
  exit 1
}
# Looks again and again, for what other processes do.
eventually() {
  local what=$1
  shift
  for _ in $(seq 1800); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "waited in vain for $what"
}
property() { systemctl show --property "$2" --value "$1"; }
is() { [ "$(property "$1" "$2")" = "$3" ]; }
log() { journalctl --no-pager -u "$1" -o cat; }
logged() { log "$1" | grep -qF -- "$2"; }
status() { curl -fsS "http://127.0.0.1:${1:-8000}/v1/status"; }
items() { curl -fsS "http://127.0.0.1:8000/v1/tables/readings/items/$1"; }
publish() { mosquitto_pub -p "${3:-1883}" -q 1 -t "sensors/$1/air" -m "{\"t\": $2}"; }

step "installed as docs/service.md says"
cd /opt/forebay
sudo() { "$@"; }
eval "$(awk '/^```/ { if (inside) exit; inside = /bash/; next } inside' docs/service.md)" >/dev/null || fail "the installation"

step "the units are clean"
for unit in forebay.service forebay@plant.service forebay.socket; do
  found=$(systemd-analyze verify --man=no --recursive-errors=no "/etc/systemd/system/${unit/plant/}" 2>&1 || true)
  [ -z "$found" ] || fail "systemd-analyze verify $unit: $found"
done
exposure=$(systemd-analyze security --no-pager forebay.service | tail -1)
echo "   $exposure"
systemd-analyze security --no-pager --threshold=15 forebay.service >/dev/null || fail "$exposure"

step "start: ready means ready"
curl -fsS http://127.0.0.1:8000/readyz >/dev/null || fail "started, and not ready"
first=$(property forebay.service MainPID)
[ "$(stat -c %U "/proc/$first")" = forebay ] || fail "it does not run as forebay"

step "a reading in over MQTT, out over HTTP"
publish a 21
items a | grep -q '"t":21' || fail "the reading is not there: $(items a)"
eventually "the status line" sh -c 'systemctl show --property StatusText --value forebay.service | grep -q items'
echo "   $(property forebay.service StatusText)"

step "fields in the journal"
journalctl --sync
fields=$(journalctl --no-pager -u forebay.service -o json FOREBAY_PATH=/var/lib/forebay)
echo "$fields" | grep -q '"MESSAGE":"store path=/var/lib/forebay"' || fail "no field FOREBAY_PATH: $fields"
echo "$fields" | grep -q '"PRIORITY":"6"' || fail "no priority: $fields"
echo "$fields" | grep -q '"_TRANSPORT":"journal"' || fail "it came by standard error: $fields"

step "what the sandbox must leave: the boot's id, the clock's word, the epoch beside the store"
[ -s /var/lib/forebay.epoch/epoch ] || fail "no epoch beside the store"
! logged forebay.service "WARN" || fail "warnings"
nsenter -t "$first" -m cat /proc/sys/kernel/random/boot_id >/dev/null || fail "no boot id"
case $(uname -m) in x86_64) adjtimex=159 ;; aarch64) adjtimex=171 ;; *) adjtimex=124 ;; esac
mapfile -t filters < <(sed -n 's/^SystemCallFilter=/-pSystemCallFilter=/p' /etc/systemd/system/forebay.service)
systemd-run --quiet --wait --pipe -p User=forebay -p CapabilityBoundingSet= "${filters[@]}" \
  perl -e "my \$b = \"\\0\" x 512; exit(syscall($adjtimex, \$b) < 0)" || fail "the filter refuses adjtimex"
! nsenter -t "$first" -m touch /etc/x /usr/x /home/x /var/lib/x 2>/dev/null || fail "the sandbox leaks"

step "reload: a wrong file fails, says where, and changes nothing"
cp -p /etc/forebay/gateway.toml /root/gateway.toml
echo "frobnicate = 1" >>/etc/forebay/gateway.toml
! systemctl reload forebay.service 2>/dev/null || fail "a wrong file was accepted"
logged forebay.service "gateway.toml:" || fail "the place is not said"
is forebay.service ActiveState active || fail "the failed reload ended it"
# The daemon itself refuses it as well.
kill -HUP "$first"
eventually "the refusal" sh -c 'curl -fsS http://127.0.0.1:8000/v1/status | grep -q "\"refused\":1"'
[ "$(journalctl --no-pager -u forebay.service -o json FOREBAY_ERROR="$(status | python3 -c 'import json,sys; print(json.load(sys.stdin)["configuration"]["error"])')" | grep -c '"PRIORITY":"3"')" = 1 ] || fail "the refusal is not in the journal as an error"

step "reload: a right one applies, with the same process"
cp -p /root/gateway.toml /etc/forebay/gateway.toml
cat >>/etc/forebay/gateway.toml <<'TOML'
[[table]]
name = "more"
partition_key = { name = "id", type = "S" }
TOML
systemctl reload forebay.service
eventually "the new table" curl -fsS http://127.0.0.1:8000/v1/tables/more
eventually "the end of the reload" is forebay.service SubState running
is forebay.service MainPID "$first" || fail "the reload took another process"

step "watchdog: a process that hangs is started again"
kill -STOP "$first"
eventually "the watchdog" sh -c "[ \$(systemctl show --property NRestarts --value forebay.service) -ge 1 ]"
eventually "the new start" curl -fsS http://127.0.0.1:8000/readyz
logged forebay.service "Watchdog timeout" || journalctl --no-pager -u forebay.service | grep -q "watchdog" || fail "it was not the watchdog"
items a | grep -q '"t":21' || fail "the reading is gone after the watchdog"

step "kill -9: started again, with everything"
publish b 22
second=$(property forebay.service MainPID)
[ "$second" != "$first" ] || fail "the same process"
kill -KILL "$second"
eventually "another process" sh -c "[ \$(systemctl show --property MainPID --value forebay.service) -ne $second ] && curl -fsS http://127.0.0.1:8000/readyz"
items b | grep -q '"t":22' || fail "an acknowledged reading is gone"

step "stop: within 30 s, cleanly"
begun=$(date +%s)
systemctl stop forebay.service
took=$(($(date +%s) - begun))
[ "$took" -lt 30 ] || fail "stopping took $took s"
is forebay.service Result success || fail "the stop was not clean: $(property forebay.service Result)"
logged forebay.service "stopped" || fail "it did not fold"

step "state survives; memory at rest"
systemctl start forebay.service
items b | grep -q '"t":22' || fail "the state is gone"
echo "   $(grep VmRSS "/proc/$(property forebay.service MainPID)/status")"
systemctl stop forebay.service

step "a wrong configuration is not tried again"
echo "frobnicate = 1" >>/etc/forebay/gateway.toml
before=$(property forebay.service NRestarts)
! systemctl start forebay.service 2>/dev/null || fail "it started"
is forebay.service ExecMainStatus 78 || fail "exit $(property forebay.service ExecMainStatus)"
eventually "the failure" is forebay.service ActiveState failed
sleep 3 # longer than RestartSec: nothing may happen, and nothing tells that it won't
is forebay.service ActiveState failed && [ "$(property forebay.service NRestarts)" = "$before" ] || fail "it was tried again"
journalctl --no-pager -u forebay.service -o json -p err | grep -q frobnicate || fail "the reason is not in the journal as an error"
cp -p /root/gateway.toml /etc/forebay/gateway.toml
systemctl reset-failed forebay.service

step "credentials, and an upstream that is not there"
printf 'wJalr' >/etc/forebay/aws-secret && chmod 0600 /etc/forebay/aws-secret
mkdir -p /etc/systemd/system/forebay.service.d
cat >/etc/systemd/system/forebay.service.d/credentials.conf <<'UNIT'
[Service]
LoadCredential=aws-secret:/etc/forebay/aws-secret
UNIT
cat >>/etc/forebay/gateway.toml <<'TOML'
[[upstream]]
name = "central"
endpoint = "http://127.0.0.1:9"
region = "eu-west-1"
access_key_id = "AKIA"
secret_access_key_file = "${CREDENTIALS_DIRECTORY}/aws-secret"
TOML
systemctl daemon-reload
systemctl start forebay.service
eventually "the upstream" sh -c 'curl -fsS http://127.0.0.1:8000/v1/status | grep -q refused'
systemctl reload forebay.service || fail "no reload with credentials"
eventually "the reload" sh -c 'curl -fsS http://127.0.0.1:8000/v1/status | grep -q "\"reloads\":1"'
systemctl stop forebay.service
! log forebay.service | grep -q wJalr || fail "a secret was logged"
cp -p /root/gateway.toml /etc/forebay/gateway.toml

step "a second instance"
sed -e 's/127.0.0.1:8000/127.0.0.1:8100/' -e 's/127.0.0.1:1883/127.0.0.1:1983/' /etc/forebay/gateway.toml >/etc/forebay/plant.toml
chown root:forebay /etc/forebay/plant.toml && chmod 0640 /etc/forebay/plant.toml
systemctl start forebay.service forebay@plant.service
publish c 23 1983
curl -fsS http://127.0.0.1:8100/v1/tables/readings/items/c | grep -q '"t":23' || fail "not in the second"
! items c 2>/dev/null | grep -q '"t":23' || fail "in the first"
[ -d /var/lib/forebay-plant/journal ] || fail "its store is elsewhere"
systemctl stop forebay.service forebay@plant.service

step "sockets that systemd holds: nobody is refused while it restarts"
systemctl start forebay.socket
! is forebay.service ActiveState active || fail "it runs before anybody came"
publish d 24
items d | grep -q '"t":24' || fail "the reading that started it is gone"
systemctl restart --no-block forebay.service
for n in 1 2 3 4 5 6 7 8 9 10; do publish e "$n" || fail "refused while it restarted"; done
systemctl stop forebay.socket forebay.service

step "done"
