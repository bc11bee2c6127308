/** On Node: the model's files come from node_modules, and workers compute. */
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { answer, once } from "../answer";

export const runtime = "nodejs";

const load = once(() => SentenceTransformer.load(mini));

export async function POST(request: Request): Promise<Response> {
  return answer(request, load);
}
