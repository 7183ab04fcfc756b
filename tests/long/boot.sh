#!/usr/bin/env bash
# A whole arm64 system, emulated: Debian's kernel and systemd, our package, the real unit. A reading in over MQTT and out over
# HTTP, memory when idle, power off; on kernels with pages of 4 KiB and of 16 KiB (a Raspberry Pi 5's), with the card (a
# disk image) going from one to the other and back, a store of each page size on it.
#
#     tests/long/boot.sh [PACKAGE]        default: cross/package arm64 makes it; installs qemu; five minutes
#
# No network: the machine has no card. Everything is kept below target/boot; nothing here needs root but installing qemu.
set -euo pipefail
cd "$(dirname "$0")/../.."
repository=$PWD
. cross/lib.sh

package=${1:-}
[ -n "$package" ] || package=$(cross/package arm64 | tail -1)
package=$(realpath "$package")
need qemu-system-arm cpio gzip e2fsprogs kmod python3
work=$repository/target/boot
mkdir -p "$work"
foreign_apt arm64 "$work/debs"
say "fetching Debian's packages"
"${apt[@]}" install -y --download-only systemd systemd-sysv dash bash coreutils base-files base-passwd mount util-linux login \
  libc-bin kmod procps curl mosquitto-clients grep sed hostname findutils
kernel() { # the package that a kernel's name stands for
  (cd "$work" && apt-cache "${apt[@]:2}" depends "$1") | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -1
}

# The root: packages unpacked, and what their maintainer scripts would have done.
root=$work/root
rm -rf "$root"
mkdir -p "$root"/usr/{bin,sbin,lib}
for folder in bin sbin lib; do ln -s "usr/$folder" "$root/$folder"; done
for deb in "$work"/debs/apt/archives/*.deb "$package"; do
  dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$root" --no-same-owner --keep-directory-symlink
done
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
ln -sf /usr/lib/systemd/systemd "$root/init"
ln -sf /bin/bash "$root/bin/sh"
echo gateway >"$root/etc/hostname"
: >"$root/etc/machine-id"
units=$root/etc/systemd/system
mkdir -p "$units/multi-user.target.wants" "$root/opt" "$root/var/lib/forebay"
ln -sf /usr/lib/systemd/system/forebay.service "$units/multi-user.target.wants/"
ln -sf /usr/lib/systemd/system/multi-user.target "$units/default.target"
for unit in getty@tty1 serial-getty@ttyAMA0 systemd-networkd systemd-timesyncd systemd-resolved; do
  ln -sf /dev/null "$units/$unit.service"
done
cp tests/long/boot-inside.sh "$root/opt/inside"
chmod +x "$root/opt/inside"
# A tree as LMDB itself begins one on a kernel with pages of 16 KiB: two meta pages, for the second instance.
python3 - >"$root/opt/sixteen.mdb" <<'END'
import struct, sys
def page(number):
    database = lambda pad, flags: struct.pack("<IHH4QQ", pad, flags, 0, 0, 0, 0, 0, 2**64 - 1)
    head = struct.pack("<QHHI", number, 0, 8, 0) + struct.pack("<IIQQ", 0xBEEFC0DE, 1, 0, 0)
    return (head + database(16384, 8) + database(0, 0) + struct.pack("<QQ", 1, 0)).ljust(16384, b"\0")
sys.stdout.buffer.write(page(0) + page(1))
END
cat >"$units/card.service" <<'END'
[Unit]
Description=The card
DefaultDependencies=no
Before=forebay.service sysinit.target
After=systemd-sysusers.service systemd-udevd.service
[Service]
Type=oneshot
ExecStart=/opt/inside card
StandardOutput=tty
TTYPath=/dev/console
END
cat >"$units/inside.service" <<'END'
[Unit]
Description=What is looked at
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/opt/inside look
ExecStopPost=/bin/systemctl poweroff --force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
END
ln -sf /etc/systemd/system/card.service "$units/multi-user.target.wants/card.service"
ln -sf /etc/systemd/system/inside.service "$units/multi-user.target.wants/inside.service"
mkdir -p "$units/forebay.service.d"
printf '[Unit]\nRequires=card.service\nAfter=card.service\n' >"$units/forebay.service.d/card.conf"

# boot NAME KERNEL CPU: one run; its console goes to target/boot/NAME.console.
boot() {
  local name=$1 cpu=$3 image version console=$work/$1.console folder=$work/kernel-$1
  image=$(kernel "$2")
  if [ ! -d "$folder/$image" ]; then
    say "fetching $image"
    rm -rf "$folder"
    mkdir -p "$folder/$image"
    (cd "$folder" && "${apt[@]}" download "$image" && dpkg -x ./*.deb "$image" && rm ./*.deb)
  fi
  version=$(ls "$folder/$image/lib/modules" 2>/dev/null || ls "$folder/$image/usr/lib/modules")
  local modules=$folder/$image/lib/modules/$version
  [ -d "$modules" ] || modules=$folder/$image/usr/lib/modules/$version
  # Only the modules that a disk needs.
  rm -rf "$root/usr/lib/modules" && mkdir -p "$root/usr/lib/modules/$version"
  find "$modules" -regextype posix-extended \
    -regex '.*/(virtio[a-z_]*|ext4|jbd2|mbcache|crc16|crc32c[a-z_]*|libcrc32c|failover)\.ko(\.xz)?' \
    -exec cp {} "$root/usr/lib/modules/$version/" \;
  cp "$modules"/modules.builtin* "$modules/modules.order" "$root/usr/lib/modules/$version/"
  depmod -b "$root/usr" "$version" 2>/dev/null || depmod -b "$root" "$version"
  (cd "$root" && find . | cpio -o -H newc --quiet --owner 0:0 | gzip -1) >"$work/initrd"
  say "booting $version ($cpu)"
  timeout 900 qemu-system-aarch64 -M virt -cpu "$cpu" -smp 2 -m 1024 -nic none -nographic -no-reboot \
    -kernel "$folder/$image/boot/vmlinuz-$version" -initrd "$work/initrd" \
    -append "console=ttyAMA0 quiet loglevel=3 systemd.show_status=no panic=-1" \
    -drive "file=$work/card.img,format=raw,if=none,id=card" -device virtio-blk-device,drive=card \
    </dev/null >"$console" 2>&1 || true
  tr -d '\r' <"$console" | grep -a '^boot: ' | sed "s/^boot:/  $name:/"
  grep -aq '^boot: all is well' "$console" || { tail -60 "$console"; fail "the system did not do what it should ($console)"; }
}

rm -f "$work/card.img"
truncate -s 512M "$work/card.img"
mkfs.ext4 -q -F "$work/card.img"
boot four linux-image-cloud-arm64 cortex-a53
boot sixteen linux-image-6.12-arm64-16k cortex-a76
boot four-again linux-image-cloud-arm64 cortex-a53
grep -aq '^boot: pages of 4096 bytes' "$work/four.console" || fail "the first kernel has other pages than it should"
grep -aq '^boot: pages of 16384 bytes' "$work/sixteen.console" || fail "the second kernel has other pages than it should"
say "all is well"
