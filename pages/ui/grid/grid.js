// The table of studies and files. Streamlit calls the default export whenever `data` changes.
//
// All words reach the page as text, never as markup. Which row the keys are at is kept for as long
// as the tab is open, so that who comes back to the list goes on where it was left.

const SVG = "http://www.w3.org/2000/svg";
const LEAST = 320; // pixels: so high is a table at least, however much stands above it
const MOVED = 6; // pixels that a pointer may move and still press
const JUMP = 10; // rows of Page Up and Page Down

// A shape for every grade, told apart without its colour; 16 units wide.
const SHAPES = {
  critical: [["path", { d: "M5 1h6l4 4v6l-4 4H5l-4-4V5z" }], ["path", { d: "M8 4v5M8 11v1.4", class: "cut" }]],
  urgent: [["path", { d: "M8 .5 15.5 8 8 15.5.5 8z" }], ["path", { d: "M8 4.6v4M8 10.6v.9", class: "cut" }]],
  priority: [["path", { d: "M8 1.5 15 14H1z" }]],
  unsure: [["circle", { cx: 8, cy: 8, r: 6.5, class: "line" }], ["path", { d: "M5.9 6.2a2.1 2.1 0 1 1 3 1.9c-.6.3-.9.7-.9 1.4M8 11.6v.6", class: "line" }]],
  routine: [["circle", { cx: 8, cy: 8, r: 5, class: "line" }]],
  unsuitable: [["circle", { cx: 8, cy: 8, r: 6.3, class: "line" }], ["path", { d: "M3.6 12.4 12.4 3.6", class: "line" }]],
  waiting: [["circle", { cx: 3, cy: 8, r: 1.5 }], ["circle", { cx: 8, cy: 8, r: 1.5 }], ["circle", { cx: 13, cy: 8, r: 1.5 }]],
  read: [["path", { d: "M2.5 8.5 6.3 12.3 13.5 4", class: "line" }]],
  prior: [["path", { d: "M4 2v7.5h8M9.2 6.5l3 3-3 3", class: "line" }]],
  late: [["circle", { cx: 8, cy: 8, r: 6.5, class: "line" }], ["path", { d: "M8 4v4.3l3 1.8", class: "line" }]],
};
const at = (globalThis.lightboxGrids ??= new Map()); // key -> the row the keys are at
const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  const root = parentElement.querySelector(".frame");
  const state = states.get(root) ?? begin(root);
  Object.assign(state, { data, open: setTriggerValue, keep: setStateValue });
  draw(state);
  const call = (state.call = {}); // Streamlit may clean up an earlier call after a later one
  return () => {
    if (state.call !== call) return;
    state.watch.disconnect();
    state.leave.abort();
    states.delete(root);
  };
}

function begin(root) {
  const table = make("table", { role: "grid" });
  const scroll = make("div", { class: "scroll" }, table);
  const legend = make("p", { class: "legend" });
  root.replaceChildren(scroll, legend);
  const leave = new AbortController();
  const state = { root, table, scroll, legend, leave, ticked: new Set(), drawn: "" };
  const heard = { signal: leave.signal };
  table.addEventListener("keydown", (event) => press(state, event), heard);
  table.addEventListener("pointerdown", (event) => { state.from = [event.clientX, event.clientY]; }, heard);
  table.addEventListener("click", (event) => click(state, event), heard);
  document.addEventListener("keydown", (event) => enter(state, event), heard);
  addEventListener("resize", () => fit(state), heard);
  state.watch = new ResizeObserver(() => fit(state));
  const page = document.querySelector(".stMainBlockContainer");
  if (page) state.watch.observe(page);
  states.set(root, state);
  return state;
}

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function draw(state) {
  const { data, table } = state;
  const focused = state.root.getRootNode().activeElement;
  const had = focused && table.contains(focused) ? focused.closest("[data-id]")?.dataset.id : "";
  const there = new Set(data.rows.map(({ uid }) => uid));
  for (const uid of state.ticked) if (!there.has(uid)) state.ticked.delete(uid);
  const header = focused?.closest?.("th")?.dataset.sort;
  table.setAttribute("aria-label", data.words.label);
  table.setAttribute("aria-rowcount", data.total + 1);
  table.setAttribute("aria-colcount", data.columns.length + Number(data.several));
  table.style.minWidth = scaled(data.columns.reduce((sum, { width }) => sum + width, data.several ? 40 : 0));
  table.replaceChildren(widths(data), head(state), body(state));
  state.rows = [...table.querySelectorAll("[data-id]")];
  legend(state);
  fit(state);
  const current = state.rows.find(({ dataset }) => dataset.id === (had || at.get(data.key)));
  settle(state, current ?? state.rows[0]);
  if (had && current) current.focus({ preventScroll: true });
  else if (header) table.querySelector(`th[data-sort="${header}"] button`)?.focus();
  else if (current && !state.shown) current.scrollIntoView({ block: "nearest" });
  state.shown = true;
}

