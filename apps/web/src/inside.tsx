import { useState } from "preact/hooks";
import { HeatTable } from "./heat-table.tsx";
import type { Insides, Loaded } from "./protocol.ts";
import { Field, type SectionProps, Stale, Told, useWork } from "./shared.tsx";
import { StagePicture } from "./stage-picture.tsx";
import type { Words } from "./words.ts";

/** A sentence on its way through the layers, stage by stage. */
export function Inside({ w, engine, model }: SectionProps) {
  const [text, setText] = useState("잠이 안 옵니다");
  const [insides, setInsides] = useState<Insides & { readonly text: string; readonly model: Loaded | undefined }>();
  const [at, setAt] = useState(0);
  const [head, setHead] = useState(-1);
  const work = useWork(w);

  const look = (): Promise<void> =>
    work.run(async (progress) => {
      progress(w.loading);
      setInsides({ ...(await engine.ask("inside", [text], progress)), text, model });
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
        <Field w={w} label={w.text} value={text} onText={setText} />
        <button type="submit" class="main" disabled={model === undefined || work.busy}>
          {w.look}
        </button>
      </form>
      {work.status}
      <Stale
        w={w}
        id="stale-inside"
        old={insides !== undefined && (insides.text !== text || insides.model !== model)}
        press={w.look}
      >
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
            <p id="reading">
              <Told w={w} reading={insides.reading} />
            </p>
            <h3>{w.stage}</h3>
            <div class="row">
              <button type="button" disabled={at === 0} onClick={() => setAt(Math.min(at, insides.stages.length) - 1)}>
                {w.previous}
              </button>
              <button type="button" disabled={at + 1 >= insides.stages.length} onClick={() => setAt(at + 1)}>
                {w.next}
              </button>
              <label class="inline">
                {w.stage}
                <select
                  value={Math.min(at, insides.stages.length - 1)}
                  onChange={({ currentTarget }) => setAt(Number(currentTarget.value))}
                >
                  {insides.stages.map(({ name }, n) => (
                    <option key={name} value={n}>
                      {nameOf(w, name)}
                    </option>
                  ))}
                </select>
              </label>
            </div>
            <p aria-live="polite" id="stage">
              {nameOf(w, stage.name)} [{stage.shape.join(", ")}]: {w.parts[stage.name.split(" ").at(-1) ?? ""]}{" "}
              {stage.name === "pooling" &&
                `${w.pooled(insides.pooling, insides.normalize)} ${w.length}: ${Math.hypot(...stage.values).toFixed(3)}.`}
            </p>
            <StagePicture w={w} stage={stage} names={stage.name === "pooling" ? ["pooling"] : insides.tokens} />
            {stage.attention && (
              <Attention
                w={w}
                attention={stage.attention}
                tokens={insides.tokens}
                heads={insides.heads}
                head={Math.min(head, insides.heads - 1)}
                onHead={setHead}
              />
            )}
          </>
        )}
      </Stale>
    </>
  );
}

/** `layer 0 qkv` and the like, with the part's name in the reader's language before it where that is not the English one. */
function nameOf(w: Words, name: string): string {
  const part = name.split(" ").at(-1) ?? name;
  const layer = /^layer (\d+)/.exec(name)?.[1];
  const own = w.partNames[part];
  if (own === undefined) return name;
  return `${layer === undefined ? "" : `${w.layer(layer)} `}${own} · ${name}`;
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
              {n}
            </option>
          ))}
        </select>
      </label>
      <HeatTable w={w} id="attention" label={w.attention} columns={tokens} rows={tokens} value={weight} />
    </>
  );
}
