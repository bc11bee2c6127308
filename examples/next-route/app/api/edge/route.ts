/** On the edge runtime, which has neither files nor workers and compiles no WebAssembly while it runs: all three come with the site. */
import { SentenceTransformer } from "munjang";
import "munjang/int8";
import int8 from "munjang/wasm/int8.wasm?module";
import { answer, once } from "../answer";

export const runtime = "edge";

const load = once((model: URL) => SentenceTransformer.load(model.href, { wasmModules: int8 }));

export async function POST(request: Request): Promise<Response> {
  return answer(request, () => load(new URL("/model/", request.url)));
}
