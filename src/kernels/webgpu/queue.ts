import { ModelError } from "../../base/errors.ts";
import { type GpuBuffer, MAP_READ, USAGE } from "./types.ts";

/** A device's memory, and its work in the order in which it was asked for. */
export interface Queue {
  /** So many numbers of 32 bits, all 0. */
  buffer(length: number, usage?: number): GpuBuffer;
  /** A buffer with these numbers in it; float16 come two in 32 bits. */
  filled(values: Float32Array | Uint16Array): GpuBuffer;
  /** After what was asked for before. */
  write(to: GpuBuffer, values: Float32Array | Uint32Array): void;
  /** Records a shader; its code is asked for once for every key. Bindings are numbered as the buffers stand. */
  dispatch(key: string, code: () => string, buffers: readonly GpuBuffer[], x: number, y?: number): void;
  read(from: GpuBuffer, length: number): Promise<Float32Array>;
  free(...buffers: GpuBuffer[]): void;
  settled(): Promise<void>;
  lost(): string | undefined;
  dispose(): void;
}

const SCOPES = ["out-of-memory", "validation", "internal"] as const;

/** A device's shaders outlive the kernels that asked for them: some drivers take seconds to compile one. */
const compiled = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

function pipelinesOf(device: GPUDevice): Map<string, GPUComputePipeline> {
  const pipelines = compiled.get(device) ?? new Map<string, GPUComputePipeline>();
  compiled.set(device, pipelines);
  return pipelines;
}

