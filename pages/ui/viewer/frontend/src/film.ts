// A film's frames and their halvings, and how they become colours on a canvas.

import { ramp, type Table } from "./grey.ts";
import type { PixelPacket } from "./store.ts";
import { Planes } from "./planes.ts";
import type { Affine, FilmHeader, Grey } from "./types.ts";

type Samples = Uint8Array | Int16Array | Uint16Array;

interface Level {
  width: number;
  height: number;
  samples: Samples;
}

/** Everything but the place that decides which colour a sample gets. */
export interface Look {
  frame: number;
  grey: Grey;
  inverted: boolean; // against the file's own polarity
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

export class Film {
  header!: FilmHeader;
  private body!: Uint8Array;
  private readonly levels = new Map<number, Level[]>();
  private readonly tables = new Map<number, Table>();
  private scratch: CanvasRenderingContext2D | null = null;
  private picture: ImageData | null = null;
  private colours: { key: string; table: Uint32Array } | null = null;
  private readonly planes = new Planes();

  constructor(packet: PixelPacket) {
    this.fill(packet);
  }

  /** Take a packet: a preview first, perhaps, and then the film itself. */
  fill({ header, body }: PixelPacket): void {
    if (this.complete) return;
    this.header = header as FilmHeader;
    this.body = body;
    this.levels.clear();
    this.tables.clear();
    this.colours = null;
    this.planes.forget();
  }

  /** True when every pixel is here, not only a preview's means of them. */
  get complete(): boolean {
    return this.header?.halved === 0;
  }

  get grey(): boolean {
    return this.header.samples === 1;
  }

  /** The samples of a frame, unchanged. */
  samples(frame: number): Samples {
    return this.level(frame, 0).samples;
  }

  /** Modality value at a pixel, or the three colours. */
  value(frame: number, column: number, row: number): number[] {
    if (!this.complete) return [];
    const { columns, frames, samples } = this.header;
    const at = (row * columns + column) * samples;
    const stored = this.samples(frame);
    if (samples === 3) return [stored[at]!, stored[at + 1]!, stored[at + 2]!];
    const { slope, intercept } = frames[frame]!;
    return [Math.fround(stored[at]! * slope + intercept)];
  }

  /** The look-up table of a grey, if it has one. */
  table({ lut }: Grey): Table | null {
    if (!lut) return null;
    const cached = this.tables.get(lut.offset);
    if (cached) return cached;
    const start = this.body.byteOffset + lut.offset;
    const made = {
      first: lut.first,
      bits: lut.bits,
      table: new Uint16Array(this.body.buffer, start, lut.size),
    };
    this.tables.set(lut.offset, made);
    return made;
  }

  /** Frame halved `times` times by averaging (0: the frame itself), or as sent if that is less. */
  level(frame: number, times: number): Level {
    const { halved } = this.header;
    let levels = this.levels.get(frame);
    if (!levels) {
      // Halvings of other frames go: a long cine would fill the memory with them.
      this.levels.clear();
      levels = [this.first(frame)];
      this.levels.set(frame, levels);
    }
    while (levels.length + halved <= times) {
      levels.push(halve(levels[levels.length - 1]!, this.header.samples));
    }
    return levels[Math.max(0, times - halved)]!;
  }

  /** Paint the part of a frame that a canvas shows; `place` maps film pixels to the canvas. */
  paint(context: CanvasRenderingContext2D, place: Affine, look: Look): void {
    const { canvas } = context;
    const { columns, rows } = this.header;
    const scale = Math.sqrt(Math.abs(place[0] * place[3] - place[1] * place[2]));
    const times = Math.max(this.header.halved, halvings(scale, Math.min(columns, rows)));
    const level = this.level(look.frame, times);
    const step = 2 ** times;
    const box = visible(place, canvas, level, step);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!box) return;
    const { left, top, width, height } = box;
    const scratch = this.sheet(width, height);
    const picture = this.colour(level, box, look);
    scratch.putImageData(picture, 0, 0);
    context.save();
    context.setTransform(...place);
    context.imageSmoothingEnabled = !(isWhole(place) || scale >= 4);
    context.imageSmoothingQuality = "low"; // the halvings have done the averaging
    context.beginPath();
    context.rect(0, 0, columns, rows); // the last sample of a halving reaches beyond the film
    context.clip();
    context.drawImage(
      scratch.canvas, 0, 0, width, height,
      left * step, top * step, width * step, height * step,
    );
    context.restore();
  }

