/**
 * How many tokens of each text of a pair stay within `room` (strategy `longest_first` of the reference, `truncate_encodings`): the longer
 * text is cut down to the shorter, then both in equal parts, and an odd token goes to the text that was longer, or to the second.
 */
export function cutPair(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const swap = first > second;
  let short = swap ? second : first;
  let long = short > room ? short : Math.max(short, room - short);
  if (short + long > room) {
    short = Math.floor(room / 2);
    long = short + (room % 2);
  }
  return swap ? [long, short] : [short, long];
}
