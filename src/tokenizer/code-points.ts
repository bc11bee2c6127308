// What the reference does with a code point, as bits.
export const DROP = 1;
export const SPACE = 2;
export const IDEOGRAPH = 4;
export const PUNCT = 8;

// What the scanner does on meeting a UTF-16 unit or a code point.
export const KEEP = 0; // part of a word, as it stands
export const BREAK = 1; // ends a word
export const ALONE = 2; // a word of its own
export const SKIP = 3; // as if it were not there
export const CHANGE = 4; // becomes something else, whatever stands around it
export const TRACE = 5; // what it becomes depends on its neighbours: leave the text to the pipeline
export const SURROGATE = 6; // half of a code point
export const ADDED = 8; // a flag: an added token may begin here

// Hangul: the syllables, and the parts they are made of (Unicode Standard, section 3.12).
export const SYLLABLE = 0xac00;
export const SYLLABLES = 11172;
export const LEAD = 0x1100;
export const VOWEL = 0x1161;
export const TAIL = 0x11a7;
