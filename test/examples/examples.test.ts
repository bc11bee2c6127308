import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Project, root } from "../packaging/packed.ts";
import { EXAMPLES, example, missing, run } from "./example.ts";

/* What all examples have in common, and the types of the one that other tests build without them. */

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, string>>;
}
const read = (...path: string[]): Manifest => JSON.parse(readFileSync(join(...path), "utf8"));
const versions = {
  munjang: read(root, "package.json").version,
  "munjang-mini-ko": read(root, "weights/package.json").version,
};

describe.each(readdirSync(EXAMPLES))("examples/%s", (name) => {
  const folder = join(EXAMPLES, name);
  const manifests = ["package.json", "deno.json"].filter((file) => existsSync(join(folder, file)));

  it("says what it is, and how it is run", () => {
    const text = readFileSync(join(folder, "README.md"), "utf8");
    expect(text).toContain(`# ${name}\n`);
    expect(text).toContain("```sh\n");
    expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`](examples/${name}/README.md)`);
  });

  it("asks for the versions that are here, and leaves the lock to those who copy it", () => {
    let asked = 0;
    for (const file of manifests) {
      const { dependencies, devDependencies, imports } = read(folder, file);
      for (const [name, version] of Object.entries(versions)) {
        const range = { ...dependencies, ...devDependencies }[name] ?? imports?.[name];
        if (range === undefined) continue;
        asked++;
        expect([`^${version}`, `npm:${name}@^${version}`]).toContain(range);
      }
      expect(Object.values({ ...dependencies, ...devDependencies }).filter((range) => !/^\^\d/.test(range))).toEqual(
        [],
      );
    }
    if (manifests.length === 0) {
      const page = readFileSync(join(folder, "index.html"), "utf8");
      for (const [, name, version] of page.matchAll(/\/npm\/(munjang[^@]*)@([^/]+)\//g)) {
        asked++;
        expect(version).toBe(versions[name as keyof typeof versions]);
      }
    }
    expect(asked).toBeGreaterThan(0);
    expect(readdirSync(folder).filter((file) => /lock/.test(file))).toEqual([]);
  });
});

const tsc = join(root, "node_modules/.bin/tsc");
const skipped = missing(tsc);
describe.skipIf(skipped !== undefined)(`types${skipped ? ` (${skipped})` : ""}`, () => {
  let made: Project;
  beforeAll(() => {
    made = example("worker");
  });
  afterAll(() => made?.remove());

  it("worker", async () => {
    const how = ["--module", "esnext", "--moduleResolution", "bundler", "--customConditions", "workerd", "--types", ""];
    const flags = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2023,dom", ...how];
    await run([tsc, ...flags, "src/index.ts", "src/wasm.d.ts"], made.folder);
  });
});
