import { Utf8Decoder, Utf8Encoder } from "./base/utf8.ts";

/*
 * `TextEncoder` and `TextDecoder`, 1 KB, for runtimes without them: QuickJS, for one. It exports nothing: `import "munjang/utf8"` before a
 * model is loaded. Where the engine has them they stay; these know no other encoding than UTF-8.
 */
const here = globalThis as { TextEncoder?: unknown; TextDecoder?: unknown };
here.TextEncoder ??= Utf8Encoder;
here.TextDecoder ??= Utf8Decoder;
