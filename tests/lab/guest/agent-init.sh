#!/bin/sh
# The first program of a guest with an agent: starts the agent, and then becomes the program that all guests run.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir -p /run/units /var/run
for unit in /etc/units/*; do cat "$unit" >"/run/units/${unit##*/}"; done
while read -r module; do insmod "/modules/$module"; done </modules/order
for _ in 1 2 3 4 5 6 7 8 9 10; do
  if [ -e /dev/vport0p1 ]; then break; fi
  sleep 0.2
done
qemu-ga --method=virtio-serial --path=/dev/vport0p1 --pidfile=/run/qemu-ga.pid --statedir=/run </dev/null >/run/qemu-ga.log 2>&1 &
exec /memguest
