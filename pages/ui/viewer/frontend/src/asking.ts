// What keys ask of the page: stating, signing, hanging. Python does one at a time, in their order.

import type { SceneSpec } from "./types.ts";

const ACTS = [
  "accept", "reject", "present", "absent", "normal", "nextFinding", "prior", "signPreliminary",
  "signFinal",
];
const PATIENCE = 10_000; // ms until one that was not answered is asked for again

export class Asking {
  ask: (name: string, number: number) => void = () => {};
  private queue: string[] = [];
  private done = 0;
  private asked = 0; // number of the one under way
  private name = "";
  private timer = 0;
  private told = false;

  /** Take an action that is the page's; false where it is the viewer's own. */
  take(action: string): boolean {
    const asks = this.question(); // one on the screen, not one that is still to come
    if (action === "cancel" && asks) this.queue.push("back");
    else if (!ACTS.includes(action)) return false;
    else this.queue.push(asks && (action === "accept" || action === asks) ? "confirm" : action);
    this.send();
    return true;
  }

  /** Tell, once, that a map lies over a film: from here on it may weigh in what is stated. */
  tellMap(): void {
    if (this.told) return;
    this.told = true;
    this.queue.push("mapSeen");
    this.send();
  }

  update({ acts, name }: SceneSpec): void {
    this.done = acts;
    this.name = name;
    if (this.asked && acts >= this.asked) {
      window.clearTimeout(this.timer);
      this.asked = 0;
    }
    this.send();
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.queue = [];
  }

  /**
   * The act whose question the reader sees, else empty. It says which viewer's key asked it, and
   * how many acts were done by then: one that an earlier act left on the screen does not count.
   */
  private question(): string {
    const { dataset } = document.querySelector<HTMLElement>(".lb-question") ?? {};
    if (dataset?.viewer !== this.name || this.queue.length) return "";
    return Number(dataset.acts) >= (this.asked || this.done) ? dataset.act ?? "" : "";
  }

  /** The page shows to its end what was done: else its controls would send what was before. */
  private drawn(): boolean {
    const mark = document.querySelector<HTMLElement>(".lb-acts");
    return !mark || Number(mark.dataset.acts) >= this.done;
  }

  private send(): void {
    const name = this.queue[0];
    if (this.asked || name === undefined) return;
    if (!this.drawn()) {
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.send(), 50);
      return;
    }
    this.queue.shift();
    this.asked = this.done + 1;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => { this.asked = 0; this.send(); }, PATIENCE);
    this.ask(name, this.asked);
  }
}
