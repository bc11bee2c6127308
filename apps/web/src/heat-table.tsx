import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { css, type SectionProps } from "./shared.tsx";

interface HeatTableProps extends Pick<SectionProps, "w"> {
  readonly id: string;
  readonly label: string;
  readonly columns: readonly ComponentChildren[];
  readonly rows: readonly ComponentChildren[];
  /** -1 … 1 */
  value(row: number, column: number): number;
}

/** Numbers between things and things, coloured by their size; it scrolls by itself where a page is narrow. */
export function HeatTable({ w, id, label, columns, rows, value }: HeatTableProps) {
  const box = useRef<HTMLElement>(null);
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const { current } = box;
    if (current === null) return;
    const watch = new ResizeObserver(() => setWide(current.scrollWidth > current.clientWidth + 1));
    watch.observe(current);
    if (current.firstElementChild) watch.observe(current.firstElementChild);
    return () => watch.disconnect();
  }, []);
  return (
    <>
      {wide && <p class="note scrolls">{w.scrolls}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section ref={box} class={wide ? "scroll wide" : "scroll"} tabIndex={0} aria-label={label}>
        <table class="matrix" id={id}>
          <thead>
            <tr>
              <td />
              {columns.map((title, n) => (
                <th key={n} scope="col" lang="ko">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((title, row) => (
              <tr key={row}>
                <th scope="row" lang="ko">
                  {title}
                </th>
                {columns.map((_, column) => (
                  <td key={column} style={{ background: css(value(row, column)) }}>
                    {value(row, column).toFixed(2)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
