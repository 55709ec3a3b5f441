// Keys, windows, sizes, linked films, overlays and drawings, without a browser: npm test.
// tests/browser/test_viewer_tools.py asks that a reader's hand reaches what is asked here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SIZE } from "./cornerstone.ts";
import { coverBy, frameBy, present } from "../src/acts.ts";
import { Film } from "../src/film.ts";
import { actionOf, bound, keyName } from "../src/keys.ts";
import { follow } from "../src/links.ts";
import { records, restore } from "../src/marks.ts";
import { lines, statistics } from "../src/measure.ts";
import { Overlay, coverOf, enlarge } from "../src/overlay.ts";
import { Pane } from "../src/pane.ts";
import { reduce, reductions } from "../src/planes.ts";
import { presets } from "../src/presets.ts";
import { apply } from "../src/view.ts";
import type { PixelPacket } from "../src/store.ts";
import type { FilmHeader, Grey, OverlayHeader, OverlaySpec, PaneSpec, Point, Shape } from "../src/types.ts";

const ROWS = 200;
const COLUMNS = 300;
const WORDS = {
  automatic: "Automatic", full: "Full range", lung: "Lung", file: "{name}", plane_detector: "at the detector", plane_corrected: "at the detector / {factor}",
  ctr: "CTR", mean: "mean",
};
const WINDOW: Grey = { name: "", center: 500, width: 1000, curve: "LINEAR" };

/** A film whose left half is 100 and whose right half is 900. */
function packet(own: Partial<FilmHeader> = {}, frames = 1): PixelPacket {
  const header = {
    kind: "film", halved: 0, rows: ROWS, columns: COLUMNS, totalFrames: frames, samples: 1,
    type: "uint16", unit: "", monochrome1: false, aspect: 1, spacing: null, plane: "body", magnification: null,
    directions: ["L", "F"], modality: "CR", frameTime: 40, padding: null,
    order: Array.from({ length: frames }, (_, at) => at),
    frames: Array.from({ length: frames }, () => ({
      overlay: null,
      slope: 1, intercept: 0, presets: [WINDOW],
      automatic: { ...WINDOW, center: 400 }, full: { ...WINDOW, center: 450 },
    })),
    ...own,
  } as FilmHeader;
  const { rows, columns } = header;
  const samples = new Uint16Array(rows * columns * frames);
  for (let at = 0; at < samples.length; at++) samples[at] = at % columns < columns / 2 ? 100 : 900;
  return { header, body: new Uint8Array(samples.buffer) } as unknown as PixelPacket;
}

let count = 0;

/** A pane that shows a film. */
async function shown(given: PixelPacket = packet()): Promise<Pane> {
  const name = `p${++count}`;
  const spec = { key: "0", pixels: name, sop: `1.2.${count}`, overlay: null, regions: [], stack: null };
  const pane = new Pane(spec as unknown as PaneSpec, () => {});
  await pane.show(given, null, true);
  return pane;
}

/** The action that a key starts. */
function pressed(key: string, keys = bound({}), held: Partial<KeyboardEvent> = {}): string | undefined {
  return actionOf({ key, ctrlKey: false, metaKey: false, altKey: false, ...held } as KeyboardEvent, keys);
}

function press(pane: Pane, ...keys: string[]): void {
  for (const key of keys) present(pane, pressed(key)!, WORDS);
}

