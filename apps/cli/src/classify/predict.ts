import { readFile } from "node:fs/promises";
import { embedDocuments } from "../documents.ts";
import { quoted, shortest } from "../formats.ts";
import { readable } from "../lines.ts";
import { loadModel, type ModelFlags } from "../model.ts";
import { openOutput } from "../output.ts";
import { checkPlaces } from "../places.ts";
import { countOf, showProgress } from "../progress.ts";
import { readTexts, tellDocuments } from "../texts.ts";
import { type Classifier, classify, type Prediction } from "./classifier.ts";
import type { PredictFlags } from "./command.ts";
import { checkIdentity, readClassifier } from "./store.ts";

/** Texts that are embedded at once. */
const WINDOW = 256;

export async function openClassifier(file: string): Promise<Classifier> {
  const json = await readFile(file, "utf8").catch((error: unknown) => {
    throw readable(error, file);
  });
  return readClassifier(json, file);
}

export interface Predictor {
  predict(texts: readonly string[]): Promise<Prediction[]>;
  /** Says what was cut, and lets go of the model. */
  dispose(): Promise<void>;
}

/** A classifier with the model it needs, if any. @throws Error where it was trained with another. */
export async function predictor(classifier: Classifier, file: string, flags: ModelFlags): Promise<Predictor> {
  if (classifier.features === "characters") {
    return { predict: async (texts) => classify(classifier, { texts }), async dispose() {} };
  }
  const model = await loadModel(flags);
  let [split, cut] = [0, 0];
  const dispose = async (): Promise<void> => {
    tellDocuments({ split, cut }, model.maxSeqLength);
    await model.dispose();
  };
  try {
    checkIdentity(classifier, model.identity, file);
  } catch (error) {
    await model.dispose();
    throw error;
  }
  return {
    async predict(texts) {
      const documents = await embedDocuments(model, texts, { split: classifier.split });
      split += documents.split;
      cut += documents.cut;
      return classify(classifier, { texts, vectors: documents.vectors });
    },
    dispose,
  };
}

export async function predict(file: string, given: string[], flags: PredictFlags): Promise<void> {
  const classifier = await openClassifier(file);
  const source = readTexts(given, flags);
  try {
    const first = await source.next(); // so that a wrong command line is told before a model is loaded
    const csv =
      (flags.format ??
        /\.csv$/i
          .exec(flags.output ?? "")?.[0]
          .slice(1)
          .toLowerCase()) === "csv";
    checkPlaces({ "--output": flags.output }, { "--file": flags.file, "the classifier": file });
    const output = await openOutput(flags.output);
    try {
      const { predict, dispose } = await predictor(classifier, file, flags);
      const progress = flags.output === undefined ? undefined : showProgress(countOf("texts"));
      try {
        if (csv)
          await output.write(`text,label,probability,${classifier.labels.map((label) => quoted(`p:${label}`))}\n`);
        let done = 0;
        let waiting: string[] = [];
        const flush = async (): Promise<void> => {
          for (const [i, prediction] of (await predict(waiting)).entries()) {
            await output.write(csv ? cells(waiting[i], prediction) : object(waiting[i], prediction, classifier));
          }
          done += waiting.length;
          progress?.update("classify", done, 0);
          waiting = [];
        };
        for (let next = first; !next.done; next = await source.next()) {
          if (waiting.push(next.value) === WINDOW) await flush();
        }
        if (waiting.length > 0) await flush();
      } finally {
        progress?.stop();
        await dispose();
      }
      await output.finish();
    } catch (error) {
      output.discard();
      throw error;
    }
  } finally {
    await source.return(undefined); // lets go of standard input where something failed
  }
}

function object(text: string, { label, probability, probabilities }: Prediction, { labels }: Classifier): string {
  // As text, not as an object: a label may be called __proto__, or 7, which an object would put first.
  const all = labels.map((name, k) => `${JSON.stringify(name)}:${shortest(probabilities[k])}`);
  const head = `{"text":${JSON.stringify(text)},"label":${JSON.stringify(label)},"probability":${shortest(probability)}`;
  return `${head},"probabilities":{${all}}}\n`;
}

function cells(text: string, { label, probability, probabilities }: Prediction): string {
  return `${quoted(text)},${quoted(label)},${[probability, ...probabilities].map(shortest)}\n`;
}
