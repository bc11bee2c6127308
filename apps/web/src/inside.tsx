import { useEffect, useRef, useState } from "preact/hooks";
import { HeatTable } from "./heat-table.tsx";
import type { Insides, Stage } from "./protocol.ts";
import { colourOf, type SectionProps, useWork } from "./shared.tsx";

/** A sentence on its way through the layers, stage by stage. */
export function Inside({ w, engine, model }: SectionProps) {
  const [text, setText] = useState("잠이 안 옵니다");
  const [insides, setInsides] = useState<Insides>();
  const [at, setAt] = useState(0);
  const [head, setHead] = useState(-1);
  const work = useWork(w);

  const look = (): Promise<void> =>
    work.run(async (progress) => {
      progress(w.loading);
      setInsides(await engine.ask("inside", [text], progress));
    });

  const stage = insides?.stages[Math.min(at, insides.stages.length - 1)];
  return (
    <>
      <p>{w.insideIntro}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void look();
        }}
      >
        <label>
          {w.text}
          <input lang="ko" required value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        </label>
        <button type="submit" class="main" disabled={model === undefined || work.busy}>
          {w.look}
        </button>
      </form>
      {work.status}
      {insides && stage && (
        <>
          <h3>{w.tokens}</h3>
          <ol class="tokens" id="tokens">
            {insides.tokens.map((token, n) => (
              <li key={n} lang="ko">
                {token}
              </li>
            ))}
          </ol>
          <h3>{w.stage}</h3>
          <div class="row">
            <button type="button" disabled={at === 0} onClick={() => setAt(at - 1)}>
              {w.previous}
            </button>
            <button type="button" disabled={at + 1 >= insides.stages.length} onClick={() => setAt(at + 1)}>
              {w.next}
            </button>
            <label class="inline">
              {w.stage}
              <select value={at} onChange={({ currentTarget }) => setAt(Number(currentTarget.value))}>
                {insides.stages.map(({ name }, n) => (
                  <option key={name} value={n}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          </div>
          <p aria-live="polite" id="stage">
            {stage.name} [{stage.shape.join(", ")}] · {w.firstValues}:{" "}
            <code>{Array.from(stage.values.slice(0, 5), (x) => x.toFixed(4)).join(" ")}</code>
          </p>
          <Picture w={w} stage={stage} />
          {stage.attention && (
            <Attention
              w={w}
              attention={stage.attention}
              tokens={insides.tokens}
              heads={insides.heads}
              head={head}
              onHead={setHead}
            />
          )}
        </>
      )}
    </>
  );
}

/** Paints [rows][columns] of numbers, a pixel each. */
function paint(canvas: HTMLCanvasElement, values: Float32Array, rows: number, columns: number, scale: number): void {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  if (context === null) return;
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    image.data.set([...colourOf(values[i] * scale), 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function Picture({ w, stage }: Pick<SectionProps, "w"> & { stage: Stage }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [rows, columns] = stage.shape;
  useEffect(() => {
    if (canvas.current === null) return;
    const size = Math.sqrt(stage.values.reduce((sum, x) => sum + x * x, 0) / stage.values.length) || 1;
    paint(canvas.current, stage.values, rows, columns, 1 / (2 * size));
  }, [stage, rows, columns]);
  return (
    <figure>
      <canvas
        ref={canvas}
        class="picture"
        role="img"
        aria-label={`${w.hidden}: ${stage.name}`}
        style={{ height: `${Math.max(4, rows) * 0.9}rem` }}
      />
      <figcaption class="note">
        {w.hidden}. {w.hiddenNote}
      </figcaption>
    </figure>
  );
}

interface AttentionProps extends Pick<SectionProps, "w"> {
  /** [heads][T][T] */
  readonly attention: Float64Array;
  readonly tokens: readonly string[];
  readonly heads: number;
  /** -1: the mean of all. */
  readonly head: number;
  readonly onHead: (head: number) => void;
}

function Attention({ w, attention, tokens, heads, head, onHead }: AttentionProps) {
  const T = tokens.length;
  const weight = (row: number, column: number): number => {
    if (head >= 0) return attention[(head * T + row) * T + column];
    let sum = 0;
    for (let h = 0; h < heads; h++) sum += attention[(h * T + row) * T + column];
    return sum / heads;
  };
  return (
    <>
      <h3>{w.attention}</h3>
      <p class="note">{w.attentionNote}</p>
      <label class="inline">
        {w.head}
        <select value={head} onChange={({ currentTarget }) => onHead(Number(currentTarget.value))}>
          <option value={-1}>{w.allHeads}</option>
          {Array.from({ length: heads }, (_, n) => (
            <option key={n} value={n}>
              {n + 1}
            </option>
          ))}
        </select>
      </label>
      <HeatTable id="attention" label={w.attention} columns={tokens} rows={tokens} value={weight} />
    </>
  );
}