test("every key starts its action, held with Ctrl where it says so", () => {
  const wanted: Record<string, string> = {
    i: "invert", r: "rotateRight", l: "rotateLeft", h: "flipAcross", v: "flipDown", "0": "actual",
    e: "planes", o: "overlay", "[": "opacityDown", "]": "opacityUp", u: "contour", "2": "preset2", "+": "zoomIn",
    "-": "zoomOut", "=": "fit", " ": "reset", ArrowUp: "previousFrame", ArrowDown: "nextFrame",
    Home: "firstFrame", End: "lastFrame", ArrowLeft: "previousPane", ArrowRight: "nextPane",
    ".": "blink", ",": "sameWindow", d: "length", a: "angle", b: "rectangle", x: "ellipse", k: "ratio", f: "region", t: "point",
    w: "window", m: "pan", z: "zoom", g: "magnify", c: "cine", y: "link", Escape: "cancel",
    "?": "help", Delete: "remove", Backspace: "remove", I: "invert",
  };
  for (const [key, action] of Object.entries(wanted)) assert.equal(pressed(key), action, key);
  for (const held of [{ ctrlKey: true }, { metaKey: true }]) {
    assert.equal(pressed("z", bound({}), held), "undo");
    assert.equal(pressed("y", bound({}), held), "redo");
  }
  assert.equal(pressed("n"), undefined); // the page's own
  assert.deepEqual(["Ctrl+z", " ", "i"].map(keyName), ["Ctrl+Z", "Space", "I"]);
});

test("a key bound anew does the work, and its old key does none", () => {
  const keys = bound({ invert: "q" });
  assert.equal(pressed("q", keys), "invert");
  assert.equal(pressed("i", keys), undefined);
});

test("each action does its work on the film", async () => {
  const turned = async (...keys: string[]) => {
    const pane = await shown();
    press(pane, ...keys);
    return { ...pane.turn, inverted: pane.look.inverted };
  };
  const plain = { flipped: false, rotation: 0, inverted: false };
  assert.deepEqual(await turned("i"), { ...plain, inverted: true });
  assert.deepEqual(await turned("i", "i"), plain);
  assert.deepEqual(await turned("r"), { ...plain, rotation: 90 });
  assert.deepEqual(await turned("l"), { ...plain, rotation: 270 });
  assert.deepEqual(await turned("h"), { ...plain, flipped: true });
  assert.deepEqual(await turned("v"), { ...plain, flipped: true, rotation: 180 });
});

test("sizes: fitted at first, larger, smaller, fitted again, one to one on whole pixels", async () => {
  const pane = await shown();
  const fitted = Math.min(SIZE[0] / COLUMNS, SIZE[1] / ROWS);
  assert.equal(pane.view.scale, fitted);
  press(pane, "+", "+");
  assert.ok(Math.abs(pane.view.scale - fitted * 1.25 ** 2) < 1e-9);
  press(pane, "-", "-", "-");
  assert.ok(Math.abs(pane.view.scale - fitted / 1.25) < 1e-9);
  press(pane, "=");
  assert.equal(pane.view.scale, fitted);
  press(pane, "0");
  assert.equal(pane.view.scale, 1);
  assert.ok(pane.place.every(Number.isInteger));
  press(pane, "r", "="); // turned, the longer side is upright
  assert.equal(pane.view.scale, Math.min(SIZE[0] / ROWS, SIZE[1] / COLUMNS));
  for (let again = 0; again < 99; again++) press(pane, "+");
  assert.equal(pane.view.scale, 64);
});

test("reset brings back the acquired presentation", async () => {
  const pane = await shown(packet({ monochrome1: true }));
  const state = () => [pane.look, pane.turn, pane.view, pane.fitted, pane.preset];
  const before = state();
  pane.setGrey({ ...WINDOW, center: 700, width: 300 });
  press(pane, "i", "r", "h", "+");
  assert.notDeepEqual(state(), before);
  press(pane, " ");
  assert.deepEqual(state(), before);
});

test("a window is never narrower than its curve allows", async () => {
  const pane = await shown();
  pane.setGrey({ ...WINDOW, width: -30 });
  assert.equal(pane.look.grey.width, 1);
  pane.setGrey({ ...WINDOW, curve: "SIGMOID", width: 0 });
  assert.equal(pane.look.grey.width, 0.001);
});

