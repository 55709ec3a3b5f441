// The viewer: films in their layout, and everything a reader can do with them.

import { choosePreset, coverBy, frameBy, present } from "./acts.ts";
import { Asking } from "./asking.ts";
import { Compare } from "./compare.ts";
import { Collector } from "./collect.ts";
import { Paging } from "./paging.ts";
import { toolbar, type Bar } from "./toolbar.ts";
import { el } from "./dom.ts";
import { helpSheet } from "./help.ts";
import { Journal, type Report } from "./journal.ts";
import { actionOf, bound, isForOthers } from "./keys.ts";
import { follow } from "./links.ts";
import * as marks from "./marks.ts";
import { listen, type HandTool } from "./mouse.ts";
import { Overlay, UNCOVERED, type Cover } from "./overlay.ts";
import { Pane, type Change } from "./pane.ts";
import { options, presets } from "./presets.ts";
import { waitForPacket } from "./store.ts";
import { CSS } from "./style.ts";
import { Trim, type Told } from "./trim.ts";
import type { PaneSpec, Point, PresentationRecord, SceneSpec, Shape } from "./types.ts";
import type { View } from "./view.ts";

const HANDS = ["window", "pan", "zoom", "magnify"];
const SHAPES = ["point", "length", "angle", "rectangle", "ellipse", "ratio", "region"];
const LENS = 220; // pixels across
let latest: Viewer | null = null; // which of several viewers on a page has the keys

export class Viewer {
  report: (report: Report) => void = () => {};
  missing: (hashes: string[]) => void = () => {};
  step: (at: number) => void = () => {};
  readonly acts = new Asking();
  private readonly root = el("div", "viewer");
  private readonly grid = el("div", "grid");
  private readonly lens = el("canvas", "lens");
  private readonly gone = new AbortController();
  private readonly journal: Journal;
  private readonly collector = new Collector((hashes) => this.missing(hashes));
  private readonly paging = new Paging((at) => this.step(at));
  private readonly compare = new Compare(() => this.panes, (pane) => this.tellStead(pane));
  private readonly trims = new Map<Pane, Trim>();
  private panes: Pane[] = [];
  private active: Pane | null = null;
  private scene!: SceneSpec;
  private bar: Bar | null = null;
  private keys: Record<string, string> = {};
  private tool: HandTool | Shape = "window";
  private linked = false;
  private following = false;
  private cine = 0;
  private sheet: HTMLElement | null = null;
  private last = "";
  private barKey = "";
  private covered = UNCOVERED; // how overlays lie on films, those to come among them
  private readonly opened = new Set<string>(); // maps that came with their film once

  constructor(parent: HTMLElement | ShadowRoot) {
    const style = el("style");
    style.textContent = CSS;
    this.root.tabIndex = 0;
    this.lens.width = this.lens.height = LENS;
    this.lens.hidden = true;
    this.root.append(this.grid);
    parent.append(style, this.root);
    const { signal } = this.gone;
    this.journal = new Journal(
      () => this.panes, (report) => this.report(report), () => this.rested(), signal,
    );
    latest = this;
    this.root.addEventListener("pointerdown", () => { latest = this; }, { signal });
    this.root.addEventListener("focusin", () => { latest = this; }, { signal });
    window.addEventListener("keydown", (event) => this.key(event), { capture: true, signal });
    window.addEventListener("click", (event) => this.comeBack(event), { signal });
    window.addEventListener("keyup", (event) => this.comeBack(event), { signal });
    this.grid.addEventListener("pointerdown", () => this.endBlink(), { capture: true, signal });
    window.addEventListener("keyup", (event) => this.release(event.code), { signal });
    window.addEventListener("blur", () => this.endBlink(), { signal });
    window.addEventListener("pointerdown", (event) => {
      if (!event.composedPath().includes(this.root)) this.journal.flush();
    }, { capture: true, signal });
  }

