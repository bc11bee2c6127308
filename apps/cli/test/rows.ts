import type { Row } from "../src/bulk/row.ts";
import { openRows, type RowsFlags } from "../src/bulk/rows.ts";

/** All rows of an input, or those from some place on. */
export async function rowsOf(flags: Partial<RowsFlags>, at?: { at: number; rows: number }): Promise<Row[]> {
  const source = await openRows({ field: "text", ...flags });
  const rows: Row[] = [];
  for await (const row of source.read(at ?? source.from)) rows.push(row);
  return rows;
}
