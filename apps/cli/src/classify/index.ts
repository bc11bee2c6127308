/** Document classification: logistic regression over sentence vectors, characters, or both. */

export { type DocumentOptions, type Documents, embedDocuments, type Split, sentencesOf } from "../documents.ts";
export { type CharacterOptions, type Characters, characterFeatures, fitCharacters } from "./characters.ts";
export {
  type Classifier,
  type ClassifierInput,
  classify,
  FEATURES,
  type FeatureKind,
  type Prediction,
  type TrainOptions,
  trainClassifier,
} from "./classifier.ts";
export { confusionSvg } from "./confusion.ts";
export { type ClassMeasures, type Evaluation, evaluateLabels } from "./measures.ts";
export type { Tried, Weighting } from "./select.ts";
export { checkIdentity, readClassifier, writeClassifier } from "./store.ts";
