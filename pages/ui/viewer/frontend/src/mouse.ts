// The mouse on a film: left does what the tool says, middle pans, right zooms, the wheel goes
// through frames. Two fingers zoom by their distance and move the film along with them. Presses that
// belong to a drawing are left to Cornerstone's tools.

import { isNear } from "./marks.ts";
import type { Pane } from "./pane.ts";
import type { Point } from "./types.ts";

export type HandTool = "window" | "pan" | "zoom" | "magnify";

export interface Hands {
  tool: () => HandTool | null; // null: the left button draws
  editable: () => boolean;
  activate: (pane: Pane) => void;
  hover: (pane: Pane, at: Point | null) => void;
  window: (pane: Pane, by: Point) => void;
  pan: (pane: Pane, by: Point) => void;
  zoom: (pane: Pane, factor: number, at: Point) => void;
  scroll: (pane: Pane, by: number) => void;
  magnify: (pane: Pane, at: Point | null) => void;
  settled: (pane: Pane, drew: boolean) => void;
}

type Grip = HandTool | "draw" | "pinch";

export function listen(pane: Pane, hands: Hands): void {
  const { element } = pane;
  let grip: Grip | null = null;
  let start: Point = [0, 0];
  let last: Point = [0, 0];
  const fingers = new Map<number, Point>(); // where each of them is
  let span = 0; // between two of them

  /** The middle between two fingers, and how far they are apart. */
  const pinched = (): [Point, number] => {
    const [one, two] = [...fingers.values()] as [Point, Point];
    return [
      [(one[0] + two[0]) / 2, (one[1] + two[1]) / 2],
      Math.max(1, Math.hypot(one[0] - two[0], one[1] - two[1])),
    ];
  };

  const gripOf = (event: PointerEvent): Grip => {
    if (event.button === 1) return "pan";
    if (event.button === 2) return "zoom";
    const tool = hands.tool();
    const box = element.getBoundingClientRect();
    const at: Point = [event.clientX - box.left, event.clientY - box.top];
    if (tool === null || (hands.editable() && isNear(element, at))) return "draw";
    return tool;
  };

  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("pointerdown", (event) => {
    if (!pane.ready) return;
    hands.activate(pane);
    if (event.pointerType === "touch") {
      fingers.set(event.pointerId, pane.canvasPoint(event));
      if (fingers.size === 2 && grip !== "draw") {
        if (grip === "magnify") hands.magnify(pane, null);
        grip = "pinch";
        [last, span] = pinched();
        element.setPointerCapture(event.pointerId);
        return;
      }
    }
    if (grip) return;
    grip = gripOf(event);
    start = last = pane.canvasPoint(event);
    if (grip === "draw") return;
    element.setPointerCapture(event.pointerId);
    if (grip === "magnify") hands.magnify(pane, last);
  });
  element.addEventListener("pointermove", (event) => {
    if (!pane.ready) return;
    const now = pane.canvasPoint(event);
    hands.hover(pane, pane.filmPoint(now));
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, now);
    if (!grip || grip === "draw") return;
    if (grip === "pinch") {
      if (fingers.size !== 2) return;
      const [middle, apart] = pinched();
      hands.zoom(pane, apart / span, middle);
      hands.pan(pane, [middle[0] - last[0], middle[1] - last[1]]);
      [last, span] = [middle, apart];
      return;
    }
    const by: Point = [now[0] - last[0], now[1] - last[1]];
    last = now;
    if (grip === "pan") hands.pan(pane, by);
    else if (grip === "zoom") hands.zoom(pane, Math.exp(-by[1] / 150), start);
    else if (grip === "window") hands.window(pane, by);
    else hands.magnify(pane, now);
  });
  const end = (): void => {
    if (!grip) return;
    if (grip === "magnify") hands.magnify(pane, null);
    const drew = grip === "draw";
    grip = null;
    hands.settled(pane, drew);
  };
  const lift = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
  };
  element.addEventListener("pointerup", lift);
  element.addEventListener("pointercancel", lift);
  element.addEventListener("pointerup", (event) => {
    if (grip === "pinch" && fingers.size) return; // until the last finger is lifted
    if (!event.buttons || grip !== "draw") end();
  });
  element.addEventListener("pointercancel", end);
  element.addEventListener("pointerleave", () => hands.hover(pane, null));
  // Cornerstone listens to mouse events on the same element, after these.
  const withhold = (event: Event): void => {
    if (grip && grip !== "draw") event.stopImmediatePropagation();
  };
  for (const name of ["mousedown", "mousemove"]) element.addEventListener(name, withhold);
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!pane.ready) return;
    hands.activate(pane);
    const several = pane.film!.header.frames.length > 1 || (pane.spec.stack?.count ?? 0) > 1;
    const pages = several && !event.ctrlKey;
    if (pages) hands.scroll(pane, Math.sign(event.deltaY));
    else hands.zoom(pane, Math.exp(-event.deltaY / 500), pane.canvasPoint(event));
    hands.settled(pane, false);
  }, { passive: false });
}
