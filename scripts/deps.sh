#!/usr/bin/env bash
# Installs the Debian packages of scripts/packages.txt that are missing; does nothing when all are there.
set -euo pipefail
list=$(dirname "$0")/packages.txt
missing=()
while read -r name why; do
  case $name in ''|\#*) continue ;; esac
  if ! dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed'; then
    printf 'missing: %-20s %s\n' "$name" "$why"
    missing+=("$name")
  fi
done <"$list"
[ ${#missing[@]} -gt 0 ] || exit 0
sudo=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "deps: run as root, or install sudo" >&2; exit 1; }
  sudo=sudo
  echo "deps: using sudo to install ${#missing[@]} packages"
fi
export DEBIAN_FRONTEND=noninteractive
# coturn is here for its clients. Installing it would start a TURN server on this machine, unless its unit is masked.
if [[ " ${missing[*]} " == *" coturn "* ]] && [ -d /run/systemd/system ]; then $sudo systemctl mask coturn.service; fi
$sudo apt-get update -q
$sudo apt-get install -q -y --no-install-recommends "${missing[@]}"
