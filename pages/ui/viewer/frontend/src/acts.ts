// The effects of keys and buttons on a film, by the name of the action.

import type { Cover } from "./overlay.ts";
import type { Pane } from "./pane.ts";
import { presets } from "./presets.ts";

const STEP = 1.25;

/** Show a film otherwise: its window, polarity, turn or size. */
export function present(pane: Pane, action: string, words: Record<string, string>): void {
  const preset = /^preset([1-9])$/.exec(action);
  if (preset) return choosePreset(pane, Number(preset[1]) - 1, words);
  const acts: Record<string, () => void> = {
    invert: () => pane.setInverted(!pane.look.inverted),
    rotateRight: () => pane.rotate(90),
    rotateLeft: () => pane.rotate(-90),
    flipAcross: () => pane.flipAcross(),
    flipDown: () => pane.flipDown(),
    zoomIn: () => pane.zoom(STEP),
    zoomOut: () => pane.zoom(1 / STEP),
    fit: () => pane.fit(),
    actual: () => pane.actualSize(),
    reset: () => pane.reset(),
  };
  acts[action]?.();
}

/** Take the window that stands at a place of the list, if there is one. */
export function choosePreset(pane: Pane, number: number, words: Record<string, string>): void {
  const preset = presets(pane.film!, pane.look.frame, words)[number];
  if (preset) pane.setGrey(preset.grey, preset.index);
}

/** The change of an overlay by an action, or null if it is no action on overlays. */
export function coverBy(action: string, cover: Partial<Cover>): Partial<Cover> | null {
  const { shown = false, opacity = 0, contour = false, grey = false } = cover;
  const covers: Record<string, Partial<Cover>> = {
    overlay: { shown: !shown },
    opacityUp: { opacity: Math.min(1, Math.round(10 * opacity + 1) / 10) },
    opacityDown: { opacity: Math.max(0, Math.round(10 * opacity - 1) / 10) },
    contour: { contour: !contour },
    palette: { grey: !grey },
  };
  return covers[action] ?? null;
}

/** The frame or picture that an action goes to, or null if it goes nowhere. */
export function frameBy(action: string, at: number, count: number): number | null {
  const frames: Record<string, number> = {
    previousFrame: at - 1, nextFrame: at + 1, firstFrame: 0, lastFrame: count - 1,
  };
  return frames[action] ?? null;
}
