// When the prior is shown: while a key is held, or by turns after a tap.

const HELD = 300; // ms from which a press was held, not tapped
export const TURN = 700; // ms of each picture: far below three flashes a second (WCAG 2.3.1)

export class Blinking {
  running = false;
  private readonly show: (shown: boolean) => void;
  private shown = false;
  private key = "";
  private since = 0;
  private timer = 0;

  constructor(show: (shown: boolean) => void) {
    this.show = show;
  }

  /** A key went down: the prior at once. Again: back to the image. */
  press(key: string): void {
    if (this.running) return this.stop();
    this.begin();
    this.key = key;
    this.since = Date.now();
  }

  /** It came up: after a while that was all; after a tap the two go on by turns. */
  release(key: string): void {
    if (!this.key || key !== this.key) return;
    this.key = "";
    if (Date.now() - this.since >= HELD) this.stop();
    else this.alternate();
  }

  /** A button was pressed. */
  tap(): void {
    if (this.running) return this.stop();
    this.begin();
    this.alternate();
  }

  stop(): void {
    window.clearInterval(this.timer);
    this.running = false;
    this.key = "";
    this.turn(false);
  }

  private begin(): void {
    this.running = true;
    this.turn(true);
  }

  /** By itself only for who accepts movement; else the next press changes it back. */
  private alternate(): void {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.timer = window.setInterval(() => this.turn(!this.shown), TURN);
  }

  private turn(shown: boolean): void {
    if (shown === this.shown) return;
    this.shown = shown;
    this.show(shown);
  }
}
