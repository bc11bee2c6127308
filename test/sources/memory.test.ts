import { describe, expect, it } from "vitest";
import { SentenceTransformer } from "../../src/node.ts";
import { type DirectoryHandle, openModel, readText } from "../../src/source.ts";
import { tinyFiles } from "../tiny.ts";
import { fails } from "./fails.ts";

const files = tinyFiles();
const TEXT = "잠이 옵니다";
const expected = SentenceTransformer.load({ files }).then((model) => model.encode(TEXT));

/** What `showDirectoryPicker()` gives, as far as the specification says it. */
function handle(name: string, inside: Record<string, Uint8Array<ArrayBuffer>>): DirectoryHandle {
  const missing = (): never => {
    throw new DOMException("A requested file or directory could not be found", "NotFoundError");
  };
  const children = new Map<string, Record<string, Uint8Array<ArrayBuffer>>>();
  const own = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [path, bytes] of Object.entries(inside)) {
    const [first, ...rest] = path.split("/");
    if (rest.length === 0) own.set(first, bytes);
    else children.set(first, { ...children.get(first), [rest.join("/")]: bytes });
  }
  return {
    kind: "directory",
    name,
    async getDirectoryHandle(child) {
      return handle(child, children.get(child) ?? missing());
    },
    async getFileHandle(child) {
      if (children.has(child)) throw new DOMException("It is a folder", "TypeMismatchError");
      const bytes = own.get(child) ?? missing();
      return { getFile: async () => new Blob([bytes]) };
    },
  };
}

/** What `<input type="file" webkitdirectory>` gives; an empty `folder` for `multiple`. */
function list(folder: string): ArrayLike<File & { webkitRelativePath: string }> {
  const all = Object.entries(files).map(([path, bytes]) => {
    const file = new File([bytes], path.split("/").at(-1) ?? "");
    return Object.assign(file, { webkitRelativePath: folder === "" ? "" : `${folder}/${path}` });
  });
  return { ...all, length: all.length }; // a FileList is no array
}

describe("files that a page was given", () => {
  it.each<[string, () => Parameters<typeof openModel>[0]]>([
    ["a directory handle", () => handle("picked", files)],
    ["a list of files of a folder", () => list("picked")],
    ["an array of files of a folder", () => Array.from(list("picked"))],
    ["Blobs by path", () => ({ files: Object.fromEntries(Object.entries(files).map(([p, b]) => [p, new Blob([b])])) })],
    [
      "Files by path",
      () => ({ files: Object.fromEntries(Object.entries(files).map(([p, b]) => [p, new File([b], p)])) }),
    ],
  ])("%s", async (_, input) => {
    const model = await SentenceTransformer.load(input());
    expect(await model.encode(TEXT)).toEqual(await expected);
    await model.dispose();
  });

  it("a folder of a handle is no file, a file that is not there is none", async () => {
    const source = await openModel(handle("picked", files));
    expect(await source.open("nothing.json")).toBeUndefined();
    expect(await source.open("nowhere/config.json")).toBeUndefined();
    await fails(source.open("1_Pooling"), "1_Pooling: cannot be opened");
    await fails(source.open("../config.json"), "leads out of the model's folder");
    expect(await readText(source, "./1_Pooling//config.json")).toContain("pooling");
  });

  it("files without a folder go by their names", async () => {
    const source = await openModel(list(""));
    expect(await readText(source, "modules.json")).toContain("Transformer");
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
    ["one file", new Blob(["x"])],
    ["bytes", new Uint8Array(3)],
    ["an empty list", []],
    ["a list of names", ["config.json"]],
    ["an object", {}],
  ])("%s is no model", async (_, input) => {
    await fails(openModel(input as never), "must be a name, a folder, a URL, a list of files, or { files");
  });

  it.each(["http:", "https:///", "http://[x"])("%s is no URL", async (input) => {
    await fails(openModel(input), "model", "is not a URL");
  });
});
