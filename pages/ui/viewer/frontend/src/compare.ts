// The prior in the place of the image, laid on it by the lungs, and one window for both.

import { Blinking } from "./blinking.ts";
import type { Pane } from "./pane.ts";
import type { Affine, ComparisonSpec, Edges, FilmHeader } from "./types.ts";

type Words = Record<string, string>;
type Size = Pick<FilmHeader, "columns" | "rows" | "aspect">;

/** Pixels of the prior to those of the image, so that the middles of two boxes coincide.
 *
 * One scale for both directions, the geometric mean of those of the sides: nothing is stretched,
 * turned or mirrored, and boxes of the same shape coincide at their corners.
 */
export function align(image: Size, prior: Size, [here, there]: [Edges, Edges]): Affine {
  const [to, from] = [inPixels(image, here), inPixels(prior, there)];
  const scale = Math.sqrt((to.wide / from.wide) * (to.tall / from.tall));
  const down = (scale * prior.aspect) / image.aspect; // where pixels are not square
  return [
    scale, 0, 0, down,
    to.middle[0] - scale * from.middle[0], to.middle[1] - down * from.middle[1],
  ];
}

function inPixels({ columns, rows, aspect }: Size, [top, left, bottom, right]: Edges) {
  return {
    wide: (right - left) * columns,
    tall: (bottom - top) * rows * aspect,
    middle: [((left + right) / 2) * columns, ((top + bottom) / 2) * rows] as const,
  };
}

export class Compare {
  private readonly panes: () => Pane[];
  private readonly blinking = new Blinking((shown) => this.lay(shown));
  private readonly laid: (pane: Pane) => void;
  private spec: ComparisonSpec | null = null;
  private words: Words = {};

  /** `laid` is told of the image whose place was taken, or given back. */
  constructor(panes: () => Pane[], laid: (pane: Pane) => void) {
    this.panes = panes;
    this.laid = laid;
  }

  update(spec: ComparisonSpec | null, words: Words): void {
    this.spec = spec;
    this.words = words;
  }

  get running(): boolean {
    return this.blinking.running;
  }

  /** Start or end, by a key that may be held, or by a button (no key). */
  blink(key = ""): void {
    if (!this.running && this.obstacle()) return;
    if (key) this.blinking.press(key);
    else this.blinking.tap();
  }

  release(key: string): void {
    this.blinking.release(key);
  }

  stop(): void {
    this.blinking.stop();
  }

  /** Why the prior cannot be laid over the image; empty where it can. */
  obstacle(): string {
    if (!this.spec) return "";
    const { words, pair } = this;
    if (!this.spec.lungs) return this.spec.reason;
    if (!pair) return words.loading ?? "";
    if (pair.some(({ turn }) => turn.flipped || turn.rotation)) return words.blink_turned ?? "";
    const [here, there] = [pair[0].film!.header.directions, pair[1].film!.header.directions];
    const differ = here.some((letters, at) => letters && there[at] && letters !== there[at]);
    return differ ? words.blink_sides ?? "" : "";
  }

  /** The image and its prior, once both are here. */
  private get pair(): [Pane, Pane] | null {
    const [image] = this.panes();
    const prior = this.panes().find(({ spec }) => spec.key === this.spec?.prior);
    return image?.ready && prior?.ready ? [image, prior] : null;
  }

  private lay(shown: boolean): void {
    const { pair, spec } = this;
    const image = this.panes().find(({ stead }) => stead) ?? pair?.[0];
    if (!image || Boolean(image.stead) === shown) return;
    if (!shown) image.setStead(null);
    else if (pair && spec?.lungs) {
      const [{ header }, { header: other }] = [pair[0].film!, pair[1].film!];
      image.setStead({ pane: pair[1], map: align(header, other, spec.lungs) });
    }
    this.laid(image);
  }

  /** What aligned the two, to stand beside the prior. */
  get aligned(): string {
    return this.spec?.aligned ?? "";
  }

  get sameWindow(): boolean {
    return Boolean(this.pair?.[1].note);
  }

  /** Why one window cannot serve both; empty where it can. */
  windowObstacle(): string {
    const { pair } = this;
    if (!this.spec?.prior) return this.spec?.reason ?? "";
    if (!pair) return this.words.loading ?? "";
    const [one, other] = pair.map(({ film }) => film!.header) as [FilmHeader, FilmHeader];
    const alike = one.modality === other.modality && one.unit === other.unit;
    const windows = pair.every(({ film }) => film!.grey) && !pair[0].look.grey.lut;
    return alike && windows ? "" : this.words.no_same_window ?? "";
  }

  /** Give the prior the window of the image, or its own again. */
  switchWindow(): void {
    const { pair } = this;
    if (!pair) return;
    const [image, prior] = pair;
    if (this.sameWindow) {
      prior.note = "";
      prior.setGrey(prior.acquired(prior.look.frame), 0);
    } else if (!this.windowObstacle()) {
      prior.note = this.words.same_window ?? "";
      copyWindow(image, prior);
    }
  }

  /** While one window is asked for, a change of either is a change of both. */
  follow(changed: Pane): void {
    const { pair } = this;
    if (!pair || !this.sameWindow || !pair.includes(changed)) return;
    const [image, prior] = pair;
    if (changed.look.grey.lut) this.switchWindow(); // a look-up table was chosen: no window
    else copyWindow(changed, changed === image ? prior : image);
  }
}

function copyWindow(from: Pane, to: Pane): void {
  const { center, width, curve } = from.look.grey;
  to.setGrey({ name: "", center, width, curve });
  if (to.look.inverted !== from.look.inverted) to.setInverted(from.look.inverted);
}