test("HU windows belong to CT alone; keys take the file's own elsewhere", async () => {
  const ct = await shown(packet({ modality: "CT", unit: "HU" }));
  const labels = (pane: Pane) => presets(pane.film!, 0, WORDS).map(({ label }) => label);
  assert.ok(labels(ct).some((label) => label.startsWith("Lung")));
  press(ct, "2");
  assert.deepEqual([ct.look.grey.center, ct.look.grey.width], [-600, 1500]);
  for (const other of [packet(), packet({ modality: "CT", unit: "US" }), packet({ unit: "HU" })]) {
    const pane = await shown(other);
    assert.ok(!labels(pane).some((label) => label.startsWith("Lung")));
    press(pane, "2"); // the file has one window; then comes the automatic one
    assert.equal(pane.look.grey.center, 400);
    press(pane, "1");
    assert.equal(pane.look.grey.center, 500);
    press(pane, "9"); // there is no ninth
    assert.equal(pane.look.grey.center, 500);
  }
  assert.deepEqual(presets(new Film(packet({ samples: 3 })), 0, WORDS), []);
});

test("an overlay is laid over the film in steps of a tenth, from nothing to all", () => {
  assert.deepEqual(coverBy("overlay", { shown: false }), { shown: true });
  assert.deepEqual(coverBy("overlay", { shown: true }), { shown: false });
  assert.deepEqual(coverBy("opacityUp", { opacity: 0.6 }), { opacity: 0.7 });
  assert.deepEqual(coverBy("opacityDown", { opacity: 0.5 }), { opacity: 0.4 });
  assert.deepEqual(coverBy("opacityUp", { opacity: 1 }), { opacity: 1 });
  assert.deepEqual(coverBy("opacityDown", { opacity: 0 }), { opacity: 0 });
  assert.deepEqual(coverBy("contour", {}), { contour: true });
  assert.deepEqual(coverBy("palette", { grey: true }), { grey: false });
  assert.equal(coverBy("invert", {}), null);
});

test("frames go one by one to the ends, and no further", async () => {
  const pane = await shown(packet({}, 6));
  const go = (key: string): number => {
    pane.setFrame(frameBy(pressed(key)!, pane.look.frame, 6)!);
    return pane.look.frame;
  };
  assert.deepEqual(["ArrowDown", "ArrowDown", "ArrowUp", "End", "ArrowDown", "Home", "ArrowUp"].map(go),
    [1, 2, 1, 5, 5, 0, 0]);
  assert.equal(frameBy("lastFrame", 0, 6), 5);
  assert.equal(frameBy("invert", 0, 6), null);
});

test("linked films of different size show the same part", async () => {
  const [small, large] = [await shown(), await shown(packet({ rows: 4 * ROWS, columns: 4 * COLUMNS }))];
  press(small, "+", "+");
  small.pan([37, -12]);
  follow(small, "view", [large]);
  for (const [x, y] of [[0.25, 0.25], [0.8, 0.1]]) {
    const [u, v] = apply(small.place, [x! * COLUMNS, y! * ROWS]);
    const [s, t] = apply(large.place, [x! * 4 * COLUMNS, y! * 4 * ROWS]);
    assert.ok(Math.hypot(u - s, v - t) < 0.01);
  }
  press(small, "=");
  follow(small, "view", [large]);
  assert.ok(large.fitted);
});

test("linked films of different machines follow the window, each from its own", async () => {
  const [one, other] = [await shown(), await shown(packet({
    frames: [{
      slope: 1, intercept: 0, presets: [{ ...WINDOW, center: 40, width: 100 }],
      automatic: WINDOW, full: WINDOW,
    }],
  }))];
  one.setGrey({ ...WINDOW, center: 750, width: 500 }); // a quarter up, half as wide
  follow(one, "look", [other]);
  assert.deepEqual([other.look.grey.center, other.look.grey.width], [65, 50]);
});

/** A map of 20 x 30 with a block of 10 x 10: its half height lies on the block's edges. */
function block(): [OverlayHeader, Float32Array] {
  const values = new Float32Array(20 * 30);
  for (let row = 5; row < 15; row++) values.fill(1, row * 30 + 10, row * 30 + 20);
  const colours = Array.from({ length: 768 }, (_, at) => at % 256);
  return [{ kind: "overlay", rows: 20, columns: 30, limit: 1, signed: false, colours }, values];
}