  /** Show a scene; what is there already stays as it is. */
  update(scene: SceneSpec): void {
    this.collector.update(...packetNames(scene), scene.tickets);
    const text = JSON.stringify({ ...scene, tickets: null }); // new tickets change no picture
    if (text === this.last) return;
    const first = !this.last;
    this.last = text;
    this.compare.stop(); // what stood there may be another film's by now
    const linkChanged = first || scene.linked !== this.scene.linked;
    this.scene = scene;
    this.compare.update(scene.comparison, scene.words);
    if (linkChanged) this.linked = scene.linked;
    marks.setWords(scene.words);
    this.root.setAttribute("aria-label", scene.words.viewer ?? "");
    this.makeBar();
    this.grid.dataset.layout = scene.layout;
    this.paging.update(scene);
    this.arrange();
    this.journal.update(scene);
    this.acts.update(scene);
    this.refreshBar();
    // whoever came by a link or a button still has it in hand: the next Enter would press it again
    if (first && !document.activeElement?.matches("input, textarea")) {
      this.root.focus({ preventScroll: true });
    }
  }

  close(): void {
    this.compare.stop();
    this.journal.flush();
    this.collector.close();
    this.acts.close();
    this.gone.abort();
    window.clearInterval(this.cine);
    for (const pane of this.panes) pane.close();
    this.root.remove();
    if (latest === this) latest = null;
  }

  /** Do what a key or a button stands for. */
  run(action: string): void {
    const pane = this.active;
    if (action === "blink") return this.blink();
    this.endBlink(); // whatever is done is done to the film that is seen
    if (action === "sameWindow") return this.shareWindow();
    if (action === "help") return this.help();
    if (action === "link") return this.link();
    if (action === "text") return this.hideText();
    if (action === "note") return toNote();
    if (this.acts.take(action)) return this.journal.flush();
    if (action === "cancel") return this.cancel();
    if (HANDS.includes(action)) return this.choose(action as HandTool);
    if (SHAPES.includes(action)) return this.scene.editable ? this.choose(action as Shape) : undefined;
    if (action === "previousPane" || action === "nextPane") {
      return this.move(action === "nextPane" ? 1 : -1);
    }
    if (!pane?.ready) return;
    if (action === "planes") return this.showPlanes(!pane.planes);
    if (this.edit(action) || this.lay(action) || this.page(pane, action)) return;
    present(pane, action, this.scene.words);
    this.journal.settled();
  }

  /** The prior in the place of the image; `key` is the one that may be held. */
  private blink(key = ""): void {
    if (!this.scene.comparison) return;
    this.refuse(this.compare.running ? "" : this.compare.obstacle());
    this.compare.blink(key);
    this.refreshBar();
  }

  private release(key: string): void {
    if (!this.compare.running) return;
    this.compare.release(key);
    this.refreshBar();
  }

  private endBlink(): void {
    this.refuse("");
    if (!this.compare.running) return;
    this.compare.stop();
    this.refreshBar();
  }

  private shareWindow(): void {
    if (!this.scene.comparison) return;
    this.refuse(this.compare.sameWindow ? "" : this.compare.windowObstacle());
    this.following = true;
    this.compare.switchWindow();
    this.following = false;
    this.refreshBar();
  }

  private refuse(reason: string): void {
    const first = this.panes[0];
    if (first) this.trims.get(first)?.refuse(reason);
  }

  /** Around the image stands what is true of the picture that is seen. */
  private tellStead(pane: Pane): void {
    const trim = this.trims.get(pane)!;
    const { stead } = pane;
    if (stead) this.magnify(pane, null);
    trim.point(pane, null, null, this.scene.words);
    trim.describe(stead ? stead.pane.spec : pane.spec, stead ? this.compare.aligned : "");
  }

  private edit(action: string): boolean {
    if (!["undo", "redo", "remove"].includes(action)) return false;
    if (!this.scene.editable) return true;
    if (action === "undo") this.journal.undo();
    else if (action === "redo") this.journal.redo();
    else {
      marks.remove(marks.selected());
      this.journal.edited();
    }
    marks.redraw(this.panes.map(({ id }) => id));
    return true;
  }

  private lay(action: string): boolean {
    const cover = coverBy(action, this.covered);
    if (!cover) return false;
    this.cover(cover);
    return true;
  }

  /** All overlays together: two methods side by side are compared under the same settings. */
  private cover(cover: Partial<Cover>): void {
    this.covered = { ...this.covered, ...cover };
    for (const pane of this.panes) pane.setCover(cover);
    this.refreshBar();
  }

  /** The overlays of all films together: the file's marks are there or they are not. */
  private showPlanes(shown: boolean): void {
    for (const pane of this.panes) if (pane.ready) pane.setPlanes(shown);
    this.journal.settled();
  }

