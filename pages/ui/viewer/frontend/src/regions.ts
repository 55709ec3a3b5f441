// Where regions of a film were marked: boxes with their side and answer, drawn over the film.

import type { Film } from "./film.ts";
import type { Affine, RegionSpec } from "./types.ts";

const LETTERS = 13; // CSS pixels

/** Draw each box, dark beneath bright, so that it shows on any film; `place` maps film pixels. */
export function paintRegions(
  context: CanvasRenderingContext2D, place: Affine, film: Film, regions: RegionSpec[],
): void {
  const ratio = window.devicePixelRatio || 1;
  const { columns, rows } = film.header;
  for (const { box: [left, top, right, bottom], label } of regions) {
    const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(
      ([x, y]) => onCanvas(place, x! * columns, y! * rows),
    );
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.beginPath();
    corners.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    for (const [colour, width] of [["rgba(0, 0, 0, 0.8)", 4], ["#ffb040", 2]] as const) {
      context.strokeStyle = colour;
      context.lineWidth = width * ratio;
      context.stroke();
    }
    // the words stand upright above the box, however the film is turned
    const x = Math.min(...corners.map((corner) => corner[0]));
    const y = Math.min(...corners.map((corner) => corner[1]));
    context.font = `600 ${LETTERS * ratio}px sans-serif`;
    context.textBaseline = "bottom";
    const wide = context.measureText(label).width + 8 * ratio;
    const tall = (LETTERS + 6) * ratio;
    context.fillStyle = "#ffb040";
    context.fillRect(x, y - tall, wide, tall);
    context.fillStyle = "#111";
    context.fillText(label, x + 4 * ratio, y - 3 * ratio);
  }
}

function onCanvas([a, b, c, d, e, f]: Affine, x: number, y: number): [number, number] {
  return [a * x + c * y + e, b * x + d * y + f];
}
