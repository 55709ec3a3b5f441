// The prior in the place of the image: where it lies, what is hidden meanwhile, and what comes back.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { MOTION } from "./cornerstone.ts";
import { TURN } from "../src/blinking.ts";
import { Compare, align } from "../src/compare.ts";
import { Overlay } from "../src/overlay.ts";
import { Pane } from "../src/pane.ts";
import { apply, chain } from "../src/view.ts";
import type { PixelPacket } from "../src/store.ts";
import type { ComparisonSpec, Edges, FilmHeader, Grey, OverlaySpec, PaneSpec, Point } from "../src/types.ts";
import { paintRegions } from "../src/regions.ts";

beforeEach(() => mock.timers.enable({ apis: ["setInterval", "Date"] })); // none runs on after a failure
afterEach(() => mock.timers.reset());

const WINDOW: Grey = { name: "", center: 500, width: 1000, curve: "LINEAR" };
const IMAGE = { columns: 300, rows: 200, aspect: 1 };
const BOX: Edges = [0.1, 0.2, 0.9, 0.7];
const WORDS = {
  blink_turned: "turned", blink_sides: "sides", no_same_window: "not one window", same_window: "same", loading: "loading",
};

function corners({ columns, rows }: { columns: number; rows: number }, [top, left, bottom, right]: Edges): Point[] {
  return [[left, top], [right, top], [left, bottom], [right, bottom]].map(([x, y]) => [x! * columns, y! * rows]);
}

function near(one: Point[], other: Point[]): void {
  one.forEach(([x, y], at) => assert.ok(Math.hypot(x - other[at]![0], y - other[at]![1]) < 1e-9, `${one} ${other}`));
}

test("boxes of one shape coincide at their corners, whatever the films' sizes and places", () => {
  const large = { columns: 1200, rows: 900, aspect: 1 };
  const moved: Edges = [0.2, 0.5, 0.2 + (0.8 * 200 * 2) / 900, 0.5 + (0.5 * 300 * 2) / 1200]; // twice as large
  near(corners(large, moved).map((at) => apply(align(IMAGE, large, [BOX, moved]), at)), corners(IMAGE, BOX));
  const tall = { columns: 300, rows: 100, aspect: 2 }; // the same film in pixels twice as high
  near(corners(tall, BOX).map((at) => apply(align(IMAGE, tall, [BOX, BOX]), at)), corners(IMAGE, BOX));
});

test("boxes of two shapes share their middle and one scale: nothing is stretched, turned or mirrored", () => {
  for (const there of [[0, 0, 1, 1], [0.3, 0.3, 0.4, 0.9], [0.05, 0.6, 0.95, 0.8]] as Edges[]) {
    for (const prior of [IMAGE, { columns: 500, rows: 700, aspect: 1 }, { columns: 90, rows: 80, aspect: 1.5 }]) {
      const [a, b, c, d, e, f] = align(IMAGE, prior, [BOX, there]);
      assert.ok(a > 0 && d > 0 && b === 0 && c === 0);
      assert.ok(Math.abs(d * IMAGE.aspect - a * prior.aspect) < 1e-9);
      const areas = [[IMAGE, BOX], [prior, there]].map(([film, [top, left, bottom, right]]: any) =>
        (bottom - top) * film.rows * film.aspect * (right - left) * film.columns) as [number, number];
      assert.ok(Math.abs(a * a - areas[0] / areas[1]) < 1e-9); // so that both cover as much
      const middle: Point = [((there[1] + there[3]) / 2) * prior.columns, ((there[0] + there[2]) / 2) * prior.rows];
      near([apply([a, b, c, d, e, f], middle)], [[0.45 * 300, 0.5 * 200]]);
      const back = align(prior, IMAGE, [there, BOX]); // the other way around it is the inverse
      near([apply(chain([a, b, c, d, e, f], back), [12, 34])], [[12, 34]]);
    }
  }
});