  private page(pane: Pane, action: string): boolean {
    const { stack } = pane.spec;
    const single = pane.film!.header.frames.length === 1;
    const count = single && stack ? stack.count : pane.film!.header.frames.length;
    const at = single && stack ? this.paging.aim(stack) : pane.position;
    if (action === "cine") {
      this.play(pane);
      return true;
    }
    const frame = frameBy(action, at, count);
    if (frame === null) return false;
    this.leaf(pane, frame);
    return true;
  }

  /** Another frame of a film, or another picture of a series. */
  private leaf(pane: Pane, to: number): void {
    const { stack } = pane.spec;
    if (stack && pane.film!.header.frames.length === 1) this.paging.go(stack, to);
    else pane.setPosition(to);
  }

  private play(pane: Pane): void {
    const running = this.cine !== 0;
    window.clearInterval(this.cine);
    this.cine = 0;
    const { frames, frameTime } = pane.film!.header;
    if (!running && frames.length > 1) {
      this.cine = window.setInterval(() => {
        if (pane.ready) pane.setPosition((pane.position + 1) % frames.length);
      }, frameTime);
    }
    this.refreshBar();
  }

  private cancel(): void {
    if (this.sheet) return this.help();
    if (this.bar?.close()) return;
    window.clearInterval(this.cine);
    this.cine = 0;
    for (const pane of this.panes) if (pane.ready) marks.cancel(pane.element);
    this.choose("window");
  }

  private choose(tool: HandTool | Shape): void {
    this.tool = tool;
    for (const pane of this.panes) this.arm(pane);
    this.refreshBar();
  }

  private arm(pane: Pane): void {
    if (!pane.ready || !this.scene.editable) return;
    marks.choose(pane.id, SHAPES.includes(this.tool) ? (this.tool as Shape) : null);
  }

  /** Who it is, off the film and on again; what warns, and the sides, stay. */
  private hideText(): void {
    this.root.classList.toggle("bare");
    this.refreshBar();
  }

  private link(): void {
    this.linked = !this.linked;
    this.refreshBar();
  }

  private move(by: number): void {
    const at = this.panes.indexOf(this.active!);
    const next = this.panes[(at + by + this.panes.length) % this.panes.length];
    if (next) this.activate(next);
  }

  private activate(pane: Pane): void {
    if (this.active === pane) return;
    this.active = pane;
    for (const one of this.panes) one.cell.classList.toggle("active", one === pane && this.panes.length > 1);
    this.refreshBar();
  }

  private help(): void {
    if (this.sheet) {
      this.sheet.remove();
      this.sheet = null;
      this.root.focus();
      return;
    }
    this.sheet = helpSheet(this.scene.words, this.keys, () => this.help());
    this.root.append(this.sheet);
    this.sheet.querySelector("button")?.focus();
  }

  private key(event: KeyboardEvent): void {
    if (latest !== this || event.defaultPrevented || isForOthers(event, this.root)) return;
    const action = actionOf(event, this.keys);
    if (!action) return this.journal.flush();
    event.preventDefault();
    event.stopImmediatePropagation();
    if (action !== "blink") this.run(action);
    else if (!event.repeat) this.blink(event.code);
  }

  /** After a choice beside the film the keys are the film's again; a note is left by Escape. */
  private comeBack(event: Event): void {
    const target = event.composedPath()[0];
    if (latest !== this || !(target instanceof HTMLElement) || this.root.contains(target)) return;
    if (event instanceof KeyboardEvent) {
      if (event.key === "Escape" && target.matches("textarea, input")) this.root.focus();
      return;
    }
    if (!target.closest("[role=radio], [role=option], [data-testid=stBaseButton-segmented_control], "
      + "[data-testid=stBaseButton-segmented_controlActive], .stButton button")) return;
    window.setTimeout(() => {
      const open = document.querySelector("[role=dialog], [data-testid=stPopoverBody]");
      if (latest === this && !open) this.root.focus({ preventScroll: true });
    }, 150);
  }

