import { fullTables } from "./tokenizer/full-tables.ts";
import { setUnicodeSource } from "./tokenizer/unicode-source.ts";

/*
 * Decompositions and lower case as tables, 5 KB, for runtimes without `String.prototype.normalize`, or with one that is older than
 * Unicode 14. It exports nothing: `import "munjang/unicode"` before a tokenizer is made. Others ask their engine, and have no use for it.
 */
setUnicodeSource(fullTables);
