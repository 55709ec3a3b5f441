// An explanation over a film: a canvas of its own, never part of the film's.

import type { Film } from "./film.ts";
import type { PixelPacket } from "./store.ts";
import type { Affine, OverlayHeader, OverlaySpec } from "./types.ts";

export interface Cover {
  shown: boolean;
  opacity: number; // 0 to 1
  threshold: number; // 0 to 1, of the limit
  contour: boolean;
  grey: boolean; // plain white instead of the colour table
}

export const UNCOVERED: Cover = {
  shown: false, opacity: 0.6, threshold: 0.15, contour: false, grey: false,
};

const FINEST = 1024; // samples along the longer side; the maps themselves are far coarser

export class Overlay {
  readonly header: OverlayHeader;
  readonly spec: OverlaySpec;
  private readonly levels: Float32Array; // -1 to 1, of the limit
  private readonly size: [number, number];
  private readonly picture = document.createElement("canvas");
  private painted = "";

  constructor({ header, body }: PixelPacket, spec: OverlaySpec, film: Film) {
    this.header = header as OverlayHeader;
    this.spec = spec;
    const { columns, rows } = film.header;
    const shrink = Math.min(1, FINEST / Math.max(columns, rows));
    this.size = [Math.max(1, Math.round(columns * shrink)), Math.max(1, Math.round(rows * shrink))];
    const count = this.header.rows * this.header.columns;
    const values = new Float32Array(body.buffer as ArrayBuffer, body.byteOffset, count);
    this.levels = enlarge(values, this.header, this.size);
  }

  /** Level at a film position given in fractions, for the probe. */
  at(x: number, y: number): number {
    const [wide, tall] = this.size;
    const column = Math.min(wide - 1, Math.max(0, Math.floor(x * wide)));
    const row = Math.min(tall - 1, Math.max(0, Math.floor(y * tall)));
    return this.levels[row * wide + column]! * this.header.limit;
  }

  /** Draw on a canvas; `place` maps film pixels to it. */
  paint(context: CanvasRenderingContext2D, place: Affine, film: Film, cover: Cover): void {
    const { canvas } = context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!cover.shown) return;
    this.colour(cover);
    const { columns, rows } = film.header;
    context.setTransform(...place);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, 0, 0, columns, rows);
    this.outline(context, columns, rows, place);
    this.frame(context, columns, rows, place);
  }

  private colour(cover: Cover): void {
    const key = JSON.stringify(cover);
    if (key === this.painted) return;
    this.painted = key;
    const [wide, tall] = this.size;
    this.picture.width = wide;
    this.picture.height = tall;
    const image = new ImageData(wide, tall);
    const { signed, colours } = this.header;
    for (let at = 0, to = 0; at < this.levels.length; at++, to += 4) {
      const level = this.levels[at]!;
      const index = Math.round(Math.min(255, Math.max(0, signed ? (level + 1) * 127.5 : level * 255)));
      const covering = cover.contour
        ? Number(this.onContour(at, cover.threshold))
        : coverOf(level, cover);
      image.data[to] = cover.grey ? 255 : colours[3 * index]!;
      image.data[to + 1] = cover.grey ? 255 : colours[3 * index + 1]!;
      image.data[to + 2] = cover.grey ? 255 : colours[3 * index + 2]!;
      image.data[to + 3] = Math.round(255 * covering);
    }
    this.picture.getContext("2d")!.putImageData(image, 0, 0);
  }

  /** True where a quarter step of the map, or the threshold, is crossed towards a neighbour. */
  private onContour(at: number, threshold: number): boolean {
    const [wide] = this.size;
    const here = step(this.levels[at]!, threshold);
    const right = (at + 1) % wide ? step(this.levels[at + 1]!, threshold) : here;
    const below = at + wide < this.levels.length ? step(this.levels[at + wide]!, threshold) : here;
    return here !== right || here !== below;
  }

  /** A line around the strongest place, dark beneath bright, so that it shows on any film. */
  private outline(
    context: CanvasRenderingContext2D, columns: number, rows: number, place: Affine,
  ): void {
    const [first, ...others] = this.spec.outline;
    if (!first) return;
    const scale = Math.hypot(place[0], place[1]);
    context.beginPath();
    context.moveTo(first[0] * columns, first[1] * rows);
    for (const [x, y] of others) context.lineTo(x * columns, y * rows);
    context.closePath();
    for (const [colour, width] of [["rgba(0, 0, 0, 0.8)", 4], ["#ffe08a", 2]] as const) {
      context.strokeStyle = colour;
      context.lineWidth = width / scale;
      context.stroke();
    }
  }

  /** The part of the film that the network looked at. */
  private frame(
    context: CanvasRenderingContext2D, columns: number, rows: number, place: Affine,
  ): void {
    const [top, left, bottom, right] = this.spec.seen;
    if (top <= 0 && left <= 0 && bottom >= 1 && right >= 1) return;
    const scale = Math.hypot(place[0], place[1]);
    context.strokeStyle = "rgba(235, 235, 235, 0.9)";
    context.lineWidth = 1.5 / scale;
    context.strokeRect(
      left * columns, top * rows, (right - left) * columns, (bottom - top) * rows,
    );
  }
}

/** How far a level covers the film: from nothing at the threshold to the opacity at the limit. */
export function coverOf(level: number, { opacity, threshold }: Cover): number {
  const above = (Math.abs(level) - threshold) / Math.max(1 - threshold, 1e-6);
  return Math.min(1, Math.max(0, above)) * opacity;
}

function step(level: number, threshold: number): number {
  const size = Math.abs(level);
  if (size < Math.max(threshold, 0.05)) return 0;
  return Math.sign(level) * (1 + Math.floor(size * 4));
}

/** Bilinear enlargement with sample centres at (i + 0.5) / n, as Pillow does it. */
export function enlarge(
  values: Float32Array, { rows, columns, limit }: OverlayHeader, [wide, tall]: [number, number],
): Float32Array {
  const out = new Float32Array(wide * tall);
  const scale = limit > 0 ? 1 / limit : 0;
  const across = weights(columns, wide);
  const down = weights(rows, tall);
  for (let y = 0; y < tall; y++) {
    const { low: above, high: below, part: v } = down(y);
    for (let x = 0; x < wide; x++) {
      const { low: left, high: right, part: u } = across(x);
      const upper = values[above * columns + left]! * (1 - u) + values[above * columns + right]! * u;
      const lower = values[below * columns + left]! * (1 - u) + values[below * columns + right]! * u;
      out[y * wide + x] = Math.min(1, Math.max(-1, (upper * (1 - v) + lower * v) * scale));
    }
  }
  return out;
}

function weights(from: number, to: number): (i: number) => { low: number; high: number; part: number } {
  const made = Array.from({ length: to }, (_, index) => {
    const at = Math.min(from - 1, Math.max(0, ((index + 0.5) / to) * from - 0.5));
    const low = Math.floor(at);
    return { low, high: Math.min(from - 1, low + 1), part: at - low };
  });
  return (index) => made[index]!;
}