function widths({ columns, several }) {
  const group = make("colgroup");
  if (several) group.append(make("col", { style: "width: 40px" }));
  for (const { width, grows } of columns) {
    group.append(make("col", grows ? {} : { style: `width: ${scaled(width)}` }));
  }
  return group;
}

/** A width in pixels; less on a narrow screen, whose letters are smaller (grid.css). */
function scaled(width) {
  return `calc(${width}px * var(--scale, 1))`;
}

function head(state) {
  const { data } = state;
  const row = make("tr", { "aria-rowindex": 1 });
  if (data.several) row.append(make("th", { scope: "col" }, hidden(data.words.tick)));
  for (const column of data.columns) {
    const cell = make("th", { scope: "col", "data-kind": column.kind });
    if (column.help) cell.title = column.help;
    if (!column.sort) cell.append(column.kind === "picture" ? hidden(column.name) : column.name);
    else {
      const sorted = data.order?.sort === column.sort;
      const down = sorted && data.order.down;
      cell.dataset.sort = column.sort;
      if (sorted) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      const button = make("button", { type: "button" }, column.name);
      const arrow = make("span", { class: "arrow", "aria-hidden": "true" });
      arrow.textContent = down ? "\u25be" : "\u25b4";
      if (sorted) button.append(arrow);
      button.onclick = () => state.open("sorted", column.sort);
      cell.append(button);
    }
    row.append(cell);
  }
  return make("thead", {}, row);
}

function hidden(words) {
  const span = make("span", { class: "unseen" });
  span.textContent = words;
  return span;
}

function body(state) {
  const { data } = state;
  const met = new Map();
  let number = data.first; // of the header's row is 1, and priors count with their study
  const rows = data.rows.map((given) => {
    const same = met.get(given.uid) ?? 0;
    met.set(given.uid, same + 1);
    const row = make("tr", {
      tabindex: "-1",
      "data-id": `${given.uid}#${same}`,
      "data-uid": given.uid,
      class: [given.prior && "prior", given.uid && "opens"].filter(Boolean).join(" "),
    });
    if (!given.prior) row.setAttribute("aria-rowindex", ++number);
    if (data.several) row.append(tick(state, given));
    for (const column of data.columns) row.append(cell(state, given, column));
    return row;
  });
  return make("tbody", {}, ...rows);
}

function tick(state, { uid }) {
  const box = make("input", { type: "checkbox", tabindex: "-1", "aria-label": state.data.words.tick });
  box.checked = state.ticked.has(uid);
  box.disabled = !uid;
  return make("td", { class: "tick" }, box);
}

function cell(state, given, { name, kind, below, folds }) {
  const value = given.values[name];
  const box = make("td", { "data-kind": kind });
  if (kind === "picture") {
    if (value) box.append(make("img", { src: value, alt: "", draggable: "false" }));
  } else if (kind === "mark") {
    if (value) box.append(mark(value));
  } else if (kind === "share") {
    if (typeof value === "number") box.append(share(value));
  } else line(box, value, "");
  if (below) line(box, given.values[below], "below");
  if (folds && given.earlier) box.append(fold(state, given));
  return box;
}

function line(box, text, kind) {
  if (!text) return;
  const words = make("div", kind ? { class: kind, title: text } : { title: text });
  words.textContent = text;
  box.append(words);
}

function mark({ word, grade, late }) {
  const box = make("span", { class: "mark", "data-grade": grade });
  if (grade) box.append(shape(grade));
  const words = make("span");
  words.textContent = word;
  box.append(words);
  if (late) {
    box.dataset.late = "true";
    box.prepend(shape("late"));
  }
  return box;
}

function shape(grade) {
  const picture = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: `shape ${grade}`, "aria-hidden": "true" })) {
    picture.setAttribute(key, value);
  }
  for (const [name, attributes] of SHAPES[grade] ?? []) {
    const part = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    picture.append(part);
  }
  return picture;
}

