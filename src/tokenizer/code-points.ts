// What the reference does with a code point, as bits.
export const DROP = 1;
export const SPACE = 2;
export const IDEOGRAPH = 4;
export const PUNCT = 8;

// Hangul: the syllables, and the parts they are made of (Unicode Standard, section 3.12).
export const SYLLABLE = 0xac00;
export const SYLLABLES = 11172;
export const LEAD = 0x1100;
export const VOWEL = 0x1161;
export const TAIL = 0x11a7;
