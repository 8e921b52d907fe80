#!/bin/sh
# The first program of a guest with systemd: loads the drivers, and becomes systemd.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
for _ in 1 2 3 4 5 6 7 8 9 10; do
  if [ -e /dev/vport0p1 ]; then break; fi
  sleep 0.2
done
# The kernel hands them to this program only, and systemd not to its services.
set | while read -r word; do
  case $word in memguest_*) echo "$word" ;; esac
done >/etc/memguest.env
exec /usr/lib/systemd/systemd
