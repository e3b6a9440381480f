#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# boot.sh FOLDER BUILD: as the first process of new namespaces (process, mount,
# network, cgroup and others), become a systemd that runs FOLDER/inside.py. Its
# files are this machine's with BUILD installed; what it writes is in memory.
# Nothing of it outlives it.
set -eu
folder=$1 build=$2
tree=$folder/tree

mkdir -p "$tree"
mount -t tmpfs -o size=2g,mode=755 none "$tree"
mkdir "$tree/upper" "$tree/work" "$tree/root"
root=$tree/root
mount -t overlay -o "lowerdir=/,upperdir=$tree/upper,workdir=$tree/work" overlay "$root"

# What would reach the kernel of the machine is read-only.
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,ro,bind "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 none "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs none "$root/dev/shm"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs none "$root/tmp"
ip link set lo up

# From here on whatever fails is a fault.
: >"$folder/mounted"
make -s -C "$build" install "DESTDIR=$root" >"$folder/install.log" 2>&1
mount --bind "$folder" "$root/mnt"
cat >"$root/etc/systemd/system/inside.service" <<EOF
[Unit]
DefaultDependencies=no
After=basic.target
Requires=basic.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /mnt/inside.py
StandardOutput=file:/mnt/inside.log
StandardError=inherit
EOF

cd "$root"
mkdir -p old
pivot_root . old
exec chroot . sh -c 'umount -l /old; exec env -i container=lxc PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --log-target=journal --show-status=0 --unit=inside.service'