function share(value) {
  const box = make("span", { class: "share" });
  const bar = make("span", { class: "bar", "aria-hidden": "true" }, make("span"));
  bar.firstChild.style.width = `${100 * value}%`;
  const words = make("span");
  words.textContent = `${Math.round(100 * value)}%`;
  box.append(words, bar);
  return box;
}

function fold(state, { uid, earlier, unfolded }) {
  const words = unfolded ? state.data.words.fold : state.data.words.unfold;
  const button = make("button", { type: "button", class: "fold", tabindex: "-1", "aria-expanded": String(unfolded) });
  button.textContent = words.replace("{count}", earlier);
  button.onclick = (event) => { event.stopPropagation(); state.open("folded", uid); };
  return button;
}

function legend(state) {
  const { data } = state;
  state.legend.replaceChildren();
  state.legend.hidden = !data.legend.length && !data.note;
  for (const { mark: given, means } of data.legend) {
    const entry = make("span", { title: means }, mark(given));
    const words = make("span", { class: "means" });
    words.textContent = means;
    entry.append(words);
    state.legend.append(entry);
  }
  if (data.note) {
    const note = make("span");
    note.textContent = data.note;
    state.legend.append(note);
  }
}

// As high as the window has room for from the table's own top, so that rows fill the screen.
function fit(state) {
  const main = document.querySelector(".stMain");
  const top = state.scroll.getBoundingClientRect().top + (main?.scrollTop ?? 0);
  const foot = (state.legend.hidden ? 0 : state.legend.offsetHeight + 4) + 56; // and the pages' line
  const room = Math.max(LEAST, innerHeight - top - foot);
  const height = `${Math.round(state.data.fills ? room : Math.max(LEAST, innerHeight * 0.6))}px`;
  if (state.scroll.style.maxHeight !== height) state.scroll.style.maxHeight = height;
}

function settle(state, row) {
  for (const one of state.rows) one.tabIndex = one === row ? 0 : -1;
  state.current = row;
}

function go(state, number) {
  const row = state.rows[Math.min(Math.max(number, 0), state.rows.length - 1)];
  if (!row) return;
  settle(state, row);
  at.set(state.data.key, row.dataset.id);
  row.focus({ preventScroll: true });
  reveal(state, row);
}

// Into sight, below the header that stays.
function reveal({ scroll, table }, row) {
  const head = table.tHead.offsetHeight;
  if (row.offsetTop - head < scroll.scrollTop) scroll.scrollTop = row.offsetTop - head;
  const end = row.offsetTop + row.offsetHeight - scroll.clientHeight;
  if (end > scroll.scrollTop) scroll.scrollTop = end;
}

function press(state, event) {
  const row = event.target.closest("[data-id]");
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
  const number = state.rows.indexOf(row);
  const given = state.data.rows[number];
  const moves = {
    ArrowDown: number + 1, ArrowUp: number - 1, Home: 0, End: state.rows.length - 1,
    PageDown: number + JUMP, PageUp: number - JUMP,
  };
  if (event.key in moves) go(state, moves[event.key]);
  else if (event.key === "Enter" || event.key === " ") act(state, row);
  else if (event.key === "ArrowRight" && given.earlier && !given.unfolded) state.open("folded", given.uid);
  else if (event.key === "ArrowLeft" && given.unfolded) state.open("folded", given.uid);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// The arrow keys reach the table from anywhere on the page where nothing else has them.
function enter(state, event) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  if (document.activeElement !== document.body || !state.current) return;
  event.preventDefault();
  go(state, state.rows.indexOf(state.current));
}

function click(state, event) {
  const row = event.target.closest("[data-id]");
  if (!row || event.target.closest("button")) return;
  const [x, y] = state.from ?? [event.clientX, event.clientY];
  if (Math.hypot(event.clientX - x, event.clientY - y) > MOVED) return; // words were selected
  settle(state, row);
  at.set(state.data.key, row.dataset.id);
  act(state, row);
}

function act(state, row) {
  const { uid } = row.dataset;
  if (!uid) return;
  if (state.data.several) {
    if (state.ticked.has(uid)) state.ticked.delete(uid);
    else state.ticked.add(uid);
    for (const one of state.rows) {
      const box = one.querySelector("input");
      if (box) box.checked = state.ticked.has(one.dataset.uid);
    }
    state.keep("ticked", [...state.ticked]);
    return;
  }
  at.set(state.data.key, row.dataset.id);
  row.classList.add("opening");
  state.open("opened", uid);
}