/** A pane that shows a film, wider by `times`. */
async function shown(key: string, own: Partial<FilmHeader> = {}, changed: (pane: Pane) => void = () => {}): Promise<Pane> {
  const { columns, rows } = { ...IMAGE, ...own };
  const frame = { overlay: null, slope: 1, intercept: 0, presets: [WINDOW], automatic: WINDOW, full: WINDOW };
  const header = {
    kind: "film", halved: 0, rows, columns, totalFrames: 1, samples: 1, type: "uint16", unit: "", monochrome1: false,
    aspect: 1, spacing: null, plane: "body", magnification: null, directions: ["L", "F"], modality: "DX",
    frameTime: 40, padding: null, order: [0], frames: [frame], ...own,
  } as FilmHeader;
  const body = new Uint8Array(new Uint16Array(rows * columns).buffer);
  const spec = { key, pixels: `${key}-${Math.random()}`, sop: key, overlay: null, regions: [], stack: null };
  const pane = new Pane(spec as unknown as PaneSpec, (one, change) => { if (change !== "drawn") changed(one); });
  await pane.show({ header, body } as unknown as PixelPacket, null, true);
  return pane;
}

const SPEC: ComparisonSpec = { prior: "1", lungs: [BOX, BOX], aligned: "by the lungs", reason: "" };

async function beside(own: Partial<FilmHeader> = {}, spec: ComparisonSpec | null = SPEC) {
  const compare: Compare = new Compare(() => panes, () => {});
  let following = false;
  const follow = (pane: Pane): void => { // as the viewer has it
    if (following) return;
    following = true;
    compare.follow(pane);
    following = false;
  };
  const panes: Pane[] = [];
  panes.push(await shown("0", {}, follow), await shown("1", own, follow));
  compare.update(spec, WORDS);
  return { compare, image: panes[0]!, prior: panes[1]! };
}

type Calls = [string, ...unknown[]][];
const drawnOn = (canvas: unknown): Calls => (canvas as { calls: Calls }).calls;

test("the prior lies where its lungs are the image's, and the map goes from sight until the image is back", async () => {
  const { compare, image } = await beside({ columns: 600, rows: 400 });
  const header = { kind: "overlay", rows: 1, columns: 1, limit: 1, signed: false, colours: Array(768).fill(200) };
  const spec = { seen: [0, 0, 1, 1], outline: [] } as unknown as OverlaySpec;
  const values = new Uint8Array(new Float32Array([1]).buffer);
  image.setOverlay(new Overlay({ header, body: values } as unknown as PixelPacket, spec, image.film!));
  image.setCover({ shown: true });
  const glass = drawnOn((image as unknown as { glass: unknown }).glass);
  const film = drawnOn(image.canvas);
  const before = { place: image.place, look: image.look, cover: image.cover };
  assert.ok(glass.some(([name]) => name === "drawImage"));

  glass.length = film.length = 0;
  compare.blink();
  assert.ok(!glass.length, "a map over the prior");
  const place = film.filter(([name]) => name === "setTransform").at(-1)!.slice(1) as typeof image.place;
  near(corners({ columns: 600, rows: 400 }, BOX).map((at) => apply(place, at)),
    corners(IMAGE, BOX).map((at) => apply(image.place, at)));
  assert.ok((image.cell as unknown as { classes: Set<string> }).classes.has("stead")); // hides the drawings
  image.setCover({ shown: true }); // as a map that has just been computed
  image.zoom(2);
  assert.ok(!glass.length, "a map over the prior");
  image.zoom(0.5);
  image.fit();

  compare.stop();
  assert.ok(glass.some(([name]) => name === "drawImage"), "no map after it");
  assert.ok(!(image.cell as unknown as { classes: Set<string> }).classes.has("stead"));
  assert.deepEqual({ place: image.place, look: image.look, cover: image.cover }, before);
});

