// Four corners on a photograph. The page gives them once per `generation`; from then on they are
// the reader's, and are reported when a drag ends or the arrow keys rest.

const REST = 350; // milliseconds without a key before the corners are reported
const STEP = 1 / 400; // of the picture, for an arrow key; with Shift ten times that
const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};
const states = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".photograph");
  let state = states.get(root);
  if (!state) {
    state = build(root);
    states.set(root, state);
  }
  state.report = (corners) => setStateValue("corners", { generation: state.generation, corners });
  if (state.image.src !== data.picture) state.image.src = data.picture;
  state.image.alt = data.words.picture;
  state.words = data.words;
  if (state.generation !== data.generation) {
    state.generation = data.generation;
    state.corners = data.corners.map((corner) => [...corner]);
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
  state.report(state.corners);
}

function build(root) {
  const svgSpace = "http://www.w3.org/2000/svg";
  const state = { corners: [], handles: [], generation: undefined, words: {} };
  state.image = document.createElement("img");
  const drawing = document.createElementNS(svgSpace, "svg");
  drawing.setAttribute("viewBox", "0 0 1 1");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  state.outline = document.createElementNS(svgSpace, "polygon");
  drawing.append(state.outline);
  root.replaceChildren(state.image, drawing);
  for (let at = 0; at < 4; at++) {
    const handle = document.createElement("button");
    handle.type = "button";
    handle.className = "corner";
    handle.dataset.corner = String(at);
    handle.onpointerdown = (event) => grab(state, root, handle, at, event);
    handle.onkeydown = (event) => step(state, at, event);
    root.append(handle);
    state.handles.push(handle);
  }
  state.leave = new AbortController();
  const heard = { capture: true, signal: state.leave.signal };
  addEventListener("pointerdown", () => flush(state), heard);
  return state;
}

function grab(state, root, handle, at, event) {
  event.preventDefault();
  handle.focus();
  handle.setPointerCapture(event.pointerId);
  handle.onpointermove = (moved) => {
    const box = root.getBoundingClientRect();
    place(state, at, (moved.clientX - box.left) / box.width, (moved.clientY - box.top) / box.height);
  };
  const drop = () => {
    handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
    state.report(state.corners);
  };
  handle.onpointerup = drop;
  handle.onpointercancel = drop;
}

function step(state, at, event) {
  const move = MOVES[event.key];
  if (!move) return;
  event.preventDefault();
  event.stopPropagation(); // the page's own keys: N would open the next case
  const far = STEP * (event.shiftKey ? 10 : 1);
  const [across, down] = state.corners[at];
  place(state, at, across + move[0] * far, down + move[1] * far);
  clearTimeout(state.timer);
  state.timer = setTimeout(() => flush(state), REST);
}

function place(state, at, across, down) {
  state.corners[at] = [Math.min(Math.max(across, 0), 1), Math.min(Math.max(down, 0), 1)];
  draw(state);
}

function draw(state) {
  state.outline.setAttribute("points", state.corners.map((corner) => corner.join(",")).join(" "));
  state.handles.forEach((handle, at) => {
    const [across, down] = state.corners[at];
    handle.style.left = `${100 * across}%`;
    handle.style.top = `${100 * down}%`;
    const place = `${Math.round(100 * across)} %, ${Math.round(100 * down)} %`;
    handle.setAttribute("aria-label", `${state.words.corners[at]}: ${place}`);
    handle.title = state.words.corners[at];
  });
}
