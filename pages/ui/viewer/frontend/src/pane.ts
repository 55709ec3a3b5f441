// One film on the screen: Cornerstone's viewport, what it shows and how, and when to draw it.

import { Enums, type Types } from "@cornerstonejs/core";
import { forget, imageIds, paintWith, renderingEngine, type Stack } from "./cornerstone.ts";
import { Film, type Look } from "./film.ts";
import { narrowest } from "./grey.ts";
import { flipAcross, flipDown, rotated, type Turn } from "./letters.ts";
import type { Affine, Grey, PaneSpec, Point } from "./types.ts";
import { fit, invert, apply, pan, place, snapped, zoomAbout, type View } from "./view.ts";

const UNTURNED: Turn = { flipped: false, rotation: 0 };
const FARTHEST = 0.02;
const NEAREST = 64;
let count = 0;

/** What changed, for those who draw around the film. */
export type Change = "film" | "view" | "look" | "frame";

export class Pane {
  readonly id = `lightbox-${++count}`;
  readonly element = document.createElement("div");
  film: Film | null = null;
  look: Look = { frame: 0, grey: { name: "", center: 0, width: 1, curve: "LINEAR" }, inverted: false };
  turn: Turn = UNTURNED;
  view: View = { scale: 1, center: [0, 0] };
  fitted = true;
  preset = 0; // of the file's own, or -1
  drawn = 0;
  spec: PaneSpec;
  private viewport: Stack | null = null;
  private readonly watcher: ResizeObserver;
  private readonly changed: (pane: Pane, change: Change) => void;

  constructor(spec: PaneSpec, changed: (pane: Pane, change: Change) => void) {
    this.spec = spec;
    this.changed = changed;
    this.element.className = "film";
    this.watcher = new ResizeObserver(() => this.resize());
  }

  /** Show a film; the element must be in the page. */
  async show(film: Film): Promise<void> {
    const engine = renderingEngine();
    engine.enableElement({
      viewportId: this.id,
      element: this.element,
      type: Enums.ViewportType.STACK,
      defaultOptions: { background: [0, 0, 0] },
    });
    this.viewport = engine.getViewport(this.id) as Stack;
    paintWith(this.canvas, () => this.paint());
    this.film = film;
    this.look = { frame: 0, grey: this.acquired(0), inverted: false };
    await this.viewport.setStack(imageIds(this.spec.pixels, film), 0);
    this.resize();
    this.watcher.observe(this.element);
    this.changed(this, "film");
  }

  close(): void {
    this.watcher.disconnect();
    if (this.viewport) renderingEngine().disableElement(this.id);
    this.viewport = null;
    if (this.film) forget(this.spec.pixels);
    this.film = null;
    this.element.remove();
  }

  get ready(): boolean {
    return this.film !== null && this.viewport !== null;
  }

  get canvas(): HTMLCanvasElement {
    return this.viewport!.getCanvas();
  }

  get middle(): Point {
    return [this.canvas.width / 2, this.canvas.height / 2];
  }

  /** Film pixels to canvas pixels. */
  get place(): Affine {
    return place(this.view, this.turn, this.film!.header.aspect, this.middle);
  }

