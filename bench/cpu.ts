import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

const INFO = "/proc/cpuinfo";

/** A line of Linux's account of the first processor; empty on other systems. */
export function cpuinfo(key: string): string {
  if (!existsSync(INFO)) return "";
  return new RegExp(`^${key}\\s*:\\s*(.*)$`, "m").exec(readFileSync(INFO, "utf8"))?.[1].trim() ?? "";
}

/** As results name it: virtual machines call several generations "AMD EPYC", so family and model stand beside the name where they are known. */
export function cpu(): string {
  const name = cpus()[0]?.model.trim() ?? "an unknown processor";
  const [family, model] = [cpuinfo("cpu family"), cpuinfo("model")];
  return family && model ? `${name} (family ${family}, model ${model})` : name;
}
