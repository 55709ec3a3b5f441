// One box or two on a film. The page gives them once per `generation`; from then on they are the
// reader's, and are reported when a drag ends or the keys rest. A box counts as placed once the
// reader has touched it.

const REST = 350; // milliseconds without a key before the boxes are reported
const STEP = 1 / 400; // of the picture, for an arrow key; with Shift ten times that
const LEAST = 0.02; // of the picture: the smallest side of a box
const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};
const GROWTH = { "+": 1.05, "=": 1.05, "-": 1 / 1.05 };
const CORNERS = [[0, 1], [2, 1], [2, 3], [0, 3]]; // which edges a corner moves
const states = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".regions");
  let state = states.get(root);
  if (!state) {
    state = build(root);
    states.set(root, state);
  }
  state.report = () => setStateValue("boxes", {
    generation: state.generation, boxes: state.boxes, placed: state.placed,
  });
  if (state.image.src !== data.picture) state.image.src = data.picture;
  state.image.alt = data.words.picture;
  state.words = data.words;
  state.labels = data.labels;
  if (state.generation !== data.generation) {
    state.generation = data.generation;
    state.boxes = data.boxes.map((box) => [...box]);
    state.placed = [...data.placed];
    fill(state, root);
  }
  draw(state);
  const call = (state.call = {}); // Streamlit may clean up an earlier call after a later one
  return () => {
    if (state.call !== call) return;
    clearTimeout(state.timer);
    state.leave.abort();
    states.delete(root);
  };
}

/** Report now what rests: behind a press that leaves the page it would ask for this one again. */
function flush(state) {
  if (state.timer === undefined) return;
  clearTimeout(state.timer);
  state.timer = undefined;
  state.report();
}

function build(root) {
  const state = { boxes: [], placed: [], parts: [], labels: [], words: {}, active: 0 };
  state.image = document.createElement("img");
  state.image.draggable = false;
  root.replaceChildren(state.image);
  root.onpointerdown = (event) => {
    if (event.button === 0) begin(state, root, event);
  };
  state.leave = new AbortController();
  const heard = { capture: true, signal: state.leave.signal };
  addEventListener("pointerdown", () => flush(state), heard);
  return state;
}

/** As many boxes as there are, each with a handle at every corner. */
function fill(state, root) {
  for (const { box } of state.parts) box.remove();
  state.parts = state.boxes.map((_, at) => {
    const box = document.createElement("div");
    box.className = "box";
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.dataset.box = String(at);
    const label = document.createElement("span");
    label.setAttribute("aria-hidden", "true");
    box.append(label);
    box.onkeydown = (event) => key(state, at, null, event);
    box.onfocus = () => { state.active = at; };
    box.onpointerdown = (event) => grab(state, root, at, null, box, event);
    const handles = CORNERS.map((_edges, corner) => {
      const handle = document.createElement("button");
      handle.type = "button";
      handle.className = "handle";
      handle.dataset.corner = String(corner);
      handle.onkeydown = (event) => key(state, at, corner, event);
      handle.onpointerdown = (event) => grab(state, root, at, corner, handle, event);
      box.append(handle);
      return handle;
    });
    root.append(box);
    return { box, label, handles };
  });
}

/** Where the pointer is, in fractions of the picture. */
function point(root, event) {
  const frame = root.getBoundingClientRect();
  return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
}

/** Draw a box anew from an empty place: the one that is nearest. */
function begin(state, root, event) {
  if (event.target !== root && event.target !== state.image) return;
  const [x, y] = point(root, event);
  const middles = state.boxes.map(([l, t, r, b]) => Math.hypot((l + r) / 2 - x, (t + b) / 2 - y));
  const at = middles.indexOf(Math.min(...middles));
  if (at < 0) return;
  const kept = state.boxes[at];
  let drawn = false;
  follow(state, root, at, state.parts[at].box, event, (to) => {
    drawn ||= Math.hypot(to[0] - x, to[1] - y) > LEAST;
    if (!drawn) return kept;
    const [left, right] = [x, to[0]].sort((a, b) => a - b);
    const [top, bottom] = [y, to[1]].sort((a, b) => a - b);
    return [left, top, right, bottom];
  }, () => drawn);
}

