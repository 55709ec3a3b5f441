// Paging through a series: Python is asked for one picture at a time, the newest request wins.

import type { SceneSpec, StackSpec } from "./types.ts";

const PATIENCE = 10_000; // ms until a request that was not answered is forgotten

export class Paging {
  private wanted: { series: string; at: number } | null = null;
  private requested: number | null = null;
  private timer = 0;
  private readonly ask: (at: number) => void;

  constructor(ask: (at: number) => void) {
    this.ask = ask;
  }

  /** The picture the reader is on the way to. */
  aim({ series, at }: StackSpec): number {
    return this.wanted?.series === series ? this.wanted.at : at;
  }

  go(stack: StackSpec, to: number): void {
    const at = Math.max(0, Math.min(stack.count - 1, to));
    if (at === this.aim(stack)) return;
    this.wanted = { series: stack.series, at };
    if (this.requested === null) this.send();
  }

  /** A picture has come: the one that was asked for, or another series altogether. */
  update({ panes }: SceneSpec): void {
    const { wanted } = this;
    if (!wanted) return;
    const stack = panes.find((pane) => pane.stack?.series === wanted.series)?.stack;
    if (!stack) return this.forget();
    if (stack.at !== this.requested) return;
    this.requested = null;
    if (stack.at === wanted.at) this.forget();
    else this.send();
  }

  private send(): void {
    this.requested = this.wanted!.at;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.forget(), PATIENCE);
    this.ask(this.requested);
  }

  private forget(): void {
    window.clearTimeout(this.timer);
    this.wanted = this.requested = null;
  }
}