  private makeBar(): void {
    const { words, bindings, findings } = this.scene;
    const key = JSON.stringify([words, bindings, findings]);
    if (key === this.barKey) return;
    this.barKey = key;
    this.keys = bound(bindings);
    const bar = toolbar(words, this.keys, (action) => this.run(action));
    bar.presets.addEventListener("change", () => {
      if (this.active?.ready && bar.presets.value) {
        choosePreset(this.active, Number(bar.presets.value), this.scene.words);
      }
      bar.presets.value = "";
      this.root.focus();
      this.journal.settled();
    });
    bar.finding.append(
      ...[["", words.unmarked ?? ""], ...Object.entries(findings)].map(([code, label]) => {
        const option = el("option", "", label);
        option.value = code!;
        return option;
      }),
    );
    bar.finding.addEventListener("change", () => {
      for (const uid of marks.selected()) marks.tie(uid, bar.finding.value);
      this.journal.edited();
      this.root.focus();
    });
    const slide = (name: "opacity" | "threshold") => (): void => {
      this.cover({ [name]: Number(bar[name].value) / 100 });
    };
    bar.opacity.addEventListener("input", slide("opacity"));
    bar.threshold.addEventListener("input", slide("threshold"));
    this.bar?.root.remove();
    this.bar = bar;
    this.root.prepend(bar.root);
  }

  private refreshBar(): void {
    const { bar, active } = this;
    if (!bar || !this.scene) return;
    for (const name of [...HANDS, ...SHAPES]) bar.press(name, name === this.tool);
    const overlaid = this.panes.find(({ overlay }) => overlay);
    bar.overlayGroup.hidden = !overlaid;
    bar.planesGroup.hidden = !this.panes.some(({ film }) => film?.hasPlanes);
    bar.press("planes", active?.planes ?? true);
    bar.editGroup.hidden = !this.scene.editable;
    bar.linkGroup.hidden = this.panes.length < 2;
    bar.press("link", this.linked);
    bar.compareGroup.hidden = !this.scene.comparison;
    bar.press("blink", this.compare.running);
    for (const name of SHAPES) bar.allow(name, !this.compare.running); // nothing is measured meanwhile
    bar.excuse("blink", this.compare.obstacle());
    bar.press("sameWindow", this.compare.sameWindow);
    bar.excuse("sameWindow", this.compare.windowObstacle());
    bar.press("text", this.root.classList.contains("bare"));
    if (overlaid?.cover.shown) this.acts.tellMap();
    if (overlaid) {
      const { shown, opacity, threshold, contour, grey } = overlaid.cover;
      bar.press("overlay", shown);
      bar.press("contour", contour);
      bar.press("palette", grey);
      bar.opacity.value = String(Math.round(100 * opacity));
      bar.threshold.value = String(Math.round(100 * threshold));
      for (const slider of [bar.opacity, bar.threshold]) slider.disabled = !shown;
      for (const name of ["contour", "palette"]) bar.allow(name, shown);
    }
    bar.allow("undo", this.journal.canUndo);
    bar.allow("redo", this.journal.canRedo);
    const chosen = marks.selected();
    bar.allow("remove", chosen.length > 0);
    bar.finding.hidden = !Object.keys(this.scene.findings).length;
    bar.finding.disabled = chosen.length === 0;
    bar.finding.value = chosen.length ? marks.tied(chosen[0]!) : "";
    bar.cineGroup.hidden = !this.panes.some(({ film }) => (film?.header.frames.length ?? 0) > 1);
    bar.press("cine", this.cine !== 0);
    bar.press("invert", active?.look.inverted ?? false);
    this.offer(bar, active);
    bar.fold();
  }

  /** The drawings came to rest: some may have been moved back onto the film. */
  private rested(): void {
    marks.redraw(this.panes.filter(({ ready }) => ready).map(({ id }) => id));
    this.refreshBar();
  }

  private offered = "";

  private offer(bar: Bar, pane: Pane | null): void {
    const choices = pane?.film ? presets(pane.film, pane.look.frame, this.scene.words) : [];
    const key = JSON.stringify(choices);
    bar.presets.hidden = !choices.length;
    if (key === this.offered && bar.presets.options.length) return;
    this.offered = key;
    bar.presets.replaceChildren(...options(choices, this.scene.words.presets ?? ""));
  }

