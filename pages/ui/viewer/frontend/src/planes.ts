// The overlay planes of a file (PS3.3 C.9.2): one bit a pixel, drawn over the film in one colour.
// imaging/rendering.py draws them in exports with the same colour.

import type { Affine } from "./types.ts";

export const COLOUR: [number, number, number] = [40, 220, 110]; // neither grey nor a reader's mark

/** Bits of a frame, row by row without gaps, the lowest of each byte first. */
export interface Bits {
  bits: Uint8Array;
  rows: number;
  columns: number;
  name: string; // of the frame, among those of a film
}

export class Planes {
  private sheet: HTMLCanvasElement | null = null;
  private drawn = "";

  forget(): void {
    this.drawn = "";
  }

  paint(context: CanvasRenderingContext2D, place: Affine, plane: Bits): void {
    const scale = Math.sqrt(Math.abs(place[0] * place[3] - place[1] * place[2]));
    const times = reductions(scale, Math.min(plane.rows, plane.columns));
    const sheet = this.draw(plane, times);
    const step = 2 ** times;
    context.save();
    context.setTransform(...place);
    context.imageSmoothingEnabled = false; // a mark keeps its strength
    context.beginPath();
    context.rect(0, 0, plane.columns, plane.rows);
    context.clip();
    context.drawImage(sheet, 0, 0, sheet.width * step, sheet.height * step);
    context.restore();
  }

  private draw(plane: Bits, times: number): HTMLCanvasElement {
    const key = `${plane.name}/${times}`;
    this.sheet ??= document.createElement("canvas");
    if (key === this.drawn) return this.sheet;
    this.drawn = key;
    const { set, width, height } = reduce(plane, times);
    this.sheet.width = width;
    this.sheet.height = height;
    const image = new ImageData(width, height);
    for (let at = 0; at < set.length; at++) {
      if (set[at]) image.data.set([...COLOUR, 255], 4 * at);
    }
    this.sheet.getContext("2d")!.putImageData(image, 0, 0);
    return this.sheet;
  }
}

/** How often to halve so that no set pixel falls between those of the canvas. */
export function reductions(scale: number, side: number): number {
  const wanted = Math.ceil(Math.log2(1 / scale) - 1e-9);
  return Math.max(0, Math.min(wanted, Math.floor(Math.log2(side))));
}

/** A plane made smaller: a pixel is set where any that it stands for is, so a thin line stays. */
export function reduce(
  { bits, rows, columns }: Bits, times: number,
): { set: Uint8Array; width: number; height: number } {
  const [width, height] = [columns, rows].map((side) => Math.ceil(side / 2 ** times)) as [number, number];
  const set = new Uint8Array(width * height);
  for (let byte = 0; byte < bits.length; byte++) {
    if (!bits[byte]) continue;
    for (let bit = 0; bit < 8; bit++) {
      const at = 8 * byte + bit;
      if (at >= rows * columns || !((bits[byte]! >> bit) & 1)) continue;
      set[(Math.floor(at / columns) >> times) * width + ((at % columns) >> times)] = 1;
    }
  }
  return { set, width, height };
}
