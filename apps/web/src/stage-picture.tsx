import { useEffect, useRef, useState } from "preact/hooks";
import type { Stage } from "./protocol.ts";
import { colourOf, css, type SectionProps } from "./shared.tsx";

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

interface StagePictureProps extends Pick<SectionProps, "w"> {
  readonly stage: Stage;
  /** What each row is of. */
  readonly names: readonly string[];
}

/** A stage as a picture, and any of its values by pointer or by field. */
export function StagePicture({ w, stage, names }: StagePictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [place, setPlace] = useState({ row: 0, column: 0 });
  const [rows, columns] = stage.shape;
  const row = Math.min(place.row, rows - 1);
  const column = Math.min(place.column, columns - 1);
  const size = Math.sqrt(stage.values.reduce((sum, x) => sum + x * x, 0) / stage.values.length) || 1;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const x of stage.values) [least, most] = [Math.min(least, x), Math.max(most, x)];
  useEffect(() => {
    if (canvas.current !== null) paint(canvas.current, stage.values, rows, columns, 1 / (2 * size));
  }, [stage, rows, columns, size]);

  const point = ({ offsetX, offsetY, currentTarget }: PointerEvent): void => {
    const { clientWidth, clientHeight } = currentTarget as HTMLCanvasElement;
    const at = (part: number, count: number): number => Math.max(0, Math.min(count - 1, Math.floor(part * count)));
    setPlace({ row: at(offsetY / clientHeight, rows), column: at(offsetX / clientWidth, columns) });
  };
  const first = Array.from(stage.values.slice(row * columns, row * columns + 5), (x) => x.toFixed(4)).join(" ");
  return (
    <figure>
      <div class="picture-rows">
        {/* The list of tokens above says the same to a screen reader. */}
        <div class="names" aria-hidden="true" lang="ko">
          {names.map((name, n) => (
            <span key={n} class={n === row ? "chosen" : undefined}>
              {name}
            </span>
          ))}
        </div>
        <div class="field">
          {stage.name.endsWith(" qkv") && (
            <div class="thirds">
              <span>query</span>
              <span>key</span>
              <span>value</span>
            </div>
          )}
          <canvas
            ref={canvas}
            class="picture"
            role="img"
            aria-label={`${rows > 1 ? w.hidden : w.sentenceVector}: ${stage.name}`}
            style={{ height: `${rows * 1.2}rem` }}
            onPointerMove={point}
            onPointerDown={point}
          />
        </div>
      </div>
      <div class="legend">
        {w.scale}: ≤ {(-2 * size).toFixed(2)}
        <span
          class="scale"
          style={{ background: `linear-gradient(to right, ${css(-1)}, ${css(0)}, ${css(1)})` }}
          aria-hidden="true"
        />
        ≥ {(2 * size).toFixed(2)} · {w.least} {least.toFixed(2)}, {w.most} {most.toFixed(2)}
      </div>
      <div class="row">
        {rows > 1 && (
          <label class="inline">
            {w.token}
            <select
              value={row}
              onChange={({ currentTarget: { value } }) => setPlace((old) => ({ ...old, row: Number(value) }))}
              id="row"
            >
              {names.map((name, n) => (
                <option key={n} value={n}>
                  {n} {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="inline">
          {w.column}
          <input
            type="number"
            min={0}
            max={columns - 1}
            value={column}
            id="column"
            onInput={({ currentTarget: { valueAsNumber } }) => {
              const column = Math.max(0, Math.min(columns - 1, Math.floor(valueAsNumber || 0)));
              setPlace((old) => ({ ...old, column }));
            }}
          />
        </label>
        <span>
          {w.value}: <output id="value">{stage.values[row * columns + column].toFixed(4)}</output>
        </span>
      </div>
      <p id="first">
        {w.firstValues(rows > 1 ? `${row} ${names[row]}` : w.sentenceVector)}: <code>{first}</code>
      </p>
      <figcaption class="note">{rows > 1 ? `${w.hidden}. ${w.hiddenNote}` : w.vectorNote}</figcaption>
    </figure>
  );
}
