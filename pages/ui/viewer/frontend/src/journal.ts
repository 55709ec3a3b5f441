// The reader's drawings and settings through time: undo, and what is reported to Python when.

import { onChange, records, restore } from "./marks.ts";
import type { Pane } from "./pane.ts";
import type { AnnotationRecord, PresentationRecord, SceneSpec } from "./types.ts";

export interface Report {
  revision: number;
  generation: number;
  sops: string[]; // the films this report speaks for
  annotations: AnnotationRecord[];
  presentations: PresentationRecord[];
}

const EDITED = 300; // ms of rest after an edit
const SET = 1000; // ms of rest after a change of window or turn: not worth a round trip each
const LONGEST = 100;

export class Journal {
  private past: AnnotationRecord[][] = [];
  private future: AnnotationRecord[][] = [];
  private now: AnnotationRecord[] = [];
  private revision = 0;
  private reported = "";
  private readonly sent = new Set<string>(); // annotations as they were reported
  private scene: { generation: number; sops: string[]; given: string } =
    { generation: -1, sops: [], given: "" };
  private timer = 0;
  private waiting = false;
  private pressed = false;
  private restoring = false;
  private readonly panes: () => Pane[];
  private readonly send: (report: Report) => void;
  private readonly changed: () => void;

  constructor(
    panes: () => Pane[], send: (report: Report) => void, changed: () => void, signal: AbortSignal,
  ) {
    this.panes = panes;
    this.send = send;
    this.changed = changed;
    onChange(() => this.restoring || this.later(EDITED), signal);
    const hold = (down: boolean) => (): void => {
      this.pressed = down;
    };
    window.addEventListener("pointerdown", hold(true), { capture: true, signal });
    window.addEventListener("pointerup", hold(false), { capture: true, signal });
    window.addEventListener("pointercancel", hold(false), { capture: true, signal });
    signal.addEventListener("abort", () => window.clearTimeout(this.timer));
  }

  /**
   * Take the scene from Python: drawings on films that are new here, and all of them when a higher
   * generation or something that was never reported asks for it. An echo changes nothing, nor does
   * an older state that only shows how far Python has come.
   */
  update(scene: SceneSpec): void {
    const sops = [...new Set(scene.panes.map(({ sop }) => sop))].sort();
    const given = JSON.stringify(sorted(scene.annotations));
    const before = this.scene;
    const all = scene.generation !== before.generation ||
      (given !== before.given && given !== JSON.stringify(sorted(this.now)) && !this.sent.has(given));
    const fresh = sops.filter((sop) => all || !before.sops.includes(sop));
    this.scene = { generation: scene.generation, sops, given };
    if (!fresh.length && sops.join() === before.sops.join()) return;
    if (!all) this.note();
    this.now = [
      ...this.now.filter(({ sop }) => sops.includes(sop) && !fresh.includes(sop)),
      ...scene.annotations.filter(({ sop }) => fresh.includes(sop)),
    ];
    this.past = [];
    this.future = [];
    this.show();
    this.reported = this.text();
  }

  /** Report at once what waits to be reported: the reader is about to leave. */
  flush(): void {
    if (this.waiting) this.sendReport();
  }

  /** Put the drawings on films that arrived after them. */
  show(): void {
    this.restoring = true;
    for (const pane of this.ready()) {
      const { pixels, sop } = pane.spec;
      restore(pixels, sop, this.now.filter((record) => record.sop === sop));
    }
    this.restoring = false;
    this.changed();
  }

  /** A window or a turn came to rest. */
  settled(): void {
    this.later(SET);
  }

  /** A drawing was changed by something other than the mouse. */
  edited(): void {
    this.later(EDITED);
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  undo(): void {
    this.note();
    this.step(this.past, this.future);
  }

  redo(): void {
    this.step(this.future, this.past);
  }

  private step(from: AnnotationRecord[][], to: AnnotationRecord[][]): void {
    const state = from.pop();
    if (!state) return;
    to.push(this.now);
    this.now = state;
    this.show();
    this.later(EDITED);
  }

  private ready(): Pane[] {
    return this.panes().filter((pane) => pane.ready);
  }

  private later(wait: number): void {
    window.clearTimeout(this.timer);
    this.waiting = true;
    this.timer = window.setTimeout(() => {
      if (this.pressed) this.later(EDITED);
      else this.sendReport();
    }, wait);
  }

  /** Write down what is drawn now, if it differs. */
  private note(): void {
    const shown = new Map(this.ready().map(({ spec }) => [spec.sop, spec.pixels]));
    this.restoring = true; // what is tidied on the way is no edit of the reader
    const drawn = [...shown].flatMap(([sop, pixels]) => records(pixels, sop));
    this.restoring = false;
    const hidden = this.now.filter(({ sop }) => !shown.has(sop));
    const next = [...hidden, ...drawn].sort((a, b) => (a.uid < b.uid ? -1 : 1));
    if (JSON.stringify(next) === JSON.stringify(sorted(this.now))) return;
    this.past = [...this.past, this.now].slice(-LONGEST);
    this.future = [];
    this.now = next;
  }

  private sendReport(): void {
    window.clearTimeout(this.timer);
    this.waiting = false;
    this.note();
    this.changed();
    const text = this.text();
    if (text === this.reported) return;
    this.reported = text;
    this.revision += 1;
    this.sent.add(JSON.stringify(sorted(this.now)));
    const { generation, sops } = this.scene;
    const body = JSON.parse(text) as Pick<Report, "annotations" | "presentations">;
    this.send({ revision: this.revision, generation, sops, ...body });
  }

  private text(): string {
    const seen = new Set<string>();
    const presentations = this.ready()
      .filter(({ spec }) => !seen.has(spec.sop) && seen.add(spec.sop))
      .map(({ presentation }) => presentation);
    return JSON.stringify({ annotations: sorted(this.now), presentations });
  }
}

function sorted(annotations: AnnotationRecord[]): AnnotationRecord[] {
  return [...annotations].sort((a, b) => (a.uid < b.uid ? -1 : 1));
}
