import type { RowSource, RowsPlace, TensorSource } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import { checkFinite, loadWords, wordsOf } from "../bert/weights.ts";
import { rowsInMemory } from "../formats/rows.ts";
import { quantiseRow } from "./weight.ts";

/** Rows of the word table at a time: some megabytes of floats. */
const ROWS_AT_ONCE = 1024;

/** Calls `each` for some rows of the word table after the other, [rows, H]. */
export async function eachRows(
  source: TensorSource,
  config: BertConfig,
  each: (first: number, rows: Float32Array) => void | Promise<void>,
): Promise<void> {
  const { vocabularySize, hiddenSize: H } = config;
  const name = wordsOf(source, config);
  const table = await loadWords(source, config, "source");
  for (let first = 0; first < vocabularySize; first += ROWS_AT_ONCE) {
    const ids = Int32Array.from({ length: Math.min(ROWS_AT_ONCE, vocabularySize - first) }, (_, i) => first + i);
    const rows = new Float32Array(ids.length * H);
    await table.read(ids, rows);
    checkFinite(rows, source.file, `${name} from row ${first}`);
    await each(first, rows);
  }
}

/** Rows of H numbers as whole numbers, each with a scale of its own. */
export function quantiseRows(data: Int8Array, scale: Float32Array, rows: Float32Array, H: number): void {
  for (let i = 0; i < rows.length / H; i++) {
    scale[i] = quantiseRow(data.subarray(i * H, (i + 1) * H), rows.subarray(i * H, (i + 1) * H));
  }
}

/** A float32 word table as whole numbers in memory; of one that is read from its file each row becomes them when it is read. */
export async function quantiseTable(source: TensorSource, config: BertConfig, where: RowsPlace): Promise<RowSource> {
  const { vocabularySize, hiddenSize: H } = config;
  if (where !== "memory") {
    const table = await loadWords(source, config, where);
    const q = new Int8Array(H);
    const read: RowSource["read"] = async (ids, out) => {
      await table.read(ids, out);
      for (let at = 0; at < ids.length * H; at += H) {
        const scale = quantiseRow(q, out.subarray(at, at + H));
        for (let h = 0; h < H; h++) out[at + h] = q[h] * scale;
      }
    };
    return { ...table, read };
  }
  const data = new Int8Array(vocabularySize * H);
  const scale = new Float32Array(vocabularySize);
  await eachRows(source, config, (first, rows) =>
    quantiseRows(data.subarray(first * H), scale.subarray(first), rows, H),
  );
  const table = { data, shape: [vocabularySize, H], stride: [H, 1], offset: 0, dtype: "int8" } as const;
  return scaled(rowsInMemory(table, { file: source.file, field: wordsOf(source, config) }, true), scale);
}

/** Rows of whole numbers, each times its scale. */
export function scaled(table: RowSource, scale: Float32Array): RowSource {
  return {
    ...table,
    async read(ids, out) {
      await table.read(ids, out);
      for (let t = 0; t < ids.length; t++) multiply(out, t * table.width, (t + 1) * table.width, scale[ids[t]]);
    },
  };
}

/** A function of its own: in one that waits the engine compiled it late, and 20 texts left 15 MB of boxed numbers behind. */
function multiply(out: Float32Array, from: number, to: number, factor: number): void {
  for (let i = from; i < to; i++) out[i] *= factor;
}
