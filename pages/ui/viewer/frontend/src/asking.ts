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
  private confirming = "";
  private timer = 0;
  private told = false;

  /** Take an action that is the page's; false where it is the viewer's own. */
  take(action: string): boolean {
    if (action === "cancel" && this.confirming) this.queue.push("back");
    else if (!ACTS.includes(action)) return false;
    // only a question that is on the screen is answered: not one that is still to come
    else this.queue.push(this.answers(action) ? "confirm" : action);
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

  update({ acts, confirming }: SceneSpec): void {
    this.done = acts;
    this.confirming = confirming;
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

  /** True for the key of the question that is asked, pressed again, and for Enter. */
  private answers(action: string): boolean {
    return this.confirming !== "" && (action === "accept" || action === this.confirming);
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
    this.confirming = ""; // until the page says so again
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => { this.asked = 0; this.send(); }, PATIENCE);
    this.ask(name, this.asked);
  }
}
