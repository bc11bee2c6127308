import { useEffect, useState } from "preact/hooks";
import type { Hashes } from "./protocol.ts";
import { type SectionProps, useWork } from "./shared.tsx";

/** What this browser can do, and whether it comes to the bits that everybody comes to. */
export function About({ w, engine, model }: SectionProps) {
  const [gpu, setGpu] = useState<string>();
  const [hashes, setHashes] = useState<Hashes>();
  const work = useWork(w);
  useEffect(() => {
    void findGpu().then(setGpu);
  }, []);
  const backend = model?.backend;
  const rows: [string, string | number | undefined][] = [
    [w.cores, navigator.hardwareConcurrency],
    [w.isolated, crossOriginIsolated ? w.yes : w.no],
    [w.backends, backend?.name],
    [w.threads, backend?.threads],
    [w.width, backend?.width],
    [w.reason, backend?.reason],
    [w.gpu, gpu ?? w.no],
  ];
  return (
    <>
      <p>{w.aboutIntro}</p>
      <table id="machine">
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value ?? "…"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h3>{w.hash}</h3>
      <p>{w.hashIntro}</p>
      <button
        type="button"
        class="main"
        disabled={work.busy}
        onClick={() => void work.run(async (progress) => setHashes(await engine.ask("hash", [], progress)))}
      >
        {w.compute}
      </button>
      {work.status}
      {hashes && (
        <dl id="hashes">
          <dt>{w.expected}</dt>
          <dd>
            <code>{hashes.expected}</code>
          </dd>
          <dt>
            {w.here} ({hashes.backend.name})
          </dt>
          <dd>
            <code>{hashes.here}</code>
          </dd>
          <dt>{w.result}</dt>
          <dd>
            <strong>{hashes.here === hashes.expected ? w.same : w.different}</strong>
          </dd>
        </dl>
      )}
    </>
  );
}

async function findGpu(): Promise<string | undefined> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return undefined;
  const { vendor, architecture, description } = adapter.info;
  return [vendor, architecture, description].filter(Boolean).join(" ") || undefined;
}
