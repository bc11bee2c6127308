import { type LateBackend, plain } from "./backend.ts";
import { checkFields, checkNames, checkOneOf, refuse } from "./base/door.ts";
import type { BertConfig } from "./bert/config.ts";
import { aboutDevice, type Opened, openDevice } from "./kernels/webgpu/device.ts";
import { findGpu } from "./kernels/webgpu/find.ts";
import { type GpuKernels, gpuKernels, MOST_TOKENS } from "./kernels/webgpu/index.ts";
import { type LosableKernels, recovering } from "./run/recovering.ts";
import { selfTest, TOLERANCE } from "./self-test.ts";

export { ModelError } from "./base/errors.ts";

/** Options of `webgpu`. */
export interface WebGpuOptions {
  /** Keeps weights as float16: half the memory. Numbers are computed with as float32. Default: false. */
  float16?: boolean;
  /** Which GPU of a machine with two. */
  powerPreference?: "low-power" | "high-performance";
  /**
   * Gives devices (`GPUDevice`) of your own: one when the model is loaded, another whenever that was lost. They stay yours: `dispose` leaves
   * them.
   */
  device?: () => Promise<object>;
}

/** Tokens of a batch by default: GPUs like many; those that are a CPU's imitation are slow, and a call must end some time. */
const TOKENS = { hardware: 4096, software: 64 };
/** Up to how many tokens the product for few of them is used; on software, never. */
const FEW = { hardware: 32, software: 0 };
/** Weights of 11 bits are off by a few thousandths in the end. */
const HALF_TOLERANCE = 5e-3;

/**
 * The backend of a GPU, by WebGPU: `SentenceTransformer.load(model, { backend: webgpu() })`. Vectors are within 1e-4 of those of the other
 * backends, and not the same bits from GPU to GPU. See docs/gpu.md for when it is worth it.
 */
export function webgpu(options: WebGpuOptions = {}): LateBackend {
  checkFields<WebGpuOptions & { signal?: AbortSignal }>(options, { float16: "boolean", device: "function" });
  checkNames(options, ["float16", "powerPreference", "device"]);
  const { float16 = false, powerPreference, device: own } = options;
  if (powerPreference !== undefined) checkOneOf("powerPreference", powerPreference, ["low-power", "high-performance"]);
  const name = float16 ? "webgpu-float16" : "webgpu";
  const open = async (): Promise<Opened> =>
    own === undefined
      ? openDevice(await findGpu(), powerPreference)
      : checkThere(aboutDevice((await own()) as GPUDevice));

  const kind = own === undefined ? `${name} ${powerPreference}` : undefined;
  return {
    name,
    kind,
    async open(load, whole, model) {
      const kernelsOn = ({ device, software }: Opened): LosableKernels<unknown> => {
        const few = software ? FEW.software : FEW.hardware;
        const kernels = gpuKernels(device, { half: float16, binding: bindingOf(device), few }) as GpuKernels<unknown>;
        return { ...kernels, ...whole?.floats(kernels) };
      };
      const opened = await open();
      let done = await loadingTurn(opened.device);
      /** Those that compute, on a device that goes with them. */
      const kernelsFor = (opened: Opened): LosableKernels<unknown> => {
        const kernels = kernelsOn(opened);
        return {
          ...kernels,
          settled: () => kernels.settled().finally(done),
          async dispose() {
            await kernels.dispose();
            done();
            if (own === undefined) opened.device.destroy();
          },
        };
      };
      const trial = kernelsOn(opened);
      try {
        const chosen = plain(trial, load, `asked for: ${opened.about}`);
        let { reason } = chosen;
        if (load.verify !== false) {
          const tolerance = float16 ? HALF_TOLERANCE : TOLERANCE;
          const off = await selfTest(chosen.engine, name, tolerance, model).catch(async (error) => {
            await trial.settled(); // it may know more of what went wrong
            throw error;
          });
          reason += `; the self-test was off by ${off.toExponential(1)}`;
        }
        await trial.settled();
        await trial.dispose();
        const again = async (): Promise<LosableKernels<unknown>> => {
          const opened = await open();
          done = await loadingTurn(opened.device);
          return kernelsFor(opened);
        };
        const engine = recovering(kernelsFor(opened), again, mostTokens(opened.device, model));
        return { ...chosen, reason, engine, tokens: opened.software ? TOKENS.software : TOKENS.hardware };
      } catch (error) {
        await trial.dispose();
        done();
        if (own === undefined) opened.device.destroy();
        throw error;
      }
    },
  };
}

/** Ends of the loads on each device. */
const loads = new WeakMap<GPUDevice, Promise<void>>();

/**
 * Waits for earlier loads on this device: scopes of errors are the device's, and would tell one load of the other's. Whoever has waited calls
 * what this gives, once or more.
 */
async function loadingTurn(device: GPUDevice): Promise<() => void> {
  const before = loads.get(device);
  let done = (): void => {};
  const mine = new Promise<void>((resolve) => {
    done = resolve;
  });
  loads.set(device, mine);
  await before;
  return done;
}

/** A lost device would be taken for one that is lost later, and asked for again without end. */
async function checkThere(opened: Opened): Promise<Opened> {
  const lost = opened.device.lost.then(() => true);
  const later = new Promise<false>((go) => setTimeout(() => go(false)));
  if (await Promise.race([lost, later])) refuse("device", "gave a device that is lost; give a new one");
  return opened;
}

/** Bytes a shader may see of a buffer. */
function bindingOf({ limits }: GPUDevice): number {
  return Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
}

/** Tokens there is room for at once: the widest buffer holds a row of each. */
function mostTokens(device: GPUDevice, model: BertConfig | undefined): number {
  const width = model === undefined ? 1 : Math.max(3 * model.hiddenSize, model.intermediateSize);
  return Math.max(1, Math.min(MOST_TOKENS, Math.floor(bindingOf(device) / (4 * width))));
}
