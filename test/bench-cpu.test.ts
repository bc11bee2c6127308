import { cpus } from "node:os";
import { expect, it } from "vitest";
import { cpu, cpuinfo } from "../bench/cpu.ts";

const TWO = ["0", "1"]
  .map((n) =>
    [
      `processor\t: ${n}`,
      "cpu family\t: 25",
      `model\t\t: ${17 + Number(n)}`,
      "model name\t: Some CPU ",
      "fpu\t\t: yes",
      "",
    ].join("\n"),
  )
  .join("\n");

it("reads a line of the first processor, of that name and no longer one", () => {
  expect(cpuinfo("model", TWO)).toBe("17");
  expect(cpuinfo("model name", TWO)).toBe("Some CPU");
  expect(cpuinfo("stepping", TWO)).toBe("");
});

it("names the CPU with family and model where both are known", () => {
  const name = cpus()[0]?.model.trim() ?? "an unknown processor";
  expect(cpu(TWO)).toBe(`${name} (family 25, model 17)`);
  expect(cpu("cpu family\t: 25\n")).toBe(name);
  expect(cpu("")).toBe(name);
});
