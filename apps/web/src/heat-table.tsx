import type { ComponentChildren } from "preact";
import { css } from "./shared.tsx";

interface HeatTableProps {
  readonly id: string;
  readonly label: string;
  readonly columns: readonly ComponentChildren[];
  readonly rows: readonly ComponentChildren[];
  /** -1 … 1 */
  value(row: number, column: number): number;
}

/** Numbers between things and things, coloured by their size; it scrolls by itself where a page is narrow. */
export function HeatTable({ id, label, columns, rows, value }: HeatTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section class="scroll" tabIndex={0} aria-label={label}>
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
  );
}
