// From stored values to grey levels, exactly as imaging/dicom/pixels/voi_lut.py does it (PS3.3 C.11.2).

import type { Curve, Grey } from "./types.ts";

/** Round half to even, as numpy does. */
export function rint(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

export interface Table {
  first: number;
  bits: number;
  table: Uint16Array;
}

/** Grey level, 0 to 255, of a modality value. */
export function level(value: number, center: number, width: number, curve: Curve): number {
  if (curve === "SIGMOID") {
    const exponent = Math.min(700, Math.max(-700, (-4 * (value - center)) / width));
    return rint(255 * (1 / (1 + Math.exp(exponent))));
  }
  const exact = curve === "LINEAR_EXACT";
  const distance = value - (exact ? center : center - 0.5);
  const span = exact ? width : width - 1;
  const fraction = span ? distance / span + 0.5 : distance > 0 ? 1 : 0;
  return rint(255 * Math.min(1, Math.max(0, fraction)));
}

/** Grey level of a modality value by a look-up table (PS3.3 C.11.2.1.1). */
export function looked(value: number, { first, bits, table }: Table): number {
  const index = Math.min(table.length - 1, Math.max(0, rint(value) - first));
  return rint(table[index]! * (255 / (2 ** bits - 1)));
}

/** Modality value of a stored value; a float32, as Python keeps it. */
export function modality(stored: number, slope: number, intercept: number): number {
  return Math.fround(stored * slope + intercept);
}

/** Grey levels of all stored values from `low` on. */
export function ramp(
  out: Uint8Array,
  low: number,
  frame: { slope: number; intercept: number },
  grey: Grey,
  table: Table | null,
  inverted: boolean,
): void {
  for (let index = 0; index < out.length; index++) {
    const value = modality(low + index, frame.slope, frame.intercept);
    const shade = table ? looked(value, table) : level(value, grey.center, grey.width, grey.curve);
    out[index] = inverted ? 255 - shade : shade;
  }
}

/** The narrowest width a curve allows. */
export function narrowest(curve: Curve): number {
  return curve === "LINEAR" ? 1 : 0.001;
}
