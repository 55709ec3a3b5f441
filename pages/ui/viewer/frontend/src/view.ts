// Where a film lies on a canvas: affine maps, fitting, zooming about a point.

import type { Turn } from "./letters.ts";
import type { Affine, Point } from "./types.ts";

export interface View {
  scale: number; // canvas pixels per film column
  center: Point; // film pixel in the middle of the canvas
}

export function apply([a, b, c, d, e, f]: Affine, [x, y]: Point): Point {
  return [a * x + c * y + e, b * x + d * y + f];
}

/** First `before`, then `then`. */
export function chain(before: Affine, then: Affine): Affine {
  const [a, b, c, d] = then;
  const [e, f] = apply(then, [before[4], before[5]]);
  return [
    a * before[0] + c * before[1], b * before[0] + d * before[1],
    a * before[2] + c * before[3], b * before[2] + d * before[3], e, f,
  ];
}

export function invert([a, b, c, d, e, f]: Affine): Affine {
  const det = a * d - b * c;
  return [
    d / det, -b / det, -c / det, a / det,
    (c * f - d * e) / det, (b * e - a * f) / det,
  ];
}

/** The map that Cornerstone's camera makes: centre, flip, then turn clockwise. */
export function place(
  { scale, center }: View, { flipped, rotation }: Turn, aspect: number, middle: Point,
): Affine {
  const cos = [1, 0, -1, 0][(rotation / 90) % 4]!;
  const sin = [0, 1, 0, -1][(rotation / 90) % 4]!;
  const across = flipped ? -scale : scale;
  const down = scale * aspect;
  const turn: Affine = [cos * across, sin * across, -sin * down, cos * down, 0, 0];
  const [x, y] = apply(turn, center);
  return [turn[0], turn[1], turn[2], turn[3], middle[0] - x, middle[1] - y];
}

/** The scale at which a film just fits. */
export function fit(columns: number, rows: number, rotation: number, size: Point): number {
  const [wide, tall] = rotation % 180 ? [rows, columns] : [columns, rows];
  return Math.min(size[0] / wide, size[1] / tall);
}

/** Zoom so that the film pixel under `at` (canvas) stays there. */
export function zoomAbout(view: View, now: Affine, middle: Point, at: Point, factor: number): View {
  const center = apply(invert(now), [
    at[0] + (middle[0] - at[0]) / factor,
    at[1] + (middle[1] - at[1]) / factor,
  ]);
  return { scale: view.scale * factor, center };
}

/** Move the film by some canvas pixels. */
export function pan(view: View, now: Affine, middle: Point, by: Point): View {
  return { ...view, center: apply(invert(now), [middle[0] - by[0], middle[1] - by[1]]) };
}

/** Shift a view so that film pixels fall on whole canvas pixels. */
export function snapped(view: View, now: Affine, middle: Point): View {
  return pan(view, now, middle, [Math.round(now[4]) - now[4], Math.round(now[5]) - now[5]]);
}
