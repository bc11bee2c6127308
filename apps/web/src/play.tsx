import { useEffect, useState } from "preact/hooks";
import { HeatTable } from "./heat-table.tsx";
import type { Loaded, Reading } from "./protocol.ts";
import { cosine, Field, linesOf, type SectionProps, Stale, Told, useWork } from "./shared.tsx";

/** The two examples of the model card of KR-SBERT. */
const EXAMPLES = {
  restaurant: {
    source: "그 식당은 파리를 날린다",
    sentences: ["그 식당에는 손님이 없다", "그 식당에서는 드론을 날린다", "파리가 식당에 날아다닌다"],
  },
  sleepy: {
    source: "잠이 옵니다",
    sentences: ["잠이 안 옵니다", "졸음이 옵니다", "기차가 옵니다"],
  },
} as const;

interface Result {
  readonly texts: readonly string[];
  readonly readings: readonly Reading[];
  readonly model: Loaded | undefined;
  /** [texts][texts] */
  readonly matrix: readonly (readonly number[])[];
}

const textsOf = (source: string, sentences: string): string[] => [source.trim(), ...linesOf(sentences)];

/** One sentence against others, and each against each. */
export function Play({ w, engine, model }: SectionProps) {
  const [source, setSource] = useState<string>(EXAMPLES.sleepy.source);
  const [sentences, setSentences] = useState<string>(EXAMPLES.sleepy.sentences.join("\n"));
  const [result, setResult] = useState<Result>();
  const work = useWork(w);

  const compare = (from: string, to: string): Promise<void> =>
    work.run(async (progress) => {
      const texts = textsOf(from, to);
      const rows = await engine.ask("encode", [texts], progress);
      const readings = await engine.ask("read", [texts]);
      setResult({ texts, readings, model, matrix: rows.map((a) => rows.map((b) => cosine(a, b))) });
    });
  useEffect(() => {
    if (model !== undefined) void compare(source, sentences);
  }, [model]);

  const show = (example: keyof typeof EXAMPLES): void => {
    const { source, sentences } = EXAMPLES[example];
    setSource(source);
    setSentences(sentences.join("\n"));
    void compare(source, sentences.join("\n"));
  };

  const old =
    result !== undefined &&
    (result.model !== model || result.texts.join("\n") !== textsOf(source, sentences).join("\n"));
  return (
    <>
      <p>{w.playIntro}</p>
      <p class="note">{w.playNote}</p>
      <fieldset class="row plain" aria-label={w.examples}>
        {(["restaurant", "sleepy"] as const).map((example) => (
          <button type="button" key={example} disabled={model === undefined} onClick={() => show(example)}>
            {w[example]}
          </button>
        ))}
      </fieldset>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void compare(source, sentences);
        }}
      >
        <Field w={w} label={w.source} value={source} onText={setSource} />
        <Field w={w} label={w.sentences} value={sentences} onText={setSentences} rows={4} />
        <button type="submit" class="main" disabled={model === undefined || work.busy}>
          {w.compare}
        </button>
      </form>
      {work.status}
      <Stale w={w} id="stale" old={old} press={w.compare}>
        {result && <Ranking w={w} {...result} />}
        {result && <Matrix w={w} {...result} />}
      </Stale>
    </>
  );
}

function Ranking({ w, texts, readings, matrix }: Result & Pick<SectionProps, "w">) {
  const order = texts.map((_, n) => n).slice(1);
  order.sort((a, b) => matrix[0][b] - matrix[0][a]);
  return (
    <>
      <h3>{w.result}</h3>
      <p>
        {w.source}: <span lang="ko">{texts[0]}</span> <Told w={w} reading={readings[0]} />
      </p>
      <ol class="ranking" id="ranking">
        {order.map((n) => (
          <li key={n}>
            <span lang="ko">{texts[n]}</span>
            <meter aria-label={texts[n]} min={0} max={1} value={Math.max(0, matrix[0][n])} />
            <output>{matrix[0][n].toFixed(3)}</output>
            <Told w={w} reading={readings[n]} />
          </li>
        ))}
      </ol>
    </>
  );
}

function Matrix({ w, texts, matrix }: Result & Pick<SectionProps, "w">) {
  return (
    <>
      <h3>{w.matrix}</h3>
      <p class="note">{w.matrixNote}</p>
      <HeatTable
        w={w}
        id="matrix"
        label={w.matrix}
        columns={texts.map((_, n) => n + 1)}
        rows={texts.map((text, n) => `${n + 1} ${text}`)}
        value={(row, column) => matrix[row][column]}
      />
    </>
  );
}
