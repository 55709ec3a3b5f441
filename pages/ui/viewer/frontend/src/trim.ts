// What stands around a film: who it is, letters at the edges, readouts, scale bar, colour bar.

import { el, fill, setText } from "./dom.ts";
import { edges } from "./letters.ts";
import { plane, tidy } from "./measure.ts";
import type { Cover, Overlay } from "./overlay.ts";
import type { Pane } from "./pane.ts";
import type { View } from "./view.ts";
import type { PaneSpec, Point } from "./types.ts";

type Words = Record<string, string>;

/** What is told of a film: of a pane's own, or of the prior in its place. */
export type Told = Pick<Pane, "film" | "look" | "turn" | "planes" | "position" | "spec" | "note">
  & { view: View };

const ROUND = [1, 2, 5];

export class Trim {
  readonly root = el("div", "trim");
  private readonly banner = el("div", "corner nw");
  private readonly about = el("div", "corner ne");
  private readonly state = el("div", "readout");
  private readonly probe = el("div", "probe");
  private readonly warning = el("div", "warning");
  private readonly bar = el("div", "scale");
  private readonly barLabel = el("span");
  private readonly legend = el("div", "legend");
  private readonly legendBar = el("canvas");
  private readonly legendText = el("div");
  private readonly letters = ["top", "right", "bottom", "left"].map((edge) => el("div", `edge ${edge}`));
  private readonly waiting = el("div", "waiting");
  private readonly refusal = el("div", "refusal");
  private described = "";

  constructor(words: Words) {
    const southwest = el("div", "corner sw");
    southwest.append(this.state, this.probe);
    const southeast = el("div", "corner se");
    this.bar.append(this.barLabel);
    this.legend.append(this.legendBar, this.legendText);
    this.legend.hidden = true;
    southeast.append(this.bar, el("div", "research", words.research));
    this.warning.setAttribute("role", "status");
    this.warning.hidden = true;
    this.refusal.setAttribute("role", "status");
    setText(this.waiting, words.loading ?? "");
    this.root.append(
      this.banner, this.about, southwest, southeast, this.legend, this.warning, this.waiting, this.refusal,
      ...this.letters,
    );
  }

  /** Why something asked for is not done; empty takes it away. */
  refuse(reason: string): void {
    setText(this.refusal, reason);
  }

  /** Who and what; and, of a prior in the place of the film, what aligned the two. */
  describe({ banner, title, marks, notes }: PaneSpec, aligned = ""): void {
    const text = JSON.stringify([banner, title, marks, notes, aligned]);
    if (text === this.described) return;
    this.described = text;
    this.banner.replaceChildren(
      ...banner.map(([label, value]) => {
        const line = el("div");
        line.append(el("span", "label", label), el("span", "value", value));
        return line;
      }),
    );
    this.about.replaceChildren(
      el("div", "title", title),
      ...(aligned ? [el("div", "aligned", aligned)] : []),
      ...marks.map((mark) => el("div", "mark", mark)),
      ...notes.map((note) => el("div", "note", note)),
    );
  }

  /** How the film is shown. */
  update(pane: Told, words: Words): void {
    const film = pane.film!;
    const { look, turn, view } = pane;
    const { header } = film;
    this.waiting.hidden = true;
    const parts: string[] = [];
    if (film.grey) {
      const { center, width, curve, lut, name } = look.grey;
      const numbers = fill(words.level, { center: tidy(center), width: tidy(width) });
      const kind = lut ? words.lut : curve === "SIGMOID" ? words.sigmoid : "";
      parts.push([lut ? "" : numbers, kind, name].filter(Boolean).join(" \u00b7 "));
    }
    if (pane.note) parts.push(pane.note);
    if (film.hasPlanes && !pane.planes) parts.push(words.planes_off ?? "");
    if (look.inverted) parts.push(words.inverted ?? "");
    parts.push(fill(words.zoom_level, { percent: Math.round(view.scale * 100) }));
    if (header.frames.length > 1) {
      const [number, count] = [pane.position + 1, header.totalFrames];
      const stored = header.order.every((frame, at) => frame === at);
      const text = stored ? words.frame : words.ordered;
      parts.push(fill(text, { number, count, frame: look.frame + 1 }));
    }
    const { stack } = pane.spec;
    if (stack) parts.push(fill(words.image, { number: stack.at + 1, count: stack.count }));
    setText(this.state, parts.filter(Boolean).join("\n"));
    const names = edges(header.directions, turn);
    [names.top, names.right, names.bottom, names.left].forEach((text, at) => {
      setText(this.letters[at]!, text);
    });
    this.warning.hidden = !turn.flipped;
    this.root.classList.toggle("turned", turn.flipped); // who it is stays in sight
    if (turn.flipped) setText(this.warning, words.flipped ?? "");
    this.scale(pane, words);
  }

