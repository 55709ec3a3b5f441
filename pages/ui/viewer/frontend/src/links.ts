// Linked panes: what one film does, the others do, each in its own terms.

import type { Change, Pane } from "./pane.ts";

/** Let `others` follow `pane`. */
export function follow(pane: Pane, change: Change, others: Pane[]): void {
  const film = pane.film!;
  for (const other of others) {
    const target = other.film;
    if (!target) continue;
    const same = other.spec.pixels === pane.spec.pixels;
    if (change === "view") {
      if (same && other.turn !== pane.turn) other.turn = pane.turn;
      const zoom = pane.view.scale / pane.fitScale;
      const { columns, rows } = film.header;
      const { columns: wide, rows: tall } = target.header;
      const [x, y] = pane.view.center;
      if (pane.fitted) other.fit();
      else other.setView({ scale: zoom * other.fitScale, center: [(x / columns) * wide, (y / rows) * tall] });
    } else if (change === "frame") {
      other.setPosition(pane.position);
    } else if (change === "look" && film.grey && target.grey) {
      if (same || (film.header.unit === "HU" && target.header.unit === "HU")) {
        other.setGrey(pane.look.grey, same ? pane.preset : -1);
      } else {
        // Films of different machines: as far from the acquired window as this one.
        const from = pane.acquired(pane.look.frame);
        const to = other.acquired(other.look.frame);
        const { center, width } = pane.look.grey;
        other.setGrey({
          name: "",
          curve: to.curve,
          center: to.center + ((center - from.center) / from.width) * to.width,
          width: (width / from.width) * to.width,
        });
      }
      if (other.look.inverted !== pane.look.inverted) other.setInverted(pane.look.inverted);
    }
  }
}