function grab(state, root, at, corner, element, event) {
  if (event.button !== 0) return;
  event.stopPropagation();
  const from = point(root, event);
  const kept = [...state.boxes[at]];
  follow(state, root, at, element, event, (to) => {
    const by = [to[0] - from[0], to[1] - from[1]];
    return corner === null ? shifted(kept, by) : stretched(kept, corner, by);
  });
}

/** Let a box follow the pointer until it is let go. */
function follow(state, root, at, element, event, boxAt, touched = () => true) {
  event.preventDefault();
  element.focus();
  state.active = at;
  root.setPointerCapture(event.pointerId);
  root.onpointermove = (moved) => place(state, at, boxAt(point(root, moved)));
  const drop = () => {
    root.onpointermove = root.onpointerup = root.onpointercancel = null;
    if (!touched()) return; // a press beside the boxes places none
    state.placed[at] = true;
    draw(state);
    state.report();
  };
  root.onpointerup = drop;
  root.onpointercancel = drop;
}

function key(state, at, corner, event) {
  const move = MOVES[event.key];
  const grow = GROWTH[event.key];
  if (!move && !grow && event.key !== "Enter") return;
  event.preventDefault();
  event.stopPropagation(); // the page's own keys: N would open the next case
  const box = state.boxes[at];
  const far = STEP * (event.shiftKey ? 10 : 1);
  state.placed[at] = true;
  if (move) {
    const by = [move[0] * far, move[1] * far];
    place(state, at, corner === null ? shifted(box, by) : stretched(box, corner, by));
  } else if (grow) {
    place(state, at, grown(box, grow));
  } else {
    draw(state);
  }
  clearTimeout(state.timer);
  state.timer = setTimeout(() => flush(state), REST);
}

/** The same box elsewhere, inside the picture. */
function shifted([left, top, right, bottom], [across, down]) {
  const x = Math.min(Math.max(across, -left), 1 - right);
  const y = Math.min(Math.max(down, -top), 1 - bottom);
  return [left + x, top + y, right + x, bottom + y];
}

/** The box with one corner elsewhere; it never turns over. */
function stretched(box, corner, by) {
  const other = [...box];
  CORNERS[corner].forEach((edge, axis) => {
    const opposite = box[(edge + 2) % 4];
    const to = Math.min(Math.max(box[edge] + by[axis], 0), 1);
    other[edge] = edge < 2 ? Math.min(to, opposite - LEAST) : Math.max(to, opposite + LEAST);
  });
  return other;
}

function grown([left, top, right, bottom], by) {
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const wide = Math.max(((right - left) / 2) * by, LEAST / 2);
  const tall = Math.max(((bottom - top) / 2) * by, LEAST / 2);
  return [x - wide, y - tall, x + wide, y + tall];
}

function place(state, at, box) {
  state.boxes[at] = box.map((edge) => Math.min(Math.max(edge, 0), 1));
  draw(state);
}

function draw(state) {
  state.parts.forEach(({ box, label, handles }, at) => {
    const [left, top, right, bottom] = state.boxes[at];
    box.style.left = `${100 * left}%`;
    box.style.top = `${100 * top}%`;
    box.style.width = `${100 * (right - left)}%`;
    box.style.height = `${100 * (bottom - top)}%`;
    box.classList.toggle("unplaced", !state.placed[at]);
    const { short, name } = state.labels[at] ?? { short: "", name: "" };
    label.textContent = short;
    const edges = [left, top, right, bottom].map((edge) => `${Math.round(100 * edge)} %`);
    box.setAttribute("aria-label", `${name}: ${edges.join(", ")}`);
    handles.forEach((handle, corner) => {
      handle.setAttribute("aria-label", `${name}: ${state.words.corners[corner]}`);
      handle.title = state.words.corners[corner];
    });
  });
}