test("an overlay's edges lie where the map has them", () => {
  const [header, values] = block();
  const [wide, tall] = [300, 200];
  const large = enlarge(values, header, [wide, tall]);
  const across = large.slice(100 * wide, 101 * wide);
  const down = Array.from({ length: tall }, (_, y) => large[y * wide + 150]!);
  const inside = (line: ArrayLike<number>) => {
    const lit = Array.from(line, (value, at) => (value > 0.5 ? at : -1)).filter((at) => at >= 0);
    return [lit[0], lit.at(-1)! + 1];
  };
  assert.deepEqual(inside(across), [wide / 3, (wide * 2) / 3]);
  assert.deepEqual(inside(down), [tall / 4, (tall * 3) / 4]);
});

test("an overlay is laid where the film lies, at any size and turn", async () => {
  const pane = await shown(packet({ rows: 4 * ROWS, columns: 4 * COLUMNS }));
  const [header, values] = block();
  const spec = { seen: [0, 0, 1, 1], outline: [] } as unknown as OverlaySpec;
  const overlay = new Overlay(
    { header, body: new Uint8Array(values.buffer) } as unknown as PixelPacket, spec, pane.film!,
  );
  for (const keys of [["="], ["0"], ["+", "+"], ["-", "-"], ["r", "+"], ["h", "-"]]) {
    press(pane, " ", ...keys);
    const canvas = document.createElement("canvas") as unknown as {
      calls: [string, ...unknown[]][]; getContext(): CanvasRenderingContext2D;
    };
    const cover = { ...pane.cover, shown: true };
    overlay.paint(canvas.getContext(), pane.place, pane.film!, cover);
    const names = canvas.calls.map(([name]) => name);
    assert.deepEqual(names, ["setTransform", "clearRect", "setTransform", "drawImage"]);
    assert.deepEqual(canvas.calls[2], ["setTransform", ...pane.place]);
    assert.deepEqual(canvas.calls[3]!.slice(2), [0, 0, 4 * COLUMNS, 4 * ROWS]);
  }
});

test("a line goes around the strongest place, in the film's own pixels", async () => {
  const pane = await shown(packet({ rows: ROWS, columns: COLUMNS }));
  const [header, values] = block();
  const outline: Point[] = [[0.25, 0.5], [0.5, 0.5], [0.5, 0.75]];
  const spec = { seen: [0, 0, 1, 1], outline } as unknown as OverlaySpec;
  const overlay = new Overlay(
    { header, body: new Uint8Array(values.buffer) } as unknown as PixelPacket, spec, pane.film!,
  );
  const canvas = document.createElement("canvas") as unknown as {
    calls: [string, ...unknown[]][]; getContext(): CanvasRenderingContext2D;
  };
  overlay.paint(canvas.getContext(), pane.place, pane.film!, { ...pane.cover, shown: true });
  const path = canvas.calls.filter(([name]) => ["moveTo", "lineTo", "closePath", "stroke"].includes(name));
  const corners = outline.map(([x, y]) => [x * COLUMNS, y * ROWS]);
  assert.deepEqual(path, [
    ["moveTo", ...corners[0]!], ["lineTo", ...corners[1]!], ["lineTo", ...corners[2]!],
    ["closePath"], ["stroke"], ["stroke"],
  ]);
});

test("an overlay covers nothing below its threshold and all that is asked at its limit", () => {
  const cover = { shown: true, opacity: 0.6, threshold: 0.2, contour: false, grey: false };
  const covers = [0, 0.2, -0.2, 0.6, -1, 1].map((level) => coverOf(level, cover));
  [0, 0, 0, 0.3, 0.6, 0.6].forEach((value, at) => assert.ok(Math.abs(covers[at]! - value) < 1e-9));
});

function beside(shape: Shape, points: Point[], own: Partial<FilmHeader> = {}): string[] {
  return lines(new Film(packet(own)), 0, shape, points, WORDS);
}

