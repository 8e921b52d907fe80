#!/bin/sh
# A systemctl whose units are files in /run/units. What it is asked to do is added to /run/systemctl.log.
verb=$1
shift
while [ $# -gt 0 ]; do
  case $1 in
    --) shift && break ;;
    -*) shift ;;
    *) break ;;
  esac
done
unit=$1
file=/run/units/$unit
if [ "$verb" = show ]; then
  if [ -e "$file" ]; then
    echo "LoadState=loaded"
    echo "ActiveState=$(cat "$file")"
  else
    echo "LoadState=not-found"
    echo "ActiveState=inactive"
  fi
  exit 0
fi
if [ ! -e "$file" ]; then
  echo "Failed to $verb $unit: Unit $unit not found." >&2
  exit 5
fi
echo "$verb $unit" >>/run/systemctl.log
case $verb in
  stop)
    if [ "$unit" = stubborn.service ]; then
      echo "Job for $unit failed." >&2
      exit 1
    fi
    echo inactive >"$file"
    ;;
  start) echo active >"$file" ;;
  *) exit 64 ;;
esac
