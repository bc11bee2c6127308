#!/usr/bin/env bash
# Installs Debian's browsers, and its loader of Vulkan drivers, where they are missing, where there is apt and the right to use it; all of them, or
# those that are named (chromium, firefox, vulkan, mesa). It never fails and removes nothing: without one of them its tests are skipped, and say so.
wanted=${*:-chromium firefox vulkan mesa}
missing=()
want() { # name, package, what says that it is there
  [[ " $wanted " == *" $1 "* ]] && ! eval "$3" >/dev/null 2>&1 && missing+=("$2")
}
want chromium chromium '[ -x "${MUNJANG_CHROMIUM:-/usr/bin/chromium}" ]'
want firefox firefox-esr '[ -x "${MUNJANG_FIREFOX:-/usr/bin/firefox-esr}" ]'
# npm's webgpu opens it; the driver in software comes with Chromium.
want vulkan libvulkan1 'ls /usr/lib/*/libvulkan.so.1'
# The driver in software that Deno's WebGPU takes.
want mesa mesa-vulkan-drivers 'ls /usr/share/vulkan/icd.d/lvp_icd.*'
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "test/runtimes: no ${missing[*]}, and none can be installed here (apt-get as root would); what needs them is skipped"
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
  dpkg -s "$name" >/dev/null 2>&1 || echo "test/runtimes: $name could not be installed; it is skipped"
done
exit 0