  private arrange(): void {
    const name = (spec: PaneSpec): string => `${spec.key} ${spec.pixels}`;
    const kept = new Map(this.panes.map((pane) => [name(pane.spec), pane]));
    this.panes = this.scene.panes.map((spec, index) => {
      const existing = kept.get(name(spec));
      kept.delete(name(spec));
      const pane = existing ?? this.open(spec);
      if (existing) {
        const before = existing.spec.overlay?.pixels;
        const marked = JSON.stringify(existing.spec.regions);
        existing.spec = spec;
        if (existing.ready && JSON.stringify(spec.regions) !== marked) existing.redraw("cover");
        if (spec.overlay?.pixels !== before) this.fetchOverlay(existing);
      }
      this.trims.get(pane)!.describe(spec);
      const there = this.grid.children[index];
      if (there !== pane.cell) this.grid.insertBefore(pane.cell, there ?? null);
      return pane;
    });
    // room for a legend below every film, so that they hang alike
    this.grid.classList.toggle("explained", this.scene.panes.some(({ overlay }) => overlay));
    for (const pane of kept.values()) {
      pane.close();
      this.trims.delete(pane);
    }
    if (!this.active || !this.panes.includes(this.active)) {
      this.active = null;
      if (this.panes[0]) this.activate(this.panes[0]);
    }
  }

  private open(spec: PaneSpec): Pane {
    const pane = new Pane(spec, (changed, change) => this.changed(changed, change));
    pane.cover = this.covered;
    const trim = new Trim(this.scene.words);
    this.trims.set(pane, trim);
    pane.cell.append(trim.root);
    listen(pane, {
      tool: () => (HANDS.includes(this.tool) ? (this.tool as HandTool) : null),
      editable: () => this.scene.editable,
      activate: (one) => { this.activate(one); this.root.focus({ preventScroll: true }); },
      hover: (one, at) => trim.point(one, at, one.overlay, this.scene.words),
      window: (one, by) => this.window(one, by),
      pan: (one, by) => one.pan(by),
      zoom: (one, factor, at) => one.zoom(factor, at),
      scroll: (one, by) => {
        const { stack } = one.spec;
        const single = one.film!.header.frames.length === 1;
        this.leaf(one, by + (single && stack ? this.paging.aim(stack) : one.position));
      },
      magnify: (one, at) => this.magnify(one, at),
      settled: (_, drew) => (drew ? this.journal.edited() : this.journal.settled()),
    });
    // In a series the reader's window and zoom go along from picture to picture.
    const before = this.panes.find((one) => one.ready && isNext(one.spec, spec));
    const kept = before?.presentation ??
      this.scene.presentations.find(({ sop }) => sop === spec.sop) ?? null;
    const view = before && !before.fitted ? before.view : null;
    void this.load(pane, kept && { ...kept, sop: spec.sop, frame: before ? -1 : kept.frame }, view);
    return pane;
  }

  /** Show what comes first, the preview or the film, and then the film. */
  private async load(pane: Pane, kept: PresentationRecord | null, view: View | null): Promise<void> {
    const { pixels, preview } = pane.spec;
    const { signal } = this.gone;
    const whole = waitForPacket(pixels, signal);
    const first = preview ? Promise.race([whole, waitForPacket(preview, signal)]) : whole;
    const early = await first;
    if (!this.panes.includes(pane)) return;
    await pane.show(early, kept, this.scene.editable);
    if (view) pane.setView(view);
    this.arm(pane);
    this.fetchOverlay(pane);
    this.journal.show();
    const full = await whole;
    if (pane.ready && early !== full) pane.complete(full);
  }

  private fetchOverlay(pane: Pane): void {
    const { overlay } = pane.spec;
    if (pane.ready) pane.setOverlay(null); // what was there is of another method, or film
    this.refreshBar();
    if (!overlay) return;
    void waitForPacket(overlay.pixels, this.gone.signal).then((packet) => {
      if (!pane.ready || pane.spec.overlay?.pixels !== overlay.pixels) return;
      pane.setOverlay(new Overlay(packet, pane.spec.overlay, pane.film!));
      if (overlay.shown && !this.opened.has(overlay.pixels)) {
        this.opened.add(overlay.pixels);
        this.cover({ shown: true });
      }
      this.refreshBar();
    });
  }

