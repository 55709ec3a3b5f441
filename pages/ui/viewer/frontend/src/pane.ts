// One film on the screen: Cornerstone's viewport, what it shows and how, and when to draw it.

import { Enums, type Types } from "@cornerstonejs/core";
import { imageIds, letGo, obtain, paintWith, renderingEngine, type Stack } from "./cornerstone.ts";
import { Film, type Look } from "./film.ts";
import { narrowest } from "./grey.ts";
import { flipAcross, flipDown, rotated, type Turn } from "./letters.ts";
import { closeTools, openTools, startTools } from "./marks.ts";
import { UNCOVERED, type Cover, type Overlay } from "./overlay.ts";
import { paintRegions } from "./regions.ts";
import type { PixelPacket } from "./store.ts";
import type { Affine, Grey, PaneSpec, Point, PresentationRecord } from "./types.ts";
import { chain, fit, invert, apply, pan, place, snapped, zoomAbout, type View } from "./view.ts";

const UNTURNED: Turn = { flipped: false, rotation: 0 };
const FARTHEST = 0.02;
const NEAREST = 64;
let count = 0;

/** The part that changed, for those who draw around the film. */
export type Change = "film" | "view" | "look" | "frame" | "cover" | "drawn";

/** A prior in the place of the film: whose pane it is, and its pixels to those of the film. */
export interface Stead {
  pane: Pane;
  map: Affine;
}

export class Pane {
  readonly id = `lightbox-${++count}`;
  readonly cell = document.createElement("div");
  readonly element = document.createElement("div"); // Cornerstone's
  private readonly glass = document.createElement("canvas"); // above the film, below the drawings
  film: Film | null = null;
  look: Look = { frame: 0, grey: { name: "", center: 0, width: 1, curve: "LINEAR" }, inverted: false };
  turn: Turn = UNTURNED;
  view: View = { scale: 1, center: [0, 0] };
  fitted = true;
  preset = 0; // of the file's own, or -1
  overlay: Overlay | null = null;
  cover: Cover = UNCOVERED;
  planes = true; // the file's own overlay is shown
  note = ""; // about its window, to stand with it
  stead: Stead | null = null;
  spec: PaneSpec;
  private drawn = 0;
  private viewport: Stack | null = null;
  private readonly watcher: ResizeObserver;
  private readonly changed: (pane: Pane, change: Change) => void;

  constructor(spec: PaneSpec, changed: (pane: Pane, change: Change) => void) {
    this.spec = spec;
    this.changed = changed;
    this.cell.className = "pane";
    this.cell.dataset.key = spec.key;
    // the page may find the map not to be reliable after it was drawn, and says so by a style
    this.cell.style.setProperty("--map", `var(--lb-map-${spec.key}, 0)`);
    this.element.className = "film";
    this.glass.className = "glass";
    this.cell.append(this.element);
    this.watcher = new ResizeObserver(() => this.resize());
  }

  /** Show a film; the element must be in the page. */
  async show(packet: PixelPacket, kept: PresentationRecord | null, editable: boolean): Promise<void> {
    const engine = renderingEngine(startTools);
    engine.enableElement({
      viewportId: this.id,
      element: this.element,
      type: Enums.ViewportType.STACK,
      defaultOptions: { background: [0, 0, 0] },
    });
    this.viewport = engine.getViewport(this.id) as Stack;
    const film = obtain(this.spec.pixels, () => new Film(packet));
    film.fill(packet);
    this.film = film;
    const { order, frames } = film.header;
    const frame = kept && kept.frame >= 0 ? Math.min(kept.frame, frames.length - 1) : order[0]!;
    this.look = { frame, grey: this.acquired(frame), inverted: false };
    if (kept) this.recall(kept);
    // Cornerstone's own layer of drawings comes after the canvas; the overlay goes between.
    this.canvas.after(this.glass);
    paintWith(this.canvas, () => this.paint());
    await this.viewport.setStack(imageIds(this.spec.pixels, film), frame);
    openTools(this.id, engine.id, editable);
    this.resize();
    this.watcher.observe(this.element);
    this.changed(this, "film");
  }

  /** The whole film has come after its preview. */
  complete(packet: PixelPacket): void {
    this.film?.fill(packet);
    this.redraw("film");
  }

  close(): void {
    this.watcher.disconnect();
    if (this.viewport) {
      closeTools(this.id);
      renderingEngine().disableElement(this.id);
      letGo(this.spec.pixels);
    }
    this.viewport = null;
    this.film = null;
    this.cell.remove();
  }

