// The help sheet: mouse and keys, as they are bound now.

import { el } from "./dom.ts";
import { DEFAULTS, keyName } from "./keys.ts";

export function helpSheet(
  words: Record<string, string>, keys: Record<string, string>, close: () => void,
): HTMLElement {
  const sheet = el("div", "help");
  sheet.setAttribute("role", "dialog");
  sheet.setAttribute("aria-label", words.help ?? "");
  const head = el("div", "head");
  const done = el("button", "", "\u2715");
  done.type = "button";
  done.setAttribute("aria-label", words.close ?? "");
  done.addEventListener("click", close);
  head.append(el("strong", "", words.help), done);
  const mouse = el("div", "mouse");
  for (const name of ["mouseLeft", "mouseMiddle", "mouseRight", "mouseWheel"]) {
    mouse.append(el("div", "", words[name]));
  }
  const list = el("dl");
  for (const action of Object.keys(DEFAULTS)) {
    const row = el("div");
    row.append(el("dt", "", keyName(keys[action]) || "\u2013"), el("dd", "", words[action] ?? action));
    list.append(row);
  }
  for (const [key, name] of [["N", "nextStudy"], ["P", "previousStudy"]] as const) {
    const row = el("div");
    row.append(el("dt", "", key), el("dd", "", words[name] ?? name)); // the page's own keys
    list.append(row);
  }
  sheet.append(head, mouse, list);
  return sheet;
}
