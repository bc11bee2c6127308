import { ConfusionMatrix } from "ml-confusion-matrix";

export interface ClassMeasures {
  readonly label: string;
  /** Of those that were given this label, the share that has it; 0 where none was. */
  readonly precision: number;
  /** Of those that have this label, the share that was given it; 0 where none has it. */
  readonly recall: number;
  readonly f1: number;
  /** Texts that have it. */
  readonly examples: number;
}

export interface Evaluation {
  readonly texts: number;
  readonly accuracy: number;
  /** Mean F1 of the classes that a text has or was given, each counting the same. */
  readonly macroF1: number;
  readonly classes: readonly ClassMeasures[];
  /** Texts with a label (row) that were given another (column), in the order of `classes`, [K][K]. */
  readonly confusion: readonly (readonly number[])[];
}

/** Compares labels with those given, as scikit-learn's classification_report(zero_division=0) does. `labels`: all there are, sorted if not given. */
export function evaluateLabels(
  actual: readonly string[],
  given: readonly string[],
  labels: readonly string[] = [...new Set([...actual, ...given])].sort(),
): Evaluation {
  if (actual.length === 0) throw new Error("there is no text to evaluate with");
  const matrix = ConfusionMatrix.fromLabels([...actual], [...given], { labels: [...labels] });
  const share = (value: number): number => (Number.isNaN(value) ? 0 : value);
  const classes = labels.map((label) => ({
    label,
    precision: share(matrix.getPositivePredictiveValue(label)),
    recall: share(matrix.getTruePositiveRate(label)),
    f1: share(matrix.getF1Score(label)),
    examples: matrix.getPositiveCount(label),
  }));
  const named = new Set([...actual, ...given]);
  const here = classes.filter(({ label }) => named.has(label));
  return {
    texts: actual.length,
    accuracy: matrix.getTrueCount() / actual.length,
    macroF1: here.reduce((sum, { f1 }) => sum + f1, 0) / here.length,
    classes,
    confusion: matrix.getMatrix(),
  };
}
