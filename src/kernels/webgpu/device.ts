import { refuse } from "../../base/door.ts";
import { show } from "../../base/errors.ts";

/** What is needed of an adapter; all of it is what every adapter of the standard has. */
const NEEDED = {
  maxComputeInvocationsPerWorkgroup: 128,
  maxComputeWorkgroupSizeX: 128,
  maxComputeWorkgroupStorageSize: 16_384,
  maxStorageBuffersPerShaderStage: 5,
} as const;

/** As large as the adapter allows. */
const WANTED = ["maxBufferSize", "maxStorageBufferBindingSize"] as const;

export interface Opened {
  readonly device: GPUDevice;
  /** What it is, as it says: `nvidia ampere`. */
  readonly about: string;
  /** It computes on the CPU. */
  readonly software: boolean;
}

/** A device of its own, of the runtime's best adapter. */
export async function openDevice(gpu: GPU | undefined, powerPreference?: GPUPowerPreference): Promise<Opened> {
  if (gpu === undefined) {
    refuse(
      "backend",
      "webgpu needs WebGPU, which this runtime has not got, or not here (pages need https); use another backend",
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference }).catch((cause: unknown) => {
    return refuse("backend", `webgpu: the runtime refused an adapter: ${cause}`);
  });
  if (adapter === null) refuse("backend", "webgpu: the runtime found no GPU it would use; use another backend");
  const info: GPUAdapterInfo | undefined = adapter.info; // the first browsers with WebGPU have none
  const about = info ? describe(info) : "the adapter";
  for (const [limit, least] of Object.entries(NEEDED)) {
    const has = adapter.limits[limit as keyof typeof NEEDED];
    if (!(has >= least)) refuse("backend", `webgpu needs ${limit} of ${least}; ${about} has ${has}`);
  }
  const requiredLimits = Object.fromEntries(WANTED.map((limit) => [limit, adapter.limits[limit]]));
  try {
    return {
      device: await adapter.requestDevice({ requiredLimits }),
      about,
      software: info !== undefined && isSoftware(info),
    };
  } catch (cause) {
    return refuse("backend", `webgpu: ${about} gave no device: ${cause}`);
  }
}

/** The same of a caller's device. */
export function aboutDevice(device: GPUDevice): Opened {
  if (typeof device?.createComputePipeline !== "function")
    refuse("device", `must give a GPUDevice, not ${show(device)}`);
  const info = device.adapterInfo;
  return {
    device,
    about: info ? describe(info) : "the caller's device",
    software: info !== undefined && isSoftware(info),
  };
}

function describe({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  // Some runtimes have numbers for the vendor and the device.
  const parts = [...new Set([vendor, architecture, device, description])].filter((part) =>
    /^(?!0x).*[a-z]/i.test(part ?? ""),
  );
  return parts.join(" ") || "an adapter without a name";
}

/** Adapters that compute on the CPU do not always say so. */
function isSoftware(info: GPUAdapterInfo): boolean {
  const names = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/i.test(names);
}
