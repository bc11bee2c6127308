export type { AddedToken } from "./added-tokens.ts";
export { Encoding, type EncodingDetail, type EncodingParts, type Unknown } from "./encoding.ts";
export type { TokenizerFiles, TokenizerOptions } from "./files.ts";
export type { NormaliserOptions } from "./normalise.ts";
export type { NamedId, Settings, SpecialTokens } from "./settings.ts";
export { type EncodeBatchOptions, type EncodeOptions, WordPieceTokenizer } from "./tokenizer.ts";
