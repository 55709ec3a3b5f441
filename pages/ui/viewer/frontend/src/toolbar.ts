// The bar above the films: every action the keys have, for the mouse and for screen readers.

import { el } from "./dom.ts";
import { icon } from "./icons.ts";
import { keyName } from "./keys.ts";

const TOOLS = ["window", "pan", "zoom", "magnify"];
const DRAWING = ["point", "length", "angle", "rectangle", "ellipse", "ratio", "region"];
const TURNING = ["invert", "rotateLeft", "rotateRight", "flipAcross", "flipDown"];
const PLACING = ["fit", "actual", "reset"];
const EDITING = ["undo", "redo", "remove"];

export interface Bar {
  root: HTMLElement;
  presets: HTMLSelectElement;
  finding: HTMLSelectElement;
  opacity: HTMLInputElement;
  threshold: HTMLInputElement;
  press: (action: string, down: boolean) => void;
  allow: (action: string, able: boolean) => void;
  planesGroup: HTMLElement;
  overlayGroup: HTMLElement;
  cineGroup: HTMLElement;
  editGroup: HTMLElement;
  linkGroup: HTMLElement;
}

export function toolbar(
  words: Record<string, string>, keys: Record<string, string>, run: (action: string) => void,
): Bar {
  const root = el("div", "bar");
  root.setAttribute("role", "toolbar");
  root.setAttribute("aria-label", words.toolbar ?? "");
  const buttons = new Map<string, HTMLButtonElement>();

  const button = (action: string): HTMLButtonElement => {
    const made = el("button");
    made.type = "button";
    const key = keyName(keys[action]);
    const name = words[action] ?? action;
    made.title = key ? `${name} (${key})` : name;
    made.setAttribute("aria-label", name);
    if (keys[action]) made.setAttribute("aria-keyshortcuts", key);
    made.dataset.action = action;
    made.append(icon(action));
    made.addEventListener("click", () => run(action));
    buttons.set(action, made);
    return made;
  };
  const group = (...members: HTMLElement[]): HTMLElement => {
    const made = el("div", "group");
    made.append(...members);
    root.append(made);
    return made;
  };
  const slider = (name: string): HTMLInputElement => {
    const made = el("input");
    made.type = "range";
    made.min = "0";
    made.max = "100";
    made.title = words[name] ?? name;
    made.setAttribute("aria-label", words[name] ?? name);
    made.dataset.action = name;
    return made;
  };
  const choice = (name: string): HTMLSelectElement => {
    const made = el("select");
    made.setAttribute("aria-label", words[name] ?? name);
    made.title = words[name] ?? name;
    made.dataset.action = name;
    return made;
  };

  const presets = choice("presets");
  const finding = choice("finding");
  const [opacity, threshold] = [slider("opacity"), slider("threshold")];
  group(...TOOLS.map(button));
  const editGroup = group(...DRAWING.map(button), ...EDITING.map(button), finding);
  group(presets, ...TURNING.map(button));
  group(...PLACING.map(button));
  const planesGroup = group(button("planes"));
  const overlayGroup = group(
    button("overlay"), opacity, threshold, button("contour"), button("palette"),
  );
  const cineGroup = group(button("cine"));
  const linkGroup = group(button("link"));
  group(button("help"));
  return {
    root, presets, finding, opacity, threshold, planesGroup, overlayGroup, cineGroup, editGroup, linkGroup,
    press: (action, down) => buttons.get(action)?.setAttribute("aria-pressed", String(down)),
    allow: (action, able) => {
      const control = buttons.get(action);
      if (control) control.disabled = !able;
    },
  };
}
