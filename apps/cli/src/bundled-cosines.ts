/** The bundled model's cosines in float64, before its weights became whole numbers: `npm run model` writes them out of test/golden. */
export const BUNDLED_TEXTS: readonly string[] = [
  "잠이 옵니다",
  "졸음이 옵니다",
  "기차가 옵니다",
  "잠이 안 옵니다",
  "바람이 불고 눈이 옵니다.",
];
/** Of the first text with each other one. */
export const BUNDLED_COSINES: readonly number[] = [0.9247608902, 0.8353946587, 0.9921260704, 0.840218283];
