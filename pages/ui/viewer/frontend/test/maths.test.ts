// The viewer's arithmetic, without a browser: npm test.

import assert from "node:assert/strict";
import { test } from "node:test";
import { halve, halvings, isWhole } from "../src/film.ts";
import { level, looked, rint } from "../src/grey.ts";
import { bound } from "../src/keys.ts";
import { edges, flipAcross, flipDown, opposite, rotated, type Turn } from "../src/letters.ts";
import { angle, area, length } from "../src/measure.ts";
import { simplify } from "../src/simplify.ts";
import { apply, invert, place, snapped, zoomAbout } from "../src/view.ts";
import type { Affine, Point } from "../src/types.ts";

test("halves are rounded to even, as in Python", () => {
  assert.deepEqual([0.5, 1.5, 2.5, -0.5, 2.4, 2.6].map((value) => rint(value) + 0), [0, 2, 2, 0, 2, 3]);
});

test("a LINEAR window of width 1 is a threshold (PS3.3 C.11.2.1.2.1)", () => {
  assert.equal(level(99, 100, 1, "LINEAR"), 0);
  assert.equal(level(100, 100, 1, "LINEAR"), 255);
});

test("the middle of each curve is mid grey", () => {
  assert.equal(level(99.5, 100, 11, "LINEAR"), 128);
  assert.equal(level(100, 100, 11, "LINEAR_EXACT"), 128);
  assert.equal(level(100, 100, 11, "SIGMOID"), 128);
});

test("values beyond a table take its ends", () => {
  const table = { first: 10, bits: 8, table: Uint16Array.of(5, 100, 255) };
  assert.deepEqual([-9, 10, 11, 12, 99].map((value) => looked(value, table)), [5, 5, 100, 255, 255]);
});

test("halving takes means and keeps odd edges; tests/pages/viewer/test_packets.py has the same", () => {
  const samples = Uint16Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const halved = halve({ width: 3, height: 3, samples }, 1);
  assert.deepEqual([...halved.samples], [3, 5, 8, 9]);
  const signed = Int16Array.of(-1, -2, -3, -4);
  assert.deepEqual([...halve({ width: 2, height: 2, samples: signed }, 1).samples], [-2]);
});

test("at most two samples fall on a canvas pixel", () => {
  assert.deepEqual([2, 1, 0.51, 0.5, 0.26, 0.25, 0.2].map((scale) => halvings(scale, 4096)),
    [0, 0, 0, 1, 1, 2, 2]);
});

test("letters go round with the film", () => {
  assert.equal(opposite("LPF"), "RAH");
  const turned = edges(["L", "F"], { flipped: false, rotation: 90 });
  assert.deepEqual(turned, { top: "R", right: "H", bottom: "L", left: "F" });
});

test("four turns and two flips are none", () => {
  let turn: Turn = { flipped: false, rotation: 0 };
  for (let count = 0; count < 4; count++) turn = rotated(turn, 90);
  assert.deepEqual(turn, { flipped: false, rotation: 0 });
  assert.deepEqual(flipAcross(flipAcross({ flipped: true, rotation: 90 })), { flipped: true, rotation: 90 });
  assert.deepEqual(flipDown(flipDown({ flipped: true, rotation: 90 })), { flipped: true, rotation: 90 });
});

test("zooming about a point leaves it where it is", () => {
  const [middle, at]: Point[] = [[400, 300], [120, 500]];
  const turn = { flipped: true, rotation: 270 };
  const view = { scale: 0.7, center: [200, 100] as Point };
  const now = place(view, turn, 1, middle!);
  const next = place(zoomAbout(view, now, middle!, at!, 1.7), turn, 1, middle!);
  const under = apply(invert(now), at!);
  const [x, y] = apply(next, under);
  assert.ok(Math.hypot(x - at![0], y - at![1]) < 1e-9);
});

test("a snapped view is exact", () => {
  const [middle, view] = [[400.5, 300] as Point, { scale: 1, center: [99.5, 50.25] as Point }];
  const turn = { flipped: false, rotation: 90 };
  const now = place(view, turn, 1, middle);
  assert.ok(!isWhole(now));
  assert.ok(isWhole(place(snapped(view, now, middle), turn, 1, middle) as Affine));
});

test("an outline keeps its corners, and is simple already the second time", () => {
  const points: Point[] = Array.from({ length: 400 }, (_, index) => {
    const side = Math.floor(index / 100);
    const along = index % 100;
    return ([[along, 0], [100, along], [100 - along, 100], [0, 100 - along]] as Point[])[side]!;
  });
  const once = simplify(points, 0.35);
  assert.ok(once.length <= 6);
  assert.deepEqual(simplify(once, 0.35), once);
  assert.ok(Math.abs(area("region", once) - 10000) < 60);
});

test("measures know the spacing of rows and columns", () => {
  assert.equal(length([1, 1], [4, 5], [0.5, 2]), Math.hypot(6, 2));
  assert.ok(Math.abs(angle([[1, 0], [0, 0], [1, 1]], 1) - 45) < 1e-9);
});

test("a reader's own key takes a default's place", () => {
  const keys = bound({ invert: "r", nonsense: "q" });
  assert.equal(keys.invert, "r");
  assert.ok(!("rotateRight" in keys) && !("nonsense" in keys));
});
