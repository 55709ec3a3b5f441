// Numbers on the screen beside a drawing. The record's own are computed in Python
// (imaging/review/measure.py) by the same rules; these only follow the mouse.

import { fill } from "./dom.ts";
import type { Film } from "./film.ts";
import type { FilmHeader, Point, Shape } from "./types.ts";

export interface Statistics {
  count: number;
  mean: number;
  deviation: number;
  minimum: number;
  maximum: number;
}

/** Length of a line in mm, or in pixels where the file gives no spacing. */
export function length(from: Point, to: Point, spacing: Point | null): number {
  const [down, across] = spacing ?? [1, 1];
  return Math.hypot((to[0] - from[0]) * across, (to[1] - from[1]) * down);
}

/** Angle at the second of three points, in degrees, 0 to 180. */
export function angle([first, vertex, last]: Point[], aspect: number): number {
  const arm = ([x, y]: Point): Point => [x - vertex![0], (y - vertex![1]) * aspect];
  const [a, b] = [arm(first!), arm(last!)];
  const cross = a[0] * b[1] - a[1] * b[0];
  const dot = a[0] * b[0] + a[1] * b[1];
  return (Math.abs(Math.atan2(cross, dot)) * 180) / Math.PI;
}

/** Area of a closed polygon in square pixels (shoelace). */
export function polygonArea(points: Point[]): number {
  let sum = 0;
  points.forEach(([x, y], index) => {
    const [u, v] = points[(index + 1) % points.length]!;
    sum += x * v - u * y;
  });
  return Math.abs(sum) / 2;
}

/** Columns [from, to) of a row whose pixel centres lie inside a shape; a row has few such runs. */
type Runs = (y: number) => [number, number][];

export function outline(shape: Shape, points: Point[]): { box: [Point, Point]; runs: Runs } {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  let box: [Point, Point] = [
    [Math.min(...xs), Math.min(...ys)],
    [Math.max(...xs), Math.max(...ys)],
  ];
  if (shape === "rectangle") return { box, runs: () => [[box[0][0], box[1][0]]] };
  if (shape === "region") return { box, runs: (y) => crossings(points, y) };
  const { center, major, minor } = axes(points);
  const [ax, ay] = [major[0], major[1]];
  const [bx, by] = [minor[0], minor[1]];
  const half: Point = [Math.hypot(ax, bx), Math.hypot(ay, by)];
  box = [[center[0] - half[0], center[1] - half[1]], [center[0] + half[0], center[1] + half[1]]];
  const det = ax * by - ay * bx;
  const runs: Runs = (y) => {
    // |inverse of (major, minor) applied to (x, y)| <= 1 is a quadratic in x
    const v = y - center[1];
    const a = (by * by + ay * ay) / det ** 2;
    const b = (-2 * v * (bx * by + ax * ay)) / det ** 2;
    const c = (v * v * (bx * bx + ax * ax)) / det ** 2 - 1;
    const root = b * b - 4 * a * c;
    if (root < 0) return [];
    const wide = Math.sqrt(root);
    return [[center[0] + (-b - wide) / (2 * a), center[0] + (-b + wide) / (2 * a)]];
  };
  return { box, runs };
}

/** Centre and half axes of an ellipse from the ends of its axes. */
export function axes([a, b, c, d]: Point[]): { center: Point; major: Point; minor: Point } {
  return {
    center: [(a![0] + b![0]) / 2, (a![1] + b![1]) / 2],
    major: [(b![0] - a![0]) / 2, (b![1] - a![1]) / 2],
    minor: [(d![0] - c![0]) / 2, (d![1] - c![1]) / 2],
  };
}

