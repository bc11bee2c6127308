/*
 * `TextEncoder` and `TextDecoder` for runtimes that have none, QuickJS for one: UTF-8 only, as the Encoding Standard has it. They are classes
 * because they stand in for classes.
 */

/** Characters handed to the engine at once; a call takes only so many arguments. */
const PIECE = 4096;
const BYTE_ORDER_MARK = 0xfeff;
const REPLACEMENT = 0xfffd;

export class Utf8Encoder {
  readonly encoding = "utf-8" as const;

  encode(text = ""): Uint8Array<ArrayBuffer> {
    const string = String(text);
    const bytes = new Uint8Array(3 * string.length); // a character of two units takes four bytes
    let end = 0;
    for (let i = 0; i < string.length; i++) {
      const next = string.codePointAt(i) as number;
      const point = next >= 0xd800 && next <= 0xdfff ? REPLACEMENT : next;
      if (point < 0x80) bytes[end++] = point;
      else if (point < 0x800) {
        bytes[end++] = 0xc0 | (point >> 6);
        bytes[end++] = 0x80 | (point & 63);
      } else {
        if (point < 0x10000) bytes[end++] = 0xe0 | (point >> 12);
        else {
          bytes[end++] = 0xf0 | (point >> 18);
          bytes[end++] = 0x80 | ((point >> 12) & 63);
          i++; // its second unit
        }
        bytes[end++] = 0x80 | ((point >> 6) & 63);
        bytes[end++] = 0x80 | (point & 63);
      }
    }
    return bytes.slice(0, end);
  }
}

/** Units of UTF-16 becoming a string, a piece at a time. */
function building(): { add(unit: number): void; done(): string } {
  const units: number[] = [];
  let text = "";
  const flush = (): string => {
    text += String.fromCharCode(...units);
    units.length = 0;
    return text;
  };
  return {
    add(unit) {
      if (units.push(unit) === PIECE) flush();
    },
    done: flush,
  };
}

export class Utf8Decoder {
  readonly encoding = "utf-8" as const;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** Whether the last call said that more would come. */
  #open = false;
  /** Whether something has been decoded, so that a byte order mark would be a character. */
  #begun = false;
  /** Of the character that is being read: bytes to come, its bits so far, and where its next byte must lie. */
  #missing = 0;
  #point = 0;
  #least = 0x80;
  #most = 0xbf;

  /** @throws RangeError for other encodings than UTF-8. */
  constructor(label = "utf-8", { fatal = false, ignoreBOM = false }: TextDecoderOptions = {}) {
    const name = String(label).replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "");
    if (!/^(unicode-1-1-utf-8|unicode11utf8|unicode20utf8|utf-?8|x-unicode20utf8)$/i.test(name)) {
      throw new RangeError(`${label}: only UTF-8 is decoded here`);
    }
    this.fatal = Boolean(fatal);
    this.ignoreBOM = Boolean(ignoreBOM);
  }

  /** @throws TypeError for bytes that are not UTF-8, where `fatal` is set. Without, every such part becomes U+FFFD. */
  decode(
    input: AllowSharedBufferSource = new Uint8Array(0),
    { stream = false }: { readonly stream?: boolean } = {},
  ): string {
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    if (!this.#open) {
      this.#begun = false;
      this.#missing = 0;
      this.#any();
    }
    this.#open = Boolean(stream);
    const text = building();
    const add = (point: number): void => {
      const mark = point === BYTE_ORDER_MARK && !this.#begun && !this.ignoreBOM;
      this.#begun = true;
      if (mark) return;
      if (point < 0x10000) text.add(point);
      else {
        text.add(0xd800 + ((point - 0x10000) >> 10));
        text.add(0xdc00 + (point & 0x3ff));
      }
    };
    const malformed = (): void => {
      if (this.fatal) throw new TypeError("the bytes are not UTF-8");
      add(REPLACEMENT);
    };
    for (const byte of bytes) {
      if (this.#missing > 0) {
        const fits = byte >= this.#least && byte <= this.#most;
        this.#any();
        if (fits) {
          this.#point = (this.#point << 6) | (byte & 63);
          if (--this.#missing === 0) add(this.#point);
          continue;
        }
        this.#missing = 0;
        malformed(); // and this byte begins something new
      }
      if (byte < 0x80) add(byte);
      else if (!this.#begin(byte)) malformed();
    }
    if (!this.#open && this.#missing > 0) {
      this.#missing = 0;
      malformed();
    }
    return text.done();
  }

  #any(): void {
    this.#least = 0x80;
    this.#most = 0xbf;
  }

  /** The first byte of a character of several; false for one that begins none. */
  #begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false; // the shortest form only, and nothing beyond U+10FFFF
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.#point = byte & (0x3f >> this.#missing);
    if (byte === 0xe0) this.#least = 0xa0;
    if (byte === 0xed) this.#most = 0x9f; // no surrogates
    if (byte === 0xf0) this.#least = 0x90;
    if (byte === 0xf4) this.#most = 0x8f;
    return true;
  }
}