test("a length is in millimetres only where the file says so, and says where it was measured", () => {
  const line: Point[] = [[10, 50], [130, 50]];
  assert.deepEqual(beside("length", line, { spacing: [0.5, 0.5], plane: "body" }), ["60 mm"]);
  assert.deepEqual(beside("length", line), ["120 px"]);
  assert.deepEqual(
    beside("length", line, { spacing: [0.25, 0.25], plane: "detector" }),
    ["30 mm (at the detector)"],
  );
  assert.deepEqual(
    beside("length", line, { spacing: [0.25, 0.25], plane: "corrected", magnification: 1.5 }),
    ["30 mm (at the detector / 1.5)"],
  );
  assert.deepEqual(beside("length", line, { plane: "detector" }), ["120 px"]); // no spacing, no plane
  assert.deepEqual(beside("length", line.slice(1)), []); // not finished
});

test("what is measured does not change with how the film is turned, flipped, zoomed or cut off", async () => {
  const own = { aspect: 2.5, spacing: [0.5, 0.2] as Point, plane: "body" };
  const shapes: [Shape, Point[]][] = [
    ["length", [[20, 30], [50, 34]]],
    ["angle", [[20, 30], [60, 40], [50, 90]]],
    ["rectangle", [[20, 30], [50, 60]]],
    ["ellipse", [[20, 50], [60, 50], [40, 44], [40, 56]]],
    ["region", [[20, 30], [70, 35], [50, 80]]],
    ["ratio", [[20, 30], [60, 30], [10, 50], [90, 52]]],
  ];
  const plain = shapes.map(([shape, points]) => beside(shape, points, own));
  for (const keys of ["", "r", "l", "h", "v", "rh", "rr", "rv", "+++", "l--", "h0", "rh++++++++"]) {
    const pane = await shown(packet(own));
    press(pane, ...keys);
    pane.pan([37.5, -11.25]); // part of it lies beyond the pane
    const drawn = shapes.map(([shape, points]) => {
      const onScreen = points.map((point) => apply(pane.place, point));
      const back = onScreen.map((at) => pane.filmPoint(at).map((x) => Number(x.toFixed(6))) as Point);
      return lines(pane.film!, 0, shape, back, WORDS);
    });
    assert.deepEqual(drawn, plain, keys);
  }
});

test("a thin line of the file's overlay stays when the film is made small", () => {
  const [rows, columns] = [64, 100];
  const bits = new Uint8Array(Math.ceil((rows * columns) / 8));
  for (let row = 0; row < rows; row++) bits[(row * columns + 33) >> 3]! |= 1 << ((row * columns + 33) & 7);
  for (const times of [0, 1, 2, 3]) {
    const { set, width, height } = reduce({ bits, rows, columns, name: "0" }, times);
    assert.deepEqual([width, height], [Math.ceil(100 / 2 ** times), 64 / 2 ** times]);
    assert.equal(set.reduce((sum, one) => sum + one, 0), height);
    assert.equal(set[(33 >> times)], 1);
  }
  assert.deepEqual([2, 1, 0.9, 0.5, 0.4].map((scale) => reductions(scale, 64)), [0, 0, 1, 1, 2]);
});

test("the file's overlay is shown at first, and again after a reset", async () => {
  const pane = await shown();
  assert.ok(pane.planes && pane.presentation.overlays);
  pane.setPlanes(false);
  assert.equal(pane.presentation.overlays, false);
  press(pane, " ");
  assert.ok(pane.planes);
});

test("frames are gone through by their place, and named as they are stored", async () => {
  const pane = await shown(packet({ order: [2, 0, 1] }, 3));
  assert.deepEqual([pane.look.frame, pane.position], [2, 0]);
  pane.setPosition(pane.position + 1);
  assert.deepEqual([pane.look.frame, pane.position], [0, 1]);
  pane.setPosition(9);
  assert.deepEqual([pane.look.frame, pane.presentation.frame], [1, 1]);
});

test("an angle is taken at its vertex, on the film's own pixels", () => {
  const corner: Point[] = [[200, 50], [100, 50], [150, 100]];
  assert.deepEqual(beside("angle", corner), ["45.0\u00b0"]);
  assert.deepEqual(beside("angle", corner, { aspect: 2 }), ["63.4\u00b0"]);
});

