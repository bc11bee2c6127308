import { Refusal } from "./refusal.ts";

/**
 * The body of a request as JSON, without reading more than `limit` bytes or longer than `timeout` ms.
 *
 * @throws Refusal `media type`, `too large`, `slow`, `invalid`, or `gone` where the client left before the end.
 */
export async function readJson(request: Request, limit: number, timeout: number): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new Refusal("media type", "the body must be JSON: send the header content-type: application/json");
  }
  const tooLarge = (): Refusal => {
    return new Refusal("too large", `the body is larger than ${limit} bytes; send fewer texts at once`);
  };
  if (Number(request.headers.get("content-length")) > limit) throw tooLarge();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Refusal("slow", `the body did not come within ${timeout / 1000} s`)), timeout);
  });
  try {
    return parse(await Promise.race([readBytes(request, limit, tooLarge), late]));
  } finally {
    clearTimeout(timer);
  }
}

async function readBytes(request: Request, limit: number, tooLarge: () => Refusal): Promise<Uint8Array> {
  try {
    // Read at once where a length was sent, which is faster. HTTP lets nothing come behind it, but not every Request came over HTTP.
    if (request.headers.has("content-length")) {
      const whole = new Uint8Array(await request.arrayBuffer());
      if (whole.length > limit) throw tooLarge();
      return whole;
    }
    const parts: Uint8Array[] = [];
    let length = 0;
    const reader = request.body?.getReader();
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      length += part.value.length;
      if (length > limit) {
        void reader?.cancel().catch(() => {});
        throw tooLarge();
      }
      parts.push(part.value);
    }
    const whole = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("gone", "the client left in the middle of the body", { cause: error });
  }
}

function parse(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal("malformed", "the body is not UTF-8");
  }
  if (text.trim() === "") throw new Refusal("malformed", "the body is empty; it must be JSON");
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message would quote the text.
    throw new Refusal("malformed", "the body is not JSON");
  }
}
