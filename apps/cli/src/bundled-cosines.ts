/** The bundled model's cosines in float64, before its weights became whole numbers: `npm run model` writes them out of test/golden. */
export const BUNDLED_TEXTS: readonly string[] = [
  "잠이 옵니다",
  "졸음이 옵니다",
  "기차가 옵니다",
  "잠이 안 옵니다",
  "바람이 불고 눈이 옵니다.",
];
/** Of the first text with each other one. */
export const BUNDLED_COSINES: readonly number[] = [0.8760060785, 0.5974733156, 0.2394728878, 0.7377331353];
