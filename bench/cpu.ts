import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

const INFO = "/proc/cpuinfo";

/** Linux's account of the processors; empty on other systems. */
function account(): string {
  return existsSync(INFO) ? readFileSync(INFO, "utf8") : "";
}

/** A line of that account, of the first processor; empty where it is not there. */
export function cpuinfo(key: string, text = account()): string {
  return new RegExp(`^${key}\\s*:\\s*(.*)$`, "m").exec(text)?.[1].trim() ?? "";
}

/** As results name it: virtual machines call several generations "AMD EPYC", so family and model stand beside the name where they are known. */
export function cpu(text = account()): string {
  const name = cpus()[0]?.model.trim() ?? "an unknown processor";
  const [family, model] = [cpuinfo("cpu family", text), cpuinfo("model", text)];
  return family && model ? `${name} (family ${family}, model ${model})` : name;
}
