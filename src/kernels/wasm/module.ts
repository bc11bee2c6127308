import { moduleBuilder } from "./module-builder.ts";
import { packedProduct, packRows, type Tile, tileHeights, transpose } from "./product.ts";
import { copy, layerNorm, overLanes, softmax } from "./rows.ts";
import { gelu, geluTanh, type Lanes, relu } from "./vector-math.ts";

/**
 * The kernels as a module. Every size is a parameter; only the tile is built in. Addresses and strides are in bytes.
 *
 * Packed layouts, P = 4 · vectors columns a panel:
 *     weights   [panels][K][P]                      the columns of a panel side by side, zeros past the last
 *     rows      [K blocks][row tiles][k][height]    one pointer walks it; strided rows cost 8 % and share cache sets at K = 3072
 */
export function kernelModule(tile: Tile): Uint8Array<ArrayBuffer> {
  const m = moduleBuilder({ shared: false, maximum: 65536 });
  const heights = tileHeights(tile.rows);
  packRows(m, heights);
  packedProduct(m, tile, heights);
  for (const [name, lanes] of ACTIVATIONS) overLanes(m, name, lanes);
  transpose(m, 16 * tile.vectors);
  copy(m);
  softmax(m);
  layerNorm(m);
  return m.bytes();
}

const ACTIVATIONS: readonly (readonly [string, Lanes])[] = [
  ["gelu", gelu],
  ["gelu_tanh", geluTanh],
  ["relu", relu],
];