  /** How the reader left the film, for the record. */
  get presentation(): PresentationRecord {
    const { frame, grey, inverted } = this.look;
    const own = this.preset === 0 || !this.film?.grey;
    return {
      sop: this.spec.sop,
      frame,
      center: own ? null : grey.center,
      width: own ? null : grey.width,
      curve: grey.curve,
      inverted,
      flipped: this.turn.flipped,
      rotation: this.turn.rotation,
      overlays: this.planes,
    };
  }

  private recall(kept: PresentationRecord): void {
    const { center, width, curve, inverted, flipped, rotation, overlays } = kept;
    this.planes = overlays;
    const grey = center === null || width === null
      ? this.look.grey
      : { name: "", center, width: Math.max(narrowest(curve), width), curve };
    this.preset = center === null ? 0 : -1;
    this.look = { ...this.look, grey, inverted };
    this.turn = { flipped, rotation };
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

  /** Where the frame stands in the order of the film, from 0. */
  get position(): number {
    return this.film!.header.order.indexOf(this.look.frame);
  }

  /** The frame at a place in the order of the film. */
  setPosition(at: number): void {
    const { order } = this.film!.header;
    this.setFrame(order[Math.max(0, Math.min(order.length - 1, at))]!);
  }

  setPlanes(shown: boolean): void {
    this.planes = shown;
    this.redraw("look");
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
    this.updateCamera();
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
    this.planes = true;
    this.setGrey(this.acquired(this.look.frame), 0);
    this.setInverted(false);
    this.fit();
  }

  setCover(cover: Partial<Cover>): void {
    this.cover = { ...this.cover, ...cover };
    this.redraw("cover");
  }

  /** Another explanation, or none: then no colour of the one before stays on the film. */
  setOverlay(overlay: Overlay | null): void {
    this.overlay = overlay;
    this.glass.width = this.glass.width; // an assignment clears a canvas
    this.redraw("cover");
  }

  /** The prior in the place of the film; null brings back the film, with all that lies over it. */
  setStead(stead: Stead | null): void {
    this.stead = stead;
    this.cell.classList.toggle("stead", stead !== null);
    this.redraw("cover");
  }

  redraw(change: Change): void {
    // The overlay is ours alone: Cornerstone has nothing new to render, and may not say it did.
    if (change === "cover") this.paint();
    else this.viewport?.render();
    this.changed(this, change);
  }

  private resize(): void {
    if (!this.ready) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.element;
    const wide = Math.max(2, Math.round(clientWidth * ratio));
    const tall = Math.max(2, Math.round(clientHeight * ratio));
    // Each by itself: Cornerstone may have given its own canvas the right size already.
    for (const canvas of [this.canvas, this.glass]) {
      if (canvas.width === wide && canvas.height === tall) continue;
      canvas.width = wide;
      canvas.height = tall;
    }
    if (this.fitted) this.fit();
    else if (this.view.scale === 1) this.actualSize();
    else this.setView(this.view);
  }

  /** Cornerstone's tools ask its camera where things are. */
  private updateCamera(): void {
    const viewport = this.viewport!;
    const { scale, center } = this.view;
    const { flipped, rotation } = this.turn;
    (viewport as unknown as { setRotation(degrees: number): void }).setRotation(rotation);
    viewport.setCamera({ flipHorizontal: flipped, scale } as Types.ICamera);
    const focalPoint: Types.Point3 = [center[0], center[1] * this.film!.header.aspect, 0];
    viewport.setCamera({ focalPoint });
  }

  /** The film and, over it, what the file itself draws. */
  draw(context: CanvasRenderingContext2D, place: Affine): void {
    this.film!.paint(context, place, this.look);
    if (this.planes) this.film!.paintPlanes(context, place, this.look.frame);
  }

  private paint(): void {
    if (!this.film || !this.viewport) return;
    const { place } = this;
    const context = this.canvas.getContext("2d")!;
    if (this.stead?.pane.film) {
      const { pane, map } = this.stead;
      pane.film!.paint(context, chain(map, place), pane.look);
      this.glass.width = this.glass.width; // clears it: no colour of the film's lies on the prior
    } else {
      this.draw(context, place);
      if (this.planes) paintRegions(context, place, this.film, this.spec.regions);
      this.overlay?.paint(this.glass.getContext("2d")!, place, this.film, this.cover);
    }
    this.drawn += 1;
    this.cell.dataset.drawn = String(this.drawn);
    this.cell.dataset.ready = this.film.complete ? "true" : "preview";
    this.changed(this, "drawn");
  }
}
