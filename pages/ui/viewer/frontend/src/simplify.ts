// Fewer points for the same outline (Ramer, 1972; Douglas and Peucker, 1973).

import type { Point } from "./types.ts";

/** Leave out points that lie within `tolerance` of the line through their kept neighbours. */
export function simplify(points: Point[], tolerance: number): Point[] {
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const open: [number, number][] = [[0, points.length - 1]];
  while (open.length) {
    const [from, to] = open.pop()!;
    let [farthest, size] = [0, tolerance];
    for (let index = from + 1; index < to; index++) {
      const off = distance(points[index]!, points[from]!, points[to]!);
      if (off > size) [farthest, size] = [index, off];
    }
    if (!farthest) continue;
    keep[farthest] = 1;
    open.push([from, farthest], [farthest, to]);
  }
  return points.filter((_, index) => keep[index]);
}

function distance([x, y]: Point, [x0, y0]: Point, [x1, y1]: Point): number {
  const [u, v] = [x1 - x0, y1 - y0];
  const length = u * u + v * v;
  const along = length ? Math.max(0, Math.min(1, ((x - x0) * u + (y - y0) * v) / length)) : 0;
  return Math.hypot(x - x0 - along * u, y - y0 - along * v);
}