  /** True when the file draws something over any of its frames. */
  get hasPlanes(): boolean {
    return this.header.frames.some(({ overlay }) => overlay !== null);
  }

  /** Lay the file's overlay planes over a frame that was painted. */
  paintPlanes(context: CanvasRenderingContext2D, place: Affine, frame: number): void {
    const { columns, rows, frames } = this.header;
    const { overlay } = frames[frame]!;
    if (overlay === null) return;
    const start = this.body.byteOffset + overlay;
    const bits = new Uint8Array(this.body.buffer as ArrayBuffer, start, Math.ceil((rows * columns) / 8));
    this.planes.paint(context, place, { bits, rows, columns, name: String(frame) });
  }

  /** A canvas of exactly this size: what lay beyond a smaller picture would bleed into its edge. */
  private sheet(width: number, height: number): CanvasRenderingContext2D {
    this.scratch ??= document.createElement("canvas").getContext("2d", { alpha: false })!;
    const { canvas } = this.scratch;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    return this.scratch;
  }

  private pixels(width: number, height: number): ImageData {
    if (this.picture?.width !== width || this.picture.height !== height) {
      this.picture = new ImageData(width, height);
    }
    return this.picture;
  }

  private first(frame: number): Level {
    const { samples, type, halved } = this.header;
    const [columns, rows] = [this.header.columns, this.header.rows].map(
      (side) => Math.ceil(side / 2 ** halved),
    ) as [number, number];
    const count = rows * columns * samples;
    const kinds = { uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array };
    const kind = kinds[type];
    const at = halved ? 0 : frame; // a preview has the first frame alone
    const start = this.body.byteOffset + at * count * kind.BYTES_PER_ELEMENT;
    return { width: columns, height: rows, samples: new kind(this.body.buffer as ArrayBuffer, start, count) };
  }

  /** ABGR words for every sample value, the lowest first. */
  private words(look: Look): { low: number; table: Uint32Array } {
    const { type, monochrome1, frames } = this.header;
    const low = type === "int16" ? -32768 : 0;
    const inverted = look.inverted !== monochrome1;
    const frame = frames[look.frame]!;
    const { center, width, curve, lut } = look.grey;
    const key = [
      center, width, curve, lut?.offset ?? "", inverted, frame.slope, frame.intercept,
    ].join();
    if (this.colours?.key !== key) {
      const levels = new Uint8Array(type === "uint8" ? 256 : 65536);
      ramp(levels, low, frame, look.grey, this.table(look.grey), inverted);
      const table = this.colours?.table ?? new Uint32Array(levels.length);
      for (let index = 0; index < levels.length; index++) {
        const one = levels[index]!;
        table[index] = LITTLE_ENDIAN
          ? (0xff000000 | (one << 16) | (one << 8) | one) >>> 0
          : ((one << 24) | (one << 16) | (one << 8) | 0xff) >>> 0;
      }
      this.colours = { key, table };
    }
    return { low, table: this.colours.table };
  }