test("the cardiothoracic ratio is heart over thorax", () => {
  const texts = beside("ratio", [[120, 100], [180, 100], [90, 130], [210, 130]], { spacing: [0.5, 0.5] });
  assert.deepEqual(texts, ["CTR 0.50", "30 / 60 mm"]);
});

test("a rectangle measures modality values inside", () => {
  const texts = beside("rectangle", [[130, 50], [170, 90]], { spacing: [0.5, 0.5] });
  assert.deepEqual(texts, ["400 mm\u00b2", "mean 500 \u00b1 400", "100 \u2013 900"]);
});

test("an ellipse and a region measure the pixels whose centres lie inside", () => {
  const film = new Film(packet());
  const round: Point[] = [[130, 100], [170, 100], [150, 90], [150, 110]];
  const ellipse = statistics(film, 0, "ellipse", round);
  assert.deepEqual([ellipse.mean, ellipse.minimum, ellipse.maximum], [500, 100, 900]);
  assert.ok(Math.abs(ellipse.count - Math.PI * 20 * 10) < 10);
  const square: Point[] = [[110, 60], [140, 60], [140, 90], [110, 90]];
  const region = statistics(film, 0, "region", square);
  assert.deepEqual([region.count, region.mean, region.deviation], [900, 100, 0]);
  const words = beside("region", square, { unit: "HU", spacing: [0.5, 0.5] });
  assert.deepEqual(words, ["225 mm\u00b2", "mean 100 HU \u00b1 0", "100 \u2013 100 HU"]);
});

test("measures are of modality values, not of stored ones", () => {
  const frame = { slope: -2, intercept: 10, presets: [], automatic: WINDOW, full: WINDOW };
  const figures = statistics(new Film(packet({ frames: [frame] })), 0, "rectangle", [[130, 50], [170, 90]]);
  assert.deepEqual(figures, { count: 1600, mean: -990, deviation: 800, minimum: -1790, maximum: -190 });
});

test("a point reads the value under it, on the film alone", () => {
  assert.deepEqual(beside("point", [[10.9, 3.2]], { unit: "HU" }), ["100 HU"]);
  assert.deepEqual(beside("point", [[COLUMNS, 3]]), []);
});

test("a drawing beyond the film ends at its edge, and what has no size is none", async () => {
  const { spec: { pixels, sop } } = await shown();
  const drawn = (uid: string, shape: Shape, points: Point[]) =>
    ({ uid, sop, shape, points, frame: 0, label: "", finding: "" });
  restore(pixels, sop, [
    drawn("a", "length", [[200, 50], [COLUMNS + 90, 50]]),
    drawn("b", "rectangle", [[-20, -10], [30, ROWS + 1]]),
    drawn("c", "length", [[COLUMNS + 5, 50], [COLUMNS + 90, 50]]), // all of it beyond the edge
  ]);
  const restored = records(pixels, sop).map(({ uid, points }) => [uid, points]);
  assert.deepEqual(restored, [
    ["a", [[200, 50], [COLUMNS, 50]]],
    ["b", [[0, 0], [30, ROWS]]],
  ]);
});

test("drawings come back from the record as they went into it", async () => {
  const { spec: { pixels, sop } } = await shown(packet({ aspect: 2 }));
  const shapes: [Shape, Point[]][] = [
    ["angle", [[200, 50], [100, 50], [150, 100]]],
    ["ellipse", [[110, 100], [190, 100], [150, 90], [150, 110]]],
    ["length", [[1, 2], [3, 4]]],
    ["point", [[7.5, 8.25]]],
    ["ratio", [[120, 100], [180, 100], [90, 130], [210, 130]]],
    ["rectangle", [[130, 50], [170, 90]]],
    ["region", [[110, 60], [140, 60], [140, 90], [110, 90]]],
  ];
  const wanted = shapes.map(([shape, points], at) =>
    ({ uid: `u${at}`, sop, shape, points, frame: 0, label: "", finding: "pneumonia" }));
  restore(pixels, sop, wanted);
  assert.deepEqual(records(pixels, sop), wanted);
});
