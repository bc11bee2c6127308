#!/usr/bin/env bash
# Installs Debian's browsers where they are missing, where there is apt and the right to use it. It never fails and removes nothing: without a
# browser its tests are skipped, and say so.
missing=()
[ -x "${MUNJANG_CHROMIUM:-/usr/bin/chromium}" ] || missing+=(chromium)
[ -x "${MUNJANG_FIREFOX:-/usr/bin/firefox-esr}" ] || missing+=(firefox-esr)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "test/runtimes: no ${missing[*]}, and none can be installed here (apt-get as root would); these browsers are skipped"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends "$1" >/dev/null 2>&1; }
updated=
for name in "${missing[@]}"; do
  echo "test/runtimes: installing Debian's $name"
  if ! install "$name" && [ -z "$updated" ]; then
    updated=yes
    apt-get update -q >/dev/null 2>&1
    install "$name"
  fi
  command -v "$name" >/dev/null || echo "test/runtimes: $name could not be installed; it is skipped"
done
exit 0