export function queueOf(device: GPUDevice, name: string): Queue {
  const all = new Set<GPUBuffer>();
  const pipelines = pipelinesOf(device);
  const groups = new Map<string, GPUBindGroup>();
  /** Of copies that have been taken out, for the next. */
  const spare: GPUBuffer[] = [];
  /** Reads under way. */
  let reading = 0;
  let ids = 0;
  let encoder: GPUCommandEncoder | undefined;
  let pass: GPUComputePassEncoder | undefined;
  let lost: string | undefined;
  let wrong: string | undefined;
  const losing = device.lost.then(({ reason, message }) => {
    lost = message || reason || "no reason was given";
  });
  const note = ({ error }: GPUUncapturedErrorEvent): void => {
    wrong ??= error.message;
  };
  device.addEventListener("uncapturederror", note);
  // What goes wrong while the model is loaded is asked for in the end.
  for (const scope of SCOPES) device.pushErrorScope(scope);
  let scopes: number = SCOPES.length;

  const error = (problem: string): ModelError => new ModelError(`${name}: ${problem}`, { field: "backend" });
  const lostError = (): ModelError =>
    error(`the GPU was lost (${lost}); what was under way is gone, and the next call begins anew`);
  /** What has gone wrong since it was last asked: an error is told once, and what stays wrong makes another at its next use. */
  function trouble(): ModelError | undefined {
    if (lost !== undefined) return lostError();
    const problem = wrong;
    wrong = undefined;
    return problem === undefined ? undefined : error(problem);
  }

  const memoryError = (cause: string): ModelError =>
    error(`the GPU has not enough memory for this model; float16 takes half (${cause})`);

  function create(bytes: number, usage: number, mappedAtCreation = false): GPUBuffer {
    // A buffer of nothing cannot be bound, and copies come in fours.
    const size = Math.max(16, Math.ceil(bytes / 4) * 4);
    try {
      const made = device.createBuffer({ size, usage, mappedAtCreation });
      all.add(made);
      return made;
    } catch (cause) {
      // The standard has it where a mapped buffer finds no room on this side.
      throw cause instanceof RangeError ? memoryError(cause.message) : cause;
    }
  }

  /** Ends the scopes that are still open, the innermost first, all at once: nobody else's may come between. */
  function popScopes(): Promise<(GPUError | null)[]> {
    const open = scopes;
    scopes = 0;
    return Promise.all(Array.from({ length: open }, () => device.popErrorScope()));
  }

  function buffer(length: number, usage: number = USAGE.storage): GpuBuffer {
    return { id: ids++, buffer: create(4 * length, usage), length };
  }

  /** Hands over what has been recorded. */
  function submit(copy?: (encoder: GPUCommandEncoder) => void): void {
    pass?.end();
    if (copy !== undefined) {
      encoder ??= device.createCommandEncoder();
      copy(encoder);
    }
    if (encoder !== undefined) device.queue.submit([encoder.finish()]);
    pass = undefined;
    encoder = undefined;
  }

  return {
    buffer,
    filled(values) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      const made = {
        id: ids++,
        buffer: create(bytes.length, USAGE.storage, true),
        length: Math.ceil(bytes.length / 4),
      };
      new Uint8Array(made.buffer.getMappedRange()).set(bytes);
      made.buffer.unmap();
      return made;
    },
    write(to, values) {
      submit(); // a write goes before whatever is submitted after it
      device.queue.writeBuffer(to.buffer, 0, values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
    },
    dispatch(key, code, buffers, x, y = 1) {
      let pipeline = pipelines.get(key);
      if (pipeline === undefined) {
        const module = device.createShaderModule({ code: code(), label: key });
        pipeline = device.createComputePipeline({
          layout: "auto",
          compute: { module, entryPoint: "main" },
          label: key,
        });
        pipelines.set(key, pipeline);
      }
      const bound = `${key}: ${buffers.map(({ id }) => id)}`;
      let group = groups.get(bound);
      if (group === undefined) {
        const entries = buffers.map(({ buffer }, binding) => ({ binding, resource: { buffer } }));
        group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
        groups.set(bound, group);
      }
      encoder ??= device.createCommandEncoder();
      pass ??= encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y);
    },
    async read(from, length) {
      const bytes = 4 * length;
      if (bytes === 0) return new Float32Array(0);
      const place = spare.findIndex(({ size }) => size >= bytes);
      // As large as what is copied from: the longest batch's will do for all. Others, beside one that is under way, are let go of again.
      const only = reading++ === 0;
      const staging = place < 0 ? create(only ? from.buffer.size : bytes, USAGE.staging) : spare.splice(place, 1)[0];
      submit((encoder) => encoder.copyBufferToBuffer(from.buffer, 0, staging, 0, bytes));
      try {
        await staging.mapAsync(MAP_READ, 0, bytes).finally(() => reading--);
      } catch (cause) {
        // A device tells of its loss a moment after it has refused.
        let timer: ReturnType<typeof setTimeout> | undefined;
        const late = new Promise((go) => {
          timer = setTimeout(go, 1000);
        });
        await Promise.race([losing, late]);
        clearTimeout(timer);
        throw trouble() ?? error(`nothing could be read back: ${cause}`);
      }
      const values = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
      staging.unmap();
      if (spare.length === 0) spare.push(staging);
      else {
        all.delete(staging);
        staging.destroy();
      }
      const problem = trouble();
      if (problem !== undefined) throw problem;
      return values;
    },
    free(...buffers) {
      if (buffers.length === 0) return;
      submit();
      for (const { buffer } of buffers) {
        all.delete(buffer);
        buffer.destroy();
      }
      groups.clear();
    },
    async settled() {
      submit();
      const errors = new Map<string, string>();
      for (const [n, found] of (await popScopes()).entries()) {
        if (found !== null) errors.set(SCOPES[SCOPES.length - 1 - n], found.message);
      }
      if (lost !== undefined) throw lostError();
      const memory = errors.get("out-of-memory");
      if (memory !== undefined) throw memoryError(memory);
      for (const message of errors.values()) throw error(message);
    },
    lost: () => lost,
    dispose() {
      popScopes().catch(() => {}); // of a load that failed
      device.removeEventListener("uncapturederror", note);
      for (const buffer of all) buffer.destroy();
      all.clear();
      groups.clear();
    },
  };
}
