import { useRef, useState } from "preact/hooks";
import type { LadderResult, RungResult } from "../../../bench/ladder/measure.ts";
import { type Client, client } from "./client.ts";
import type { BackendSpeed } from "./protocol.ts";
import { type SectionProps, useWork } from "./shared.tsx";

/** The ladder and the backends, on the reader's own machine. */
export function Race({ w, engine, model }: SectionProps) {
  const [ladder, setLadder] = useState<LadderResult>();
  const [speeds, setSpeeds] = useState<readonly BackendSpeed[]>();
  const [copied, setCopied] = useState(false);
  const runner = useRef<Client>(null);
  const work = useWork(w);
  const other = useWork(w);

  const start = (): Promise<void> =>
    work.run(async (progress) => {
      runner.current = client();
      setCopied(false);
      try {
        setLadder(await runner.current.ask("ladder", [], progress));
      } finally {
        runner.current.end();
      }
    });
  const copy = async (): Promise<void> => {
    if (ladder === undefined) return;
    // Pages without https have no clipboard.
    await work.run(async () => {
      await navigator.clipboard.writeText(reportOf(ladder, speeds));
      setCopied(true);
    });
  };

  return (
    <>
      <p>{w.raceIntro}</p>
      <div class="row">
        <button type="button" class="main" disabled={work.busy} onClick={() => void start()}>
          {w.start}
        </button>
        <button type="button" disabled={!work.busy} onClick={() => runner.current?.end()}>
          {w.stop}
        </button>
        <button type="button" disabled={ladder === undefined || work.busy} onClick={() => void copy()}>
          {w.copy}
        </button>
        <span aria-live="polite">{copied && w.copied}</span>
      </div>
      {work.status}
      {ladder && <Chart w={w} ladder={ladder} />}
      <h3>{w.backends}</h3>
      <p>{w.backendsIntro}</p>
      <button
        type="button"
        disabled={model === undefined || other.busy}
        onClick={() => void other.run(async (progress) => setSpeeds(await engine.ask("backends", [], progress)))}
      >
        {w.start}
      </button>
      {other.status}
      {speeds && (
        <table id="speeds">
          <thead>
            <tr>
              <th scope="col">{w.backends}</th>
              <th scope="col">{w.perSecond}</th>
              <th scope="col">{w.reason}</th>
            </tr>
          </thead>
          <tbody>
            {speeds.map(({ name, rate, reason }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{rate === undefined ? w.notHere : Math.round(rate)}</td>
                <td>{reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Chart({ w, ladder }: Pick<SectionProps, "w"> & { ladder: LadderResult }) {
  const most = Math.max(ladder.peak, ...ladder.rungs.map(({ rate }) => rate?.median ?? 0));
  return (
    <table class="chart" id="ladder">
      <thead>
        <tr>
          <th scope="col">{w.step}</th>
          <th scope="col">GFLOP/s</th>
          <th scope="col">
            {w.ofPeak} {ladder.peak.toFixed(0)}
          </th>
          <th scope="col">{w.idea}</th>
        </tr>
      </thead>
      <tbody>
        {ladder.rungs.map(({ name, idea, rate, missing }, n) => (
          <tr key={name}>
            <th scope="row">
              {n + 1} {name}
            </th>
            <td>
              {rate && (
                <span
                  class="bar"
                  style={{ width: `${Math.max(0.5, (8 * rate.median) / most)}rem` }}
                  aria-hidden="true"
                />
              )}
              {rate === undefined ? `${w.notHere}: ${missing}` : rate.median.toPrecision(3)}
            </td>
            <td>{rate && `${((100 * rate.median) / ladder.peak).toFixed(0)} %`}</td>
            <td>{idea}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** As Markdown, for wherever people compare. */
function reportOf({ sizes: { M, K, N }, peak, rungs }: LadderResult, speeds?: readonly BackendSpeed[]): string {
  const row = ({ name, rate, missing }: RungResult): string =>
    rate === undefined
      ? `| ${name} | ${missing} | |`
      : `| ${name} | ${rate.median.toPrecision(3)} (${rate.min.toPrecision(3)} … ${rate.max.toPrecision(3)}) | ${((100 * rate.median) / peak).toFixed(0)} % |`;
  return [
    `munjang's ladder, [${M},${K}] x [${K},${N}], ${navigator.userAgent}, ${navigator.hardwareConcurrency} cores`,
    "",
    `| rung | GFLOP/s, median (min … max) | of ${peak.toPrecision(3)} in registers |`,
    "|---|---|---|",
    ...rungs.map(row),
    ...(speeds ?? []).map(
      ({ name, rate, reason }) => `| munjang, ${name} | ${rate?.toFixed(0) ?? "-"} sentences/s | ${reason} |`,
    ),
  ].join("\n");
}