  /** Canvas pixel under a mouse event. */
  canvasPoint(event: MouseEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  /** Film position (column, row) under a canvas pixel. */
  filmPoint(at: Point): Point {
    return apply(invert(this.place), at);
  }

  /** The acquired presentation of a frame. */
  acquired(frame: number): Grey {
    const { presets, automatic } = this.film!.header.frames[frame]!;
    return presets[0] ?? automatic;
  }

  setGrey(grey: Grey, preset = -1): void {
    const width = Math.max(narrowest(grey.curve), grey.width);
    this.preset = preset;
    this.look = { ...this.look, grey: { ...grey, width } };
    this.redraw("look");
  }

  setInverted(inverted: boolean): void {
    this.look = { ...this.look, inverted };
    this.redraw("look");
  }

  /** Another frame; a preset of the file follows it (enhanced objects give each frame its own). */
  setFrame(frame: number): void {
    const { frames } = this.film!.header;
    const wanted = Math.max(0, Math.min(frames.length - 1, frame));
    if (wanted === this.look.frame) return;
    const grey = (this.preset >= 0 && frames[wanted]!.presets[this.preset]) || this.look.grey;
    this.look = { ...this.look, frame: wanted, grey };
    void this.viewport!.setImageIdIndex(wanted);
    this.redraw("frame");
  }

  setTurn(turn: Turn): void {
    this.turn = turn;
    if (this.fitted) this.fit();
    else this.setView(this.view);
  }

  flipAcross(): void {
    this.setTurn(flipAcross(this.turn));
  }

  flipDown(): void {
    this.setTurn(flipDown(this.turn));
  }

  rotate(by: number): void {
    this.setTurn(rotated(this.turn, by));
  }

  setView(view: View, fitted = false): void {
    this.view = { ...view, scale: Math.max(FARTHEST, Math.min(NEAREST, view.scale)) };
    this.fitted = fitted;
    this.tellCamera();
    this.redraw("view");
  }

  fit(): void {
    const { columns, rows, aspect } = this.film!.header;
    const size: Point = [this.canvas.width, this.canvas.height];
    const scale = fit(columns, rows * aspect, this.turn.rotation, size);
    this.setView({ scale, center: [columns / 2, rows / 2] }, true);
  }

  get fitScale(): number {
    const { columns, rows, aspect } = this.film!.header;
    return fit(columns, rows * aspect, this.turn.rotation, [this.canvas.width, this.canvas.height]);
  }

  /** Film pixels one to one on whole canvas pixels. */
  actualSize(): void {
    const view = { ...this.view, scale: 1 };
    const { aspect } = this.film!.header;
    this.setView(snapped(view, place(view, this.turn, aspect, this.middle), this.middle));
  }

  zoom(factor: number, at: Point = this.middle): void {
    this.setView(zoomAbout(this.view, this.place, this.middle, at, factor));
  }

  pan(by: Point): void {
    let view = pan(this.view, this.place, this.middle, by);
    if (view.scale === 1) {
      const { aspect } = this.film!.header;
      view = snapped(view, place(view, this.turn, aspect, this.middle), this.middle);
    }
    this.setView(view);
  }

  /** Back to the acquired presentation: window, polarity, turn, zoom. */
  reset(): void {
    this.turn = UNTURNED;
    this.setGrey(this.acquired(this.look.frame), 0);
    this.setInverted(false);
    this.fit();
  }

  redraw(change: Change): void {
    this.viewport?.render();
    this.changed(this, change);
  }

  private resize(): void {
    if (!this.ready) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.element;
    const wide = Math.max(2, Math.round(clientWidth * ratio));
    const tall = Math.max(2, Math.round(clientHeight * ratio));
    if (this.canvas.width !== wide || this.canvas.height !== tall) {
      this.canvas.width = wide;
      this.canvas.height = tall;
    }
    if (this.fitted) this.fit();
    else if (this.view.scale === 1) this.actualSize();
    else this.setView(this.view);
  }

  /** Cornerstone's tools ask its camera where things are. */
  private tellCamera(): void {
    const viewport = this.viewport!;
    const { scale, center } = this.view;
    const { flipped, rotation } = this.turn;
    (viewport as unknown as { setRotation(degrees: number): void }).setRotation(rotation);
    viewport.setCamera({ flipHorizontal: flipped, scale } as Types.ICamera);
    const focalPoint: Types.Point3 = [center[0], center[1] * this.film!.header.aspect, 0];
    viewport.setCamera({ focalPoint });
  }

  private paint(): void {
    if (!this.film) return;
    this.film.paint(this.canvas.getContext("2d")!, this.place, this.look);
    this.drawn += 1;
    const host = this.element.parentElement;
    if (!host) return;
    host.dataset.drawn = String(this.drawn);
    host.dataset.ready = "true";
  }
}
