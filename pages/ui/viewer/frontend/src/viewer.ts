// The viewer: panes in their layout, the mouse, and what is told to Python.

import { Film } from "./film.ts";
import { Pane } from "./pane.ts";
import { parcel } from "./store.ts";
import { CSS } from "./style.ts";
import type { PaneSpec, SceneSpec } from "./types.ts";

export class Viewer {
  report: (reading: unknown) => void = () => {};
  private readonly root = document.createElement("div");
  private readonly grid = document.createElement("div");
  private panes: Pane[] = [];
  private readonly gone = new AbortController();
  private last = "";

  constructor(parent: HTMLElement | ShadowRoot) {
    const style = document.createElement("style");
    style.textContent = CSS;
    this.root.className = "viewer";
    this.root.tabIndex = 0;
    this.grid.className = "grid";
    this.root.append(this.grid);
    parent.append(style, this.root);
  }

  update(scene: SceneSpec): void {
    const text = JSON.stringify(scene);
    if (text === this.last) return;
    this.last = text;
    this.root.style.height = `${scene.height}px`;
    this.grid.dataset.layout = scene.layout;
    const kept = new Map(this.panes.map((pane) => [pane.spec.key + pane.spec.pixels, pane]));
    this.panes = scene.panes.map((spec) => {
      const known = kept.get(spec.key + spec.pixels);
      kept.delete(spec.key + spec.pixels);
      if (known) known.spec = spec;
      return known ?? this.open(spec);
    });
    for (const pane of kept.values()) {
      const cell = pane.element.parentElement;
      pane.close();
      cell?.remove();
    }
  }

  close(): void {
    this.gone.abort();
    for (const pane of this.panes) pane.close();
    this.root.remove();
  }

  private open(spec: PaneSpec): Pane {
    const cell = document.createElement("div");
    cell.className = "pane";
    cell.dataset.key = spec.key;
    const pane = new Pane(spec, (changed) => this.describe(changed, cell));
    cell.append(pane.element);
    this.grid.append(cell);
    this.listen(pane);
    void parcel(spec.pixels, this.gone.signal).then((found) => pane.show(new Film(found)));
    return pane;
  }

  private listen(pane: Pane): void {
    let last: [number, number] | null = null;
    const { element } = pane;
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("pointerdown", (event) => {
      if (!pane.ready) return;
      last = pane.canvasPoint(event);
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (!last) return;
      const now = pane.canvasPoint(event);
      const by: [number, number] = [now[0] - last[0], now[1] - last[1]];
      last = now;
      if (event.buttons & 4) pane.pan(by);
      else if (event.buttons & 2) pane.zoom(Math.exp(-by[1] / 150));
      else if (event.buttons & 1) this.window(pane, by);
    });
    element.addEventListener("pointerup", () => { last = null; });
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (!pane.ready) return;
      if (pane.film!.header.frames.length > 1) pane.setFrame(pane.look.frame + Math.sign(event.deltaY));
      else pane.zoom(Math.exp(-event.deltaY / 500), pane.canvasPoint(event));
    }, { passive: false });
  }

  private window(pane: Pane, [across, down]: [number, number]): void {
    const { full } = pane.film!.header.frames[pane.look.frame]!;
    const step = full.width / 1000;
    const { grey } = pane.look;
    pane.setGrey({
      ...grey, name: "", lut: undefined,
      center: grey.center + down * step,
      width: grey.width + across * step,
    });
  }

  private describe(pane: Pane, cell: HTMLElement): void {
    const { look, turn, view } = pane;
    const data = cell.dataset;
    data.windowCenter = String(look.grey.center);
    data.windowWidth = String(look.grey.width);
    data.function = look.grey.lut ? "LUT" : look.grey.curve;
    data.inverted = String(look.inverted);
    data.zoom = String(view.scale);
    data.rotation = String(turn.rotation);
    data.flipped = String(turn.flipped);
    data.frame = String(look.frame);
  }
}
