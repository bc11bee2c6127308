#!/usr/bin/env bash
# munjang/webgpu on a real GPU, in Node, in under five minutes and without a network: its products against the measured peak, its two kernels
# against each other and against jax-js and onnxruntime-web, a model of KR-SBERT's shape. Tells every part in short when it is done, the most
# important first, and then prints JSON, or keeps it in $OUT/gpu.json from the first part on where OUT is set. MODEL: a folder of a model to encode
# sentences with, see on-a-gpu.js. SECONDS_AT_MOST: when it is cut off, 290.
#   bash bench/gpu/on-a-gpu.sh            # all of it
#   bash bench/gpu/on-a-gpu.sh --small    # a check of the script itself: software adapters get through it in a minute or two
#   bash bench/gpu/on-a-gpu.sh --onnx --parts=largeProduct,sentences --file=onnx.json   # beside onnxruntime-web; some parts, to $OUT/onnx.json
# It needs Node 20, a Vulkan driver, and made before where there is a network: dist (npm run build) and bench/gpu/node_modules (npm ci
# --prefix bench/gpu), of which @jax-js, onnxruntime-web and of webgpu index.js, package.json and dist/linux-x64 are enough. Where Vulkan's loader is missing, libvulkan.so.1 in
# bench/gpu/.cache/lib is taken.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
for needed in dist/kernels/webgpu/index.js bench/gpu/node_modules/webgpu/index.js; do
  [ -e "$needed" ] || { echo "on-a-gpu: no $needed; npm run build and npm ci --prefix bench/gpu make it" >&2; exit 1; }
done
[ -d bench/gpu/.cache/lib ] && export LD_LIBRARY_PATH="$PWD/bench/gpu/.cache/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# NVIDIA's driver in a container may come without the file that tells Vulkan's loader of it.
if [ -z "${VK_ICD_FILENAMES:-}" ] && ! ls /usr/share/vulkan/icd.d/nvidia* /etc/vulkan/icd.d/nvidia* >/dev/null 2>&1; then
  library=$(ldconfig -p 2>/dev/null | sed -n 's/.*=> \(.*libGLX_nvidia\.so\.0\)$/\1/p' | head -n 1)
  if [ -n "$library" ]; then
    VK_ICD_FILENAMES=$(mktemp --suffix=.json)
    export VK_ICD_FILENAMES
    echo "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":\"$library\",\"api_version\":\"1.3.0\"}}" >"$VK_ICD_FILENAMES"
  fi
fi
timeout "${SECONDS_AT_MOST:-290}" node bench/gpu/on-a-gpu.js "$@"
status=$?
if [ $status -ne 0 ]; then
  echo "on-a-gpu: ended with $status. Vulkan here: ${VK_ICD_FILENAMES:-} $(ls /usr/share/vulkan/icd.d /etc/vulkan/icd.d 2>/dev/null | tr '\n' ' ')" >&2
  ldconfig -p 2>/dev/null | grep -E "libvulkan|GLX_nvidia|EGL_nvidia|nvidia-vulkan" >&2
  command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version --format=csv >&2
fi
exit $status