/** Mean, deviation and extremes of the pixels whose centres lie inside a shape. */
export function statistics(film: Film, frame: number, shape: Shape, points: Point[]): Statistics {
  const { columns, rows, frames } = film.header;
  const { slope, intercept } = frames[frame]!;
  const samples = film.samples(frame);
  const { box, runs } = outline(shape, points);
  let [count, sum, squares, low, high] = [0, 0, 0, Infinity, -Infinity];
  const top = Math.max(0, Math.ceil(box[0][1] - 0.5));
  const bottom = Math.min(rows - 1, Math.floor(box[1][1] - 0.5));
  for (let row = top; row <= bottom; row++) {
    for (const [from, to] of runs(row + 0.5)) {
      const start = Math.max(0, Math.ceil(from - 0.5));
      const end = Math.min(columns - 1, Math.floor(to - 0.5));
      for (let at = row * columns + start; at <= row * columns + end; at++) {
        const value = samples[at]!;
        count += 1;
        sum += value;
        squares += value * value;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  const mean = sum / count;
  const ends = [low * slope + intercept, high * slope + intercept];
  return {
    count,
    mean: mean * slope + intercept,
    deviation: Math.abs(slope) * Math.sqrt(Math.max(0, squares / count - mean * mean)),
    minimum: Math.min(...ends),
    maximum: Math.max(...ends),
  };
}

/** Area of a shape in square pixels. */
export function area(shape: Shape, points: Point[]): number {
  if (shape === "region") return polygonArea(points);
  if (shape === "ellipse") {
    const { major, minor } = axes(points);
    return Math.PI * Math.abs(major[0] * minor[1] - major[1] * minor[0]);
  }
  const { box } = outline("rectangle", points);
  return (box[1][0] - box[0][0]) * (box[1][1] - box[0][1]);
}

function crossings(points: Point[], y: number): [number, number][] {
  const xs: number[] = [];
  points.forEach(([x0, y0], index) => {
    const [x1, y1] = points[(index + 1) % points.length]!;
    if (y0 > y !== y1 > y) xs.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  });
  xs.sort((a, b) => a - b);
  const runs: [number, number][] = [];
  for (let index = 0; index + 1 < xs.length; index += 2) runs.push([xs[index]!, xs[index + 1]!]);
  return runs;
}

/** Three significant digits at least, no more decimals than help. */
export function tidy(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** Where a length holds, to stand behind its unit; nothing for one in the body or in pixels. */
export function plane(header: FilmHeader, words: Record<string, string>): string {
  const text = header.spacing ? words[`plane_${header.plane}`] : undefined;
  if (!text) return "";
  const factor = header.magnification === null ? "" : String(Number(header.magnification.toPrecision(4)));
  return ` (${fill(text, { factor })})`;
}

/** The lines of text beside a drawing. */
export function lines(
  film: Film, frame: number, shape: Shape, points: Point[], words: Record<string, string>,
): string[] {
  if (!film.complete) return [];
  const { spacing, unit, aspect, samples } = film.header;
  const long = spacing ? "mm" : "px";
  const where = plane(film.header, words);
  const size = (from: Point, to: Point): string =>
    `${tidy(length(from, to, spacing))} ${long}${where}`;
  const value = (number: number): string => `${tidy(number)}${unit && ` ${unit}`}`;
  switch (shape) {
    case "point": {
      const [column, row] = points[0]!.map(Math.floor) as Point;
      const inside = column >= 0 && row >= 0 && column < film.header.columns && row < film.header.rows;
      return inside ? [film.value(frame, column, row).map(value).join(" ")] : [];
    }
    case "length":
      return points.length < 2 ? [] : [size(points[0]!, points[1]!)];
    case "angle":
      return points.length < 3 ? [] : [`${angle(points, aspect).toFixed(1)}\u00b0`];
    case "ratio": {
      if (points.length < 4) return [];
      const heart = length(points[0]!, points[1]!, spacing);
      const chest = length(points[2]!, points[3]!, spacing);
      return [
        `${words.ctr} ${(heart / chest).toFixed(2)}`,
        `${tidy(heart)} / ${tidy(chest)} ${long}${where}`,
      ];
    }
    default: {
      const pixels = area(shape, points);
      const each = spacing ? spacing[0] * spacing[1] : 1;
      const texts = [`${tidy(pixels * each)} ${long}\u00b2${where}`];
      if (samples === 3) return texts;
      const { count, mean, deviation, minimum, maximum } = statistics(film, frame, shape, points);
      if (!count) return texts;
      return [
        ...texts,
        `${words.mean} ${value(mean)} \u00b1 ${tidy(deviation)}`,
        `${tidy(minimum)} \u2013 ${value(maximum)}`,
      ];
    }
  }
}