  /** The pixel under the mouse. */
  point(pane: Pane, at: Point | null, overlay: Overlay | null, words: Words): void {
    const film = pane.film;
    if (!film?.complete || !at) return setText(this.probe, "");
    const [column, row] = [Math.floor(at[0]), Math.floor(at[1])];
    const { columns, rows, unit, padding } = film.header;
    if (column < 0 || row < 0 || column >= columns || row >= rows) return setText(this.probe, "");
    const values = film.value(pane.look.frame, column, row).map(tidy).join(" ");
    const stored = film.samples(pane.look.frame)[row * columns + column]!;
    const empty = padding && stored >= padding[0] && stored <= padding[1];
    const over = overlay ? ` \u00b7 ${fill(words.map, { value: overlay.at(at[0] / columns, at[1] / rows).toPrecision(2) })}` : "";
    const value = empty ? words.padding : `${values}${unit && ` ${unit}`}`;
    setText(this.probe, `x ${column} y ${row} \u00b7 ${value}${over}`);
  }

  /** Colour bar with its meaning while the overlay is shown. */
  explain(overlay: Overlay | null, cover: Cover, words: Words): void {
    this.legend.hidden = !overlay || !cover.shown;
    if (!overlay || this.legend.hidden) return;
    const { spec, header } = overlay;
    const key = JSON.stringify([spec, cover.grey]);
    if (this.legend.dataset.shown === key) return;
    this.legend.dataset.shown = key;
    paintBar(this.legendBar, header.colours, cover.grey);
    // A strip below the film: what a colour means on either side of the bar, then whose map it is.
    const [low = "", high = ""] = spec.meaning.split("|").map((text) => text.trim());
    const meaning = el("div", "meaning");
    meaning.append(
      ...(high ? [el("span", "", low)] : []), this.legendBar, el("span", "", high || low),
      el("span", "method", `${spec.method} \u00b7 ${spec.target}`),
    );
    this.legendText.replaceChildren(
      el("span", "generated", words.generated), el("span", "source", spec.source),
    );
    this.legend.replaceChildren(meaning, this.legendText);
  }

  private scale(pane: Told, words: Words): void {
    const { spacing } = pane.film!.header;
    const ratio = window.devicePixelRatio || 1;
    const horizontal = pane.turn.rotation % 180 ? "row" : "column";
    const { aspect } = pane.film!.header;
    // One film pixel across the screen, in CSS pixels, and what it measures.
    const each = (horizontal === "column" ? pane.view.scale : pane.view.scale * aspect) / ratio;
    const unit = spacing ? (horizontal === "column" ? spacing[1] : spacing[0]) : 1;
    const wanted = (120 / each) * unit;
    const power = 10 ** Math.floor(Math.log10(wanted));
    const size = power * (ROUND.filter((one) => one * power <= wanted).pop() ?? 1);
    this.bar.style.width = `${(size / unit) * each}px`;
    const where = plane(pane.film!.header, words);
    const text = spacing
      ? size >= 10 ? `${size / 10} cm${where}` : `${size} mm${where}`
      : `${size} px \u00b7 ${words.unscaled}`;
    setText(this.barLabel, text);
  }
}

function paintBar(canvas: HTMLCanvasElement, colours: number[], grey: boolean): void {
  canvas.width = 256;
  canvas.height = 1;
  const image = new ImageData(256, 1);
  for (let index = 0; index < 256; index++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * index + channel] = grey ? 255 : colours[3 * index + channel]!;
    }
    image.data[4 * index + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
