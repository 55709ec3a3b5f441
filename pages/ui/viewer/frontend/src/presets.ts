// The windows a reader can choose from: the file's own, automatic, full range, and HU for CT.

import { el, fill } from "./dom.ts";
import type { Film } from "./film.ts";
import { tidy } from "./measure.ts";
import type { Grey } from "./types.ts";

export interface Preset {
  label: string;
  grey: Grey;
  index: number; // of the file's own, else -1
}

const CT: [string, number, number][] = [
  ["softTissue", 40, 400], ["lung", -600, 1500], ["liver", 90, 150], ["bone", 480, 2500],
  ["brain", 40, 80],
];

/** What keys 1 to 5 choose comes first: HU windows on CT, the file's own elsewhere. */
export function presets(film: Film, frame: number, words: Record<string, string>): Preset[] {
  if (!film.grey) return [];
  const { presets: own, automatic, full } = film.header.frames[frame]!;
  const files = own.map((grey, index) => ({ label: ownLabel(grey, index, words), grey, index }));
  const computed = [
    { label: words.automatic!, grey: { ...automatic, name: words.automatic! }, index: -1 },
    { label: words.full!, grey: { ...full, name: words.full! }, index: -1 },
  ];
  const isCt = film.header.modality === "CT" && film.header.unit === "HU";
  const houns = CT.map(([name, center, width]) => {
    const label = words[name] ?? name;
    const grey: Grey = { name: label, center, width, curve: "LINEAR" };
    return { label: `${label} (${center} / ${width})`, grey, index: -1 };
  });
  return isCt ? [...houns, ...files, ...computed] : [...files, ...computed];
}

function ownLabel(grey: Grey, index: number, words: Record<string, string>): string {
  const numbers = `${tidy(grey.center)} / ${tidy(grey.width)}`;
  const name = grey.lut ? grey.name || words.lut! : [grey.name, `(${numbers})`].join(" ").trim();
  return fill(words.file, { number: index + 1, name });
}

export function options(choices: Preset[], hint: string): HTMLOptionElement[] {
  const first = el("option", "", hint);
  first.value = "";
  return [first, ...choices.map(({ label }, index) => {
    const option = el("option", "", `${index < 5 ? `${index + 1}  ` : ""}${label}`);
    option.value = String(index);
    return option;
  })];
}