test("a key shows the prior while it is held; after a tap the two take turns; any other act ends it", async () => {
  const { compare, image } = await beside();
  const seen = (): string => (image.stead ? "prior" : "image");
  compare.blink("Period");
  mock.timers.tick(5 * TURN);
  assert.equal(seen(), "prior"); // held: no turns
  compare.release("KeyX");
  assert.equal(seen(), "prior");
  compare.release("Period");
  assert.deepEqual([seen(), compare.running], ["image", false]);

  compare.blink("Period");
  mock.timers.tick(100);
  compare.release("Period");
  const turns = Array.from({ length: 4 }, () => { mock.timers.tick(TURN); return seen(); });
  assert.deepEqual(turns, ["image", "prior", "image", "prior"]);
  compare.stop();
  mock.timers.tick(5 * TURN);
  assert.equal(seen(), "image");

  MOTION.reduced = true; // by hand alone
  compare.blink();
  mock.timers.tick(5 * TURN);
  assert.equal(seen(), "prior");
  compare.blink();
  assert.equal(seen(), "image");
  MOTION.reduced = false;
});

test("nothing is laid over without boxes, turned, or with other sides; the reason is said", async () => {
  const none = await beside({}, { ...SPEC, lungs: null, reason: "no lungs" });
  const sides = await beside({ directions: ["R", "F"] });
  const turned = await beside();
  turned.image.flipAcross();
  const alone = await beside({}, { ...SPEC, prior: "7" });
  const cases = [[none, "no lungs"], [sides, "sides"], [turned, "turned"], [alone, "loading"]] as const;
  for (const [{ compare, image }, reason] of cases) {
    assert.equal(compare.obstacle(), reason);
    compare.blink("Period");
    assert.deepEqual([image.stead, compare.running], [null, false], reason);
  }
  turned.image.flipAcross();
  assert.equal(turned.compare.obstacle(), "");
  assert.equal((await beside({ directions: ["", ""] })).compare.obstacle(), ""); // names no sides
});

test("one window for both, off at first, told on the prior, and its own again after it", async () => {
  const own = { ...WINDOW, center: 40, width: 100 };
  const frames = [{ overlay: null, slope: 1, intercept: 0, presets: [own], automatic: own, full: own }];
  const { compare, image, prior } = await beside({ frames });
  const grey = ({ look }: Pane) => [look.grey.center, look.grey.width];
  image.setGrey({ ...WINDOW, center: 600 });
  assert.deepEqual([grey(prior), prior.note, compare.sameWindow], [[40, 100], "", false]);
  compare.switchWindow();
  assert.deepEqual([grey(prior), prior.note, compare.sameWindow], [[600, 1000], "same", true]);
  image.setGrey({ ...WINDOW, center: 700, width: 50 });
  image.setInverted(true);
  assert.deepEqual([grey(prior), prior.look.inverted], [[700, 50], true]);
  prior.setGrey({ ...WINDOW, center: 300 });
  assert.deepEqual(grey(image), [300, 1000]);
  compare.switchWindow();
  assert.deepEqual([grey(prior), prior.note], [[40, 100], ""]);
  for (const other of [{ modality: "CR" }, { unit: "HU" }, { samples: 3 as const }]) {
    const { compare: refused, prior: theirs } = await beside(other);
    refused.switchWindow();
    assert.deepEqual([refused.windowObstacle(), refused.sameWindow, theirs.note], ["not one window", false, ""]);
  }
});

test("a region lies on its part of the film however that is zoomed and moved, its words above it", () => {
  const said: [string, number, number][] = [];
  const context = {
    setTransform() {}, beginPath() {}, closePath() {}, stroke() {}, fillRect() {},
    moveTo: (x: number, y: number) => said.push(["move", x, y]),
    lineTo: (x: number, y: number) => said.push(["line", x, y]),
    measureText: () => ({ width: 10 }),
    fillText: (words: string, x: number, y: number) => said.push([words, x, y]),
  };
  const film = { header: { columns: 200, rows: 100 } };
  const region = { box: [0.25, 0.5, 0.75, 1], label: "Right" };
  paintRegions(context as never, [2, 0, 0, 2, 10, 20], film as never, [region as never]);
  assert.deepEqual(said.slice(0, 4), [
    ["move", 110, 120], ["line", 310, 120], ["line", 310, 220], ["line", 110, 220],
  ]);
  assert.equal(said[4]![0], "Right");
  assert.ok(said[4]![2] < 120);
});
