/**
 * Sentences of the bundled model a second, in a short loop: what a runtime is about able to do. Sixty-four short ones, in one call; the median
 * of the rounds of half a second.
 */
const WHO = ["아이가", "고양이가", "기차가", "졸음이", "비가", "친구가", "선생님이", "바람이"];
const WHAT = ["조용히 옵니다", "갑자기 사라졌습니다", "어제 도착했습니다", "창밖에서 기다립니다"];
const WHEN = ["오늘은", "아침마다"];
const texts = WHEN.flatMap((when) => WHO.flatMap((who) => WHAT.map((what) => `${when} ${who} ${what}`)));

export async function sentencesPerSecond(model) {
  const rounds = [];
  const end = performance.now() + 500;
  await model.encode(texts);
  do {
    const start = performance.now();
    await model.encode(texts);
    rounds.push(performance.now() - start);
  } while (performance.now() < end);
  rounds.sort((a, b) => a - b);
  return Math.round((1000 * texts.length) / rounds[rounds.length >> 1]);
}