  private colour(level: Level, box: Box, look: Look): ImageData {
    const picture = this.pixels(box.width, box.height);
    if (this.header.samples === 3) {
      paintColours(picture.data, level, box, look.inverted);
    } else {
      const { low, table } = this.words(look);
      paintGreys(new Uint32Array(picture.data.buffer as ArrayBuffer), level, box, low, table);
    }
    return picture;
  }
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

function paintGreys(
  out: Uint32Array, { width, samples }: Level, box: Box, low: number, table: Uint32Array,
): void {
  let to = 0;
  for (let row = box.top; row < box.top + box.height; row++) {
    let from = row * width + box.left;
    for (const end = from + box.width; from < end; from++) out[to++] = table[samples[from]! - low]!;
  }
}

function paintColours(
  out: Uint8ClampedArray, { width, samples }: Level, box: Box, inverted: boolean,
): void {
  const turn = inverted ? 255 : 0;
  let to = 0;
  for (let row = box.top; row < box.top + box.height; row++) {
    let from = (row * width + box.left) * 3;
    for (let column = 0; column < box.width; column++) {
      out[to++] = samples[from++]! ^ turn;
      out[to++] = samples[from++]! ^ turn;
      out[to++] = samples[from++]! ^ turn;
      out[to++] = 255;
    }
  }
}

/** How often to halve so that at most two samples fall on a canvas pixel in each direction. */
export function halvings(scale: number, side: number): number {
  const wanted = Math.floor(Math.log2(1 / scale) + 1e-9);
  return Math.max(0, Math.min(wanted, Math.floor(Math.log2(side))));
}

/** Mean of each block of 2 x 2; blocks at the edges take what there is. */
export function halve({ width, height, samples }: Level, channels: number): Level {
  const wide = Math.ceil(width / 2);
  const tall = Math.ceil(height / 2);
  const kind = samples.constructor as { new (n: number): Samples };
  const out = new kind(wide * tall * channels);
  const stride = width * channels;
  for (let row = 0; row < tall; row++) {
    const upper = 2 * row * stride;
    const lower = Math.min(2 * row + 1, height - 1) * stride;
    const to = row * wide * channels;
    if (channels === 1) halveGreys(samples, upper, lower, width, out, to);
    else halveColours(samples, upper, lower, width, out, to);
  }
  return { width: wide, height: tall, samples: out };
}

function halveGreys(
  samples: Samples, upper: number, lower: number, width: number, out: Samples, to: number,
): void {
  const pairs = width >> 1;
  for (let pair = 0; pair < pairs; pair++, upper += 2, lower += 2) {
    const sum = samples[upper]! + samples[upper + 1]! + samples[lower]! + samples[lower + 1]!;
    out[to++] = (sum + 2) >> 2;
  }
  if (width & 1) out[to] = (samples[upper]! + samples[lower]! + 1) >> 1;
}

function halveColours(
  samples: Samples, upper: number, lower: number, width: number, out: Samples, to: number,
): void {
  for (let column = 0; column < width; column += 2) {
    const left = column * 3;
    const right = Math.min(column + 1, width - 1) * 3;
    for (let channel = 0; channel < 3; channel++) {
      const sum = samples[upper + left + channel]! + samples[upper + right + channel]! +
        samples[lower + left + channel]! + samples[lower + right + channel]!;
      out[to++] = (sum + 2) >> 2;
    }
  }
}

/** True when film pixels fall on canvas pixels one by one. */
export function isWhole([a, b, c, d, e, f]: Affine): boolean {
  const turned = (Math.abs(a) === 1 && Math.abs(d) === 1 && !b && !c) ||
    (Math.abs(b) === 1 && Math.abs(c) === 1 && !a && !d);
  return turned && Number.isInteger(e) && Number.isInteger(f);
}

/** The part of a halving that a canvas shows, with a sample to spare on each side. */
function visible(
  place: Affine, canvas: { width: number; height: number }, level: Level, step: number,
): Box | null {
  const [a, b, c, d, e, f] = place;
  const det = a * d - b * c;
  if (!det) return null;
  const xs: number[] = [];
  const ys: number[] = [];
  for (const [x, y] of [[0, 0], [canvas.width, 0], [0, canvas.height], [canvas.width, canvas.height]]) {
    xs.push((d * (x! - e) - c * (y! - f)) / det / step);
    ys.push((a * (y! - f) - b * (x! - e)) / det / step);
  }
  const left = Math.max(0, Math.floor(Math.min(...xs)) - 1);
  const top = Math.max(0, Math.floor(Math.min(...ys)) - 1);
  const right = Math.min(level.width, Math.ceil(Math.max(...xs)) + 1);
  const bottom = Math.min(level.height, Math.ceil(Math.max(...ys)) + 1);
  return right > left && bottom > top
    ? { left, top, width: right - left, height: bottom - top }
    : null;
}
