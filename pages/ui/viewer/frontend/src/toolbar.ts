// The bar above the films: every action the keys have, for the mouse and for screen readers.

import { el } from "./dom.ts";
import { icon } from "./icons.ts";
import { keyName } from "./keys.ts";

const TOOLS = ["window", "pan", "zoom", "magnify"];
const DRAWING = ["point", "length", "angle", "rectangle", "ellipse", "ratio", "region"];
const TURNING = ["rotateLeft", "rotateRight", "flipAcross", "flipDown"];
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
  excuse: (action: string, reason: string) => void; // why it would not do; empty where it would
  compareGroup: HTMLElement;
  planesGroup: HTMLElement;
  overlayGroup: HTMLElement;
  cineGroup: HTMLElement;
  editGroup: HTMLElement;
  linkGroup: HTMLElement;
  fold: () => void; // after what is in it has changed
  close: () => boolean; // whatever is open; false where nothing was
}

export function toolbar(
  words: Record<string, string>, keys: Record<string, string>, run: (action: string) => void,
): Bar {
  // One row: what does not fit lies behind the last button, and comes out over the film.
  const root = el("div", "bar");
  const row = el("div", "row");
  root.append(row);
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
    row.append(made);
    return made;
  };
  const popover = (name: string, ...members: HTMLElement[]): HTMLElement => {
    const opener = plain(name);
    const sheet = el("div", "sheet");
    sheet.hidden = true;
    sheet.append(...members);
    root.append(sheet);
    toggle(opener, () => !sheet.hidden, (open) => {
      sheet.hidden = !open;
      sheet.style.left = `${Math.max(0, opener.offsetLeft - 60)}px`;
    });
    opener.classList.add("opener");
    return opener;
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

  const shutters: (() => boolean)[] = [];
  const close = (): boolean => shutters.filter((shut) => shut()).length > 0;
  const plain = (name: string): HTMLButtonElement => {
    const made = el("button");
    made.type = "button";
    made.title = words[name] ?? name;
    made.setAttribute("aria-label", words[name] ?? name);
    made.dataset.action = name;
    made.append(icon(name));
    return made;
  };
  /** A button that opens something and closes it again, as Escape and a press elsewhere do. */
  const toggle = (
    opener: HTMLButtonElement, isOpen: () => boolean, set: (open: boolean) => void,
  ): void => {
    const show = (open: boolean): void => {
      set(open);
      opener.setAttribute("aria-expanded", String(open));
    };
    show(false);
    shutters.push(() => {
      if (!isOpen()) return false;
      show(false);
      return true;
    });
    opener.addEventListener("click", () => {
      const open = !isOpen();
      close();
      show(open);
    });
  };
  root.addEventListener("focusout", (event) => {
    const to = event.relatedTarget;
    if (to instanceof Node && !root.contains(to)) close();
  });

  const presets = choice("presets");
  const finding = choice("finding");
  const [opacity, threshold] = [slider("opacity"), slider("threshold")];
  group(...TOOLS.map(button), presets, button("invert"));
  const overlayGroup = group(
    button("overlay"),
    popover("map_look", opacity, threshold, button("contour"), button("palette")),
  );
  const linkGroup = group(button("link"));
  const compareGroup = group(button("blink"), button("sameWindow"));
  const cineGroup = group(button("cine"));
  group(...PLACING.map(button), button("text"), button("help"));
  const editGroup = group(...DRAWING.map(button), ...EDITING.map(button), finding);
  group(...TURNING.map(button));
  const planesGroup = group(button("planes"));
  const more = plain("more");
  more.classList.add("more");
  toggle(more, () => root.classList.contains("open"), (open) => root.classList.toggle("open", open));
  root.append(more);
  row.addEventListener("focusin", (event) => { // by keyboard, on a tool of the rows below
    const box = (event.target as HTMLElement).getBoundingClientRect();
    if (box.top >= root.getBoundingClientRect().bottom) more.click();
  });
  const fold = (): void => { more.hidden = row.scrollHeight <= row.clientHeight + 1 && !root.classList.contains("open"); };
  new ResizeObserver(fold).observe(root);
  return {
    root, presets, finding, opacity, threshold, planesGroup, overlayGroup, cineGroup, editGroup, linkGroup,
    compareGroup, fold, close,
    press: (action, down) => buttons.get(action)?.setAttribute("aria-pressed", String(down)),
    excuse: (action, reason) => { // it can still be pressed, and then says the reason in sight
      const control = buttons.get(action)!;
      control.setAttribute("aria-disabled", String(reason !== ""));
      const name = words[action] ?? action;
      const key = keyName(keys[action]);
      control.title = [key ? `${name} (${key})` : name, reason].filter(Boolean).join("\n");
    },
    allow: (action, able) => {
      const control = buttons.get(action);
      if (control) control.disabled = !able;
    },
  };
}