  private window(pane: Pane, [across, down]: Point): void {
    const { film, look } = pane;
    if (!film!.grey) return;
    const { full } = film!.header.frames[look.frame]!;
    const step = Math.max(full.width, look.grey.width) / 1200;
    const { center, width, curve } = look.grey;
    pane.setGrey({ name: "", curve: curve || "LINEAR", center: center + down * step, width: width + across * step });
  }

  private magnify(pane: Pane, at: Point | null): void {
    this.lens.hidden = !at || pane.stead !== null;
    if (!at || pane.stead) return this.lens.remove();
    pane.cell.append(this.lens);
    const ratio = window.devicePixelRatio || 1;
    const factor = 3;
    const [a, b, c, d, e, f] = pane.place;
    const half = LENS / 2;
    const place: typeof pane.place = [
      a * factor, b * factor, c * factor, d * factor,
      (e - at[0]) * factor + half, (f - at[1]) * factor + half,
    ];
    pane.draw(this.lens.getContext("2d")!, place);
    this.lens.style.left = `${at[0] / ratio - half}px`;
    this.lens.style.top = `${at[1] / ratio - half}px`;
  }

  private changed(pane: Pane, change: Change): void {
    const trim = this.trims.get(pane);
    if (!pane.film || !trim) return;
    if (change !== "drawn") {
      trim.update(told(pane), this.scene.words);
      trim.explain(pane.stead ? null : pane.overlay, pane.cover, this.scene.words);
      describe(pane);
    }
    if (change === "look" || change === "film" || change === "frame") this.refreshBar();
    if (change === "view") this.excuseBlink();
    this.followLinked(pane, change);
    if (this.following || (change !== "look" && change !== "film")) return;
    this.following = true;
    this.compare.follow(pane);
    this.following = false;
  }

  /** A film that is turned is not laid over another. */
  private excuseBlink(): void {
    if (this.scene.comparison) this.bar?.excuse("blink", this.compare.obstacle());
  }

  private followLinked(pane: Pane, change: Change): void {
    if (!this.linked || this.following || !["view", "look", "frame"].includes(change)) return;
    if (pane !== this.active) return;
    this.following = true;
    follow(pane, change, this.panes.filter((other) => other !== pane && other.ready));
    this.following = false;
  }
}

/** What is told around a pane: of its film, or of the prior in its place. */
function told(pane: Pane): Told {
  if (!pane.stead) return pane;
  const { pane: prior, map } = pane.stead;
  const { film, look, position, spec, note } = prior;
  const view = { ...pane.view, scale: pane.view.scale * map[0] };
  return { film, look, position, spec, note, view, turn: pane.turn, planes: false };
}

/** To the field where the reader writes; Escape comes back to the film. */
function toNote(): void {
  const field = document.querySelector<HTMLTextAreaElement>(".st-key-statements textarea");
  field?.scrollIntoView({ block: "nearest" });
  field?.focus();
}

/** True for another picture of the same series in the same place. */
function isNext(before: PaneSpec, now: PaneSpec): boolean {
  return before.key === now.key && now.stack !== null && before.stack?.series === now.stack.series;
}

/** Names of all that a scene shows: small ones, and those that may come after them. */
function packetNames({ panes }: SceneSpec): [string[], string[]] {
  const named = (names: (string | null | undefined)[]): string[] => names.filter((name) => name != null);
  return [
    named(panes.map(({ preview }) => preview)),
    named(panes.flatMap(({ pixels, overlay }) => [pixels, overlay?.pixels])),
  ];
}

/** The state of a pane where tests and style sheets can see it. */
function describe({ cell, look, turn, view, overlay, planes, cover, place, film, stead }: Pane): void {
  const { grey, inverted, frame } = look;
  Object.assign(cell.dataset, {
    windowCenter: String(grey.center),
    windowWidth: String(grey.width),
    function: grey.lut ? "LUT" : grey.curve,
    inverted: String(inverted),
    zoom: String(view.scale),
    place: JSON.stringify(place),
    rows: String(film!.header.rows),
    columns: String(film!.header.columns),
    rotation: String(turn.rotation),
    flipped: String(turn.flipped),
    frame: String(frame),
    stead: stead?.pane.spec.key ?? "",
    overlay: overlay ? (cover.shown ? "on" : "off") : "none",
    planes: film!.hasPlanes ? (planes ? "on" : "off") : "none",
    opacity: String(cover.opacity),
  });
}
