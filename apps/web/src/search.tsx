import { useState } from "preact/hooks";
import type { Loaded } from "./protocol.ts";
import { cosine, Field, filled, linesOf, type SectionProps, Stale, useWork } from "./shared.tsx";

/** Hits shown. */
const MOST_HITS = 20;
/** Points of the map; more are a cloud nobody can point at, and slow. */
const MOST_POINTS = 2000;

const SAMPLE = `오늘은 비가 와서 우산을 챙겼다
내일은 맑고 기온이 오른다고 한다
새로 연 빵집의 크루아상이 맛있다
점심으로 김치찌개를 먹었다
지하철이 늦어서 회의에 지각했다
버스를 놓쳐 택시를 탔다
고양이가 창가에서 낮잠을 잔다
강아지와 공원을 산책했다
노트북 배터리가 금방 닳는다
휴대폰 화면이 깨져 수리를 맡겼다
축구 경기가 연장전 끝에 끝났다
야구장에서 홈런을 봤다`;

interface Corpus {
  readonly texts: readonly string[];
  readonly rows: readonly Float32Array[];
  /** [N][2] */
  readonly points: Float32Array;
  readonly model: Loaded | undefined;
}

interface Found {
  readonly query: string;
  readonly hits: readonly { readonly n: number; readonly score: number }[];
  /** The query's own, on the map of the corpus. */
  readonly point: readonly [x: number, y: number];
}

/** Text of the reader's own, searched by meaning, and laid out as a map. */
export function Search({ w, engine, model }: SectionProps) {
  const [text, setText] = useState(SAMPLE);
  const [query, setQuery] = useState("날씨");
  const [corpus, setCorpus] = useState<Corpus>();
  const [found, setFound] = useState<Found>();
  const work = useWork(w);

  const takeIn = (): Promise<void> =>
    work.run(async (progress) => {
      const texts = linesOf(text);
      if (texts.length === 0) return;
      const rows = await engine.ask("encode", [texts], progress);
      const points = await engine.ask("map", [rows.slice(0, MOST_POINTS)]);
      setFound(undefined);
      setCorpus({ texts, rows, points, model });
    });

  const find = (): Promise<void> =>
    work.run(async (progress) => {
      if (corpus === undefined) return;
      const [row] = await engine.ask("encode", [[query]], progress);
      const scored = corpus.rows.map((other, n) => ({ n, score: cosine(row, other) }));
      scored.sort((a, b) => b.score - a.score);
      const points = await engine.ask("map", [corpus.rows.slice(0, MOST_POINTS), [row]]);
      setFound({ query, hits: scored.slice(0, MOST_HITS), point: [points.at(-2) ?? 0, points.at(-1) ?? 0] });
    });

  const open = async (files: FileList | null | undefined): Promise<void> => {
    await work.run(async () => {
      const texts = await Promise.all(
        [...(files ?? [])].map(async (file) => {
          try {
            return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
          } catch {
            throw new Error(w.notUtf8(file.name)); // such as CP949: letters would be lost without a word
          }
        }),
      );
      if (texts.length > 0) setText(texts.join("\n"));
    });
  };

  const old = corpus !== undefined && (corpus.model !== model || corpus.texts.join("\n") !== linesOf(text).join("\n"));
  return (
    <>
      <p>{w.searchIntro}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void takeIn();
        }}
      >
        <label>
          {w.corpus}
          <textarea
            lang="ko"
            rows={8}
            required
            ref={filled(w, text)}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => {
              const files = event.dataTransfer?.files;
              if (files === undefined || files.length === 0) return; // text, which the field takes by itself
              event.preventDefault();
              void open(files);
            }}
          />
        </label>
        <div class="row ends">
          <label class="inline">
            {w.openFile}
            <input
              type="file"
              disabled={work.busy}
              accept=".txt,.md,.csv,.tsv,.jsonl,text/*"
              multiple
              onChange={async ({ currentTarget }) => {
                await open(currentTarget.files);
                currentTarget.value = ""; // the same file again is a change too
              }}
            />
          </label>
          <button type="submit" class="main" disabled={model === undefined || work.busy}>
            {w.index}
          </button>
        </div>
      </form>
      {work.status}
      {corpus && (
        <>
          <p aria-live="polite" id="indexed">
            {w.indexed(corpus.texts.length)}
          </p>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void find();
            }}
          >
            <Field w={w} label={w.query} value={query} onText={setQuery} />
            <button type="submit" class="main" disabled={work.busy || corpus.model !== model}>
              {w.find}
            </button>
          </form>
          <Stale w={w} id="stale-search" old={old} press={w.index}>
            {found && found.query !== query && <p class="told">{w.hitsOf(found.query)}</p>}
            {found && (
              <ol class="ranking" id="hits">
                {found.hits.map(({ n, score }) => (
                  <li key={n}>
                    <span lang="ko">{corpus.texts[n]}</span>
                    <meter aria-label={corpus.texts[n]} min={0} max={1} value={Math.max(0, score)} />
                    <output>{score.toFixed(3)}</output>
                  </li>
                ))}
              </ol>
            )}
            <SentenceMap w={w} corpus={corpus} found={found} />
          </Stale>
        </>
      )}
    </>
  );
}

function SentenceMap({ w, corpus, found }: Pick<SectionProps, "w"> & { corpus: Corpus; found: Found | undefined }) {
  const { texts, points } = corpus;
  const labels = texts.length <= 40;
  const near = new Set(found?.hits.slice(0, 5).map(({ n }) => n));
  return (
    <figure>
      <figcaption>
        <strong>{w.map}</strong>{" "}
        <span class="note">
          {w.mapNote} {found && w.mapFound}
        </span>
      </figcaption>
      <svg class="map" viewBox="-115 -110 230 220" role="img" aria-label={w.map} id="map">
        {Array.from({ length: points.length / 2 }, (_, n) => (
          <g key={n} class={near.has(n) ? "found" : undefined}>
            <circle cx={100 * points[2 * n]} cy={100 * points[2 * n + 1]} r={near.has(n) ? 2.5 : 1.4}>
              <title>{texts[n]}</title>
            </circle>
            {(labels || near.has(n)) && (
              <text x={100 * points[2 * n]} y={100 * points[2 * n + 1] - 3} lang="ko">
                {texts[n].length > 14 ? `${texts[n].slice(0, 13)}…` : texts[n]}
              </text>
            )}
          </g>
        ))}
        {found && (
          <g class="asked" transform={`translate(${100 * found.point[0]} ${100 * found.point[1]})`}>
            <path d="M0-4 4 0 0 4-4 0z" />
            <text y={9} lang="ko">
              {found.query.length > 14 ? `${found.query.slice(0, 13)}…` : found.query}
            </text>
          </g>
        )}
      </svg>
    </figure>
  );
}
