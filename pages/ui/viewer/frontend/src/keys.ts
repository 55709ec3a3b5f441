// Actions and the keys that start them.

export const DEFAULTS: Record<string, string> = {
  preset1: "1", preset2: "2", preset3: "3", preset4: "4", preset5: "5",
  window: "w", pan: "m", zoom: "z", magnify: "g",
  point: "t", length: "d", angle: "a", rectangle: "b", ellipse: "x", ratio: "k", region: "f",
  invert: "i", rotateRight: "r", rotateLeft: "l", flipAcross: "h", flipDown: "v",
  zoomIn: "+", zoomOut: "-", fit: "=", actual: "0", reset: " ",
  planes: "e", overlay: "o", text: "q", opacityDown: "[", opacityUp: "]", contour: "u",
  cine: "c", previousFrame: "ArrowUp", nextFrame: "ArrowDown", firstFrame: "Home", lastFrame: "End",
  previousPane: "ArrowLeft", nextPane: "ArrowRight", link: "y",
  undo: "Ctrl+z", redo: "Ctrl+y", remove: "Backspace", accept: "Enter", reject: "j", present: "Alt+p", absent: "Alt+a",
  normal: "Alt+c", nextFinding: "Alt+ArrowDown",
  note: "Alt+n", prior: "s", blink: ".", sameWindow: ",", signPreliminary: "Alt+Enter", signFinal: "Ctrl+Enter",
  cancel: "Escape", help: "?",
};

/** Keys by action: the defaults with the reader's own in their place. */
export function bound(own: Record<string, string>): Record<string, string> {
  const chosen = Object.entries(own).filter(([action, key]) => action in DEFAULTS && key);
  const taken = new Set(chosen.map(([, key]) => normal(key)));
  const rest = Object.entries(DEFAULTS).filter(([, key]) => !taken.has(normal(key)));
  return { ...Object.fromEntries(rest), ...Object.fromEntries(chosen) };
}

/** A key event as text, "Ctrl+z"; Command counts as Ctrl. */
export function keyOf(event: KeyboardEvent): string {
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const alt = event.altKey ? "Alt+" : "";
  // With Alt some keyboards give another character (macOS: \u00e5 for A).
  const letter = event.altKey && !/^[ -~]+$/.test(event.key) && /^Key([A-Z])$/.exec(event.code);
  return normal(control + alt + (letter ? letter[1]! : event.key));
}

function normal(key: string): string {
  const parts = key.split("+");
  const last = key.endsWith("+") ? "+" : parts[parts.length - 1]!;
  const prefix = key.slice(0, key.length - last.length).toLowerCase();
  const name = last === "Space" ? " " : last === "Delete" ? "Backspace" : last;
  return prefix + (name.length === 1 ? name.toLowerCase() : name);
}

/** The action of an event, if a key is bound to it. */
export function actionOf(event: KeyboardEvent, keys: Record<string, string>): string | undefined {
  const pressed = keyOf(event);
  return Object.keys(keys).find((action) => normal(keys[action]!) === pressed);
}

// What Enter and Space press where it has the focus: neither states a finding, nor signs, from there.
const PRESSED = "button, a, summary, label, [role=button], [role=option], [role=tab], [role=radio], "
  + "[role=checkbox], [role=switch], [role=menuitem], [role=combobox]";

/** True when the event goes to something that takes text or its own keys. */
export function isForOthers(event: KeyboardEvent, root: HTMLElement): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  if (target instanceof HTMLInputElement) return target.type !== "range" || isMoving(event.key);
  const pressing = target.closest(PRESSED);
  if (pressing && (event.key === " " || event.key === "Enter")) return true;
  const within = event.composedPath().includes(root);
  return !within && target.closest("[role=dialog], [role=listbox], [role=grid], canvas") !== null;
}

function isMoving(key: string): boolean {
  return key.startsWith("Arrow") || key === "Home" || key === "End";
}

/** How a key is written on a button or the help sheet. */
export function keyName(key: string | undefined): string {
  const names: Record<string, string> = {
    " ": "Space", ArrowUp: "\u2191", ArrowDown: "\u2193", ArrowLeft: "\u2190", ArrowRight: "\u2192",
    Backspace: "\u232b", Escape: "Esc",
  };
  if (!key) return "";
  const parts = /^(.*\+)?(.+)$/.exec(key)!;
  const last = names[parts[2]!] ?? (parts[2]!.length === 1 ? parts[2]!.toUpperCase() : parts[2]!);
  return (parts[1] ?? "") + last;
}
