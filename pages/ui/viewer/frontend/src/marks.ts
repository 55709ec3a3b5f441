// Drawings: Cornerstone's annotation tools, set up for one film a pane, and their records.

import { eventTarget } from "@cornerstonejs/core";
import {
  AngleTool, CobbAngleTool, EllipticalROITool, Enums, LengthTool, PlanarFreehandROITool, ProbeTool,
  RectangleROITool, ToolGroupManager, addTool, annotation, cancelActiveManipulations, init,
  utilities, type Types,
} from "@cornerstonejs/tools";
import { aspectOf, filmOf, imageId } from "./cornerstone.ts";
import { area, lines } from "./measure.ts";
import { simplify } from "./simplify.ts";
import type { AnnotationRecord, Point, Shape } from "./types.ts";

const SMALLEST = 0.5; // film pixels, or square ones
const FINE = 0.35; // film pixels an outline may be off to have fewer points
const { Events, MouseBindings } = Enums;

/** Heart and thorax: Cornerstone's tool for two lines, read as a ratio. */
class RatioTool extends CobbAngleTool {
  static override toolName = "CardiothoracicRatio";

  /** No angle is wanted: parallel lines have none, and the tool would then show no text. */
  override _calculateCachedStats(drawing: Types.Annotation): Record<string, unknown> {
    const data = drawing.data as unknown as Data;
    if (data.handles?.points.length === 4) {
      for (const target of Object.keys(data.cachedStats ?? {})) {
        data.cachedStats![target] = { angle: 1, points: { canvas: {} } };
      }
      drawing.invalidated = false;
    }
    return data.cachedStats ?? {};
  }
}

const TOOLS: Record<Shape, { toolName: string }> = {
  point: ProbeTool,
  length: LengthTool,
  angle: AngleTool,
  rectangle: RectangleROITool,
  ellipse: EllipticalROITool,
  ratio: RatioTool,
  region: PlanarFreehandROITool,
};
const SHAPES = new Map(Object.entries(TOOLS).map(([shape, { toolName }]) => [toolName, shape as Shape]));
const CORNERS = [[0, 0], [1, 0], [0, 1], [1, 1]] as const;
type World = [number, number, number];
interface Data {
  handles?: { points: World[]; activeHandleIndex?: number | null; textBox?: unknown };
  contour?: { polyline: World[]; closed: boolean };
  label?: string;
  finding?: string;
  cachedStats?: Record<string, unknown>;
}

let words: Record<string, string> = {};
let started = false;

export function setWords(texts: Record<string, string>): void {
  words = texts;
}

/** Start Cornerstone's tools; before the first viewport is enabled. */
export function startTools(): void {
  if (started) return;
  started = true;
  init();
  for (const tool of Object.values(TOOLS)) addTool(tool as Parameters<typeof addTool>[0]);
  annotation.config.style.setDefaultToolStyles({
    ...annotation.config.style.getDefaultToolStyles(),
    global: {
      ...annotation.config.style.getDefaultToolStyles().global,
      color: "rgb(255, 214, 92)",
      colorHighlighted: "rgb(120, 220, 255)",
      colorSelected: "rgb(120, 220, 255)",
      lineWidth: "1.5",
      textBoxFontFamily: "system-ui, sans-serif",
      textBoxFontSize: "13px",
      textBoxColor: "rgb(255, 230, 160)",
      textBoxColorHighlighted: "rgb(190, 235, 255)",
      textBoxColorSelected: "rgb(190, 235, 255)",
      textBoxBackground: "rgba(0, 0, 0, 0.55)",
    },
  } as never);
}

/** The drawing tools of one pane. */
export function openTools(paneId: string, engineId: string, editable: boolean): void {
  const group = ToolGroupManager.createToolGroup(paneId)!;
  for (const [shape, { toolName }] of Object.entries(TOOLS)) {
    group.addTool(toolName, {
      calculateStats: false, // measure.ts does it, in the file's own terms
      getTextLines: (data: Data, target: string | string[]) => textLines(shape as Shape, data, target),
      allowOpenContours: false,
    });
    if (editable) group.setToolPassive(toolName);
    else group.setToolEnabled(toolName);
  }
  group.addViewport(paneId, engineId);
}

export function closeTools(paneId: string): void {
  ToolGroupManager.destroyToolGroup(paneId);
}

/** Let the left button draw a shape, or nothing. */
export function choose(paneId: string, shape: Shape | null): void {
  const group = ToolGroupManager.getToolGroup(paneId);
  if (!group) return;
  for (const { toolName } of Object.values(TOOLS)) {
    group.setToolPassive(toolName, { removeAllBindings: true });
  }
  if (!shape) return;
  const bindings = [{ mouseButton: MouseBindings.Primary }];
  group.setToolActive(TOOLS[shape].toolName, { bindings });
}

/** Call back after any drawing changed. */
export function onChange(callback: () => void, signal: AbortSignal): void {
  const names = [
    Events.ANNOTATION_COMPLETED, Events.ANNOTATION_MODIFIED, Events.ANNOTATION_REMOVED,
    Events.ANNOTATION_SELECTION_CHANGE,
  ];
  for (const name of names) eventTarget.addEventListener(name, callback);
  signal.addEventListener("abort", () => {
    for (const name of names) eventTarget.removeEventListener(name, callback);
  });
}

function all(pixels: string): Types.Annotation[] {
  return annotation.state.getAllAnnotations().filter(
    ({ metadata }) =>
      metadata?.FrameOfReferenceUID === pixels && SHAPES.has(metadata.toolName),
  );
}

/** All finished drawings on a film, as records. */
export function records(pixels: string, sop: string): AnnotationRecord[] {
  for (const drawing of all(pixels)) bringInside(drawing);
  const finished = all(pixels)
    .map((drawing) => toRecord(drawing, sop))
    .filter((record) => record !== null);
  return finished.sort((a, b) => (a.uid < b.uid ? -1 : 1));
}

/** Make the drawings on a film those of the records; what is equal is left alone. */
export function restore(pixels: string, sop: string, wanted: AnnotationRecord[]): void {
  const present = new Map(all(pixels).map((drawing) => [drawing.annotationUID!, drawing]));
  for (const record of wanted) {
    const now = present.get(record.uid);
    present.delete(record.uid);
    const same = now && JSON.stringify(toRecord(now, sop)) === JSON.stringify(record);
    if (same) continue;
    if (now) annotation.state.removeAnnotation(record.uid);
    annotation.state.addAnnotation(fromRecord(pixels, record), pixels as never);
  }
  for (const uid of present.keys()) annotation.state.removeAnnotation(uid);
}

export function selected(): AnnotationRecord["uid"][] {
  return annotation.selection.getAnnotationsSelected();
}

export function remove(uids: string[]): void {
  for (const uid of uids) annotation.state.removeAnnotation(uid);
}

/** Set the finding a drawing marks; `tied` reads it. */
export function tie(uid: string, finding: string): void {
  const drawing = annotation.state.getAnnotation(uid);
  if (drawing) (drawing.data as Data).finding = finding;
}

export function tied(uid: string): string {
  return (annotation.state.getAnnotation(uid)?.data as Data | undefined)?.finding ?? "";
}

/** True when a press here (CSS pixels of the element) would take hold of a drawing. */
export function isNear(element: HTMLDivElement, at: Point): boolean {
  return utilities.getAnnotationNearPoint(element, at, 8) !== null;
}

/** Stop a drawing that was begun and not finished. */
export function cancel(element: HTMLDivElement): void {
  const uid = cancelActiveManipulations(element);
  if (uid) annotation.state.removeAnnotation(uid);
}

export function redraw(paneIds: string[]): void {
  utilities.triggerAnnotationRenderForViewportIds(paneIds);
}

function textLines(shape: Shape, data: Data, target: string | string[]): string[] {
  const [first = ""] = [target].flat(); // some tools name one target, some a list
  const image = filmOf(first.replace(/^imageId:/, ""));
  const points = image && pointsOf(shape, data, image.film.header.aspect);
  return points ? lines(image.film, image.frame, shape, points, words) : [];
}

/** Film positions of a drawing, or null while it is not finished. */
function pointsOf(shape: Shape, { handles, contour }: Data, aspect: number): Point[] | null {
  const flat = ([x, y]: World): Point => [x, y / aspect];
  if (shape === "region") {
    return contour?.closed && contour.polyline.length > 2 ? contour.polyline.map(flat) : null;
  }
  const points = (handles?.points ?? []).map(flat);
  switch (shape) {
    case "point": return points.length >= 1 ? points.slice(0, 1) : null;
    case "length": return points.length === 2 ? points : null;
    case "angle": return points.length === 3 ? points : null;
    case "ratio": return points.length === 4 ? points : null;
    case "rectangle": return points.length === 4 ? [points[0]!, points[3]!] : null;
    case "ellipse": {
      if (points.length !== 4) return null;
      const [bottom, top, left, right] = points as [Point, Point, Point, Point];
      const tall = Math.hypot(top[0] - bottom[0], (top[1] - bottom[1]) * aspect);
      const wide = Math.hypot(right[0] - left[0], (right[1] - left[1]) * aspect);
      return tall >= wide ? [bottom, top, left, right] : [left, right, bottom, top];
    }
  }
}

/** Keep a finished drawing on the film; what then has no size is no drawing. */
function bringInside(drawing: Types.Annotation): void {
  const shape = SHAPES.get(drawing.metadata!.toolName)!;
  const image = filmOf(drawing.metadata!.referencedImageId ?? "");
  const data = drawing.data as unknown as Data;
  if (!image || !pointsOf(shape, data, 1)) return;
  const { columns, rows, aspect } = image.film.header;
  let moved = false;
  for (const point of [...(data.handles?.points ?? []), ...(data.contour?.polyline ?? [])]) {
    const [x, y] = point;
    point[0] = Math.min(columns, Math.max(0, x));
    point[1] = Math.min(rows * aspect, Math.max(0, y));
    moved ||= point[0] !== x || point[1] !== y;
  }
  drawing.invalidated ||= moved;
  const points = pointsOf(shape, data, aspect)!;
  const flat = shape !== "point" && (
    points.every(([x, y]) => Math.hypot(x - points[0]![0], y - points[0]![1]) < SMALLEST) ||
    (["rectangle", "ellipse", "region"].includes(shape) && area(shape, points) < SMALLEST)
  );
  if (flat) annotation.state.removeAnnotation(drawing.annotationUID!);
}

const rounded = ([x, y]: Point): Point => [Number(x.toFixed(3)), Number(y.toFixed(3))];

function toRecord(drawing: Types.Annotation, sop: string): AnnotationRecord | null {
  const shape = SHAPES.get(drawing.metadata!.toolName)!;
  const image = filmOf(drawing.metadata!.referencedImageId ?? "");
  const data = drawing.data as unknown as Data;
  const points = image && pointsOf(shape, data, image.film.header.aspect);
  if (!points) return null;
  return {
    uid: drawing.annotationUID!,
    sop,
    shape,
    points: (shape === "region" ? simplify(points, FINE) : points).map(rounded),
    frame: image.frame,
    label: data.label ?? "",
    finding: data.finding ?? "",
  };
}

function fromRecord(pixels: string, record: AnnotationRecord): Types.Annotation {
  const id = imageId(pixels, record.frame);
  const aspect = aspectOf(pixels);
  const deep = ([x, y]: Point): World => [x, y * aspect, 0];
  const world = record.points.map(deep);
  let points = world;
  if (record.shape === "rectangle") {
    const [a, b] = world as [World, World];
    points = CORNERS.map(([u, v]) => [u ? b[0] : a[0], v ? b[1] : a[1], 0]);
  }
  const upright = record.shape === "ellipse" &&
    Math.abs(world[0]![1] - world[1]![1]) < Math.abs(world[0]![0] - world[1]![0]);
  if (upright) points = [world[2]!, world[3]!, world[0]!, world[1]!];
  const region = record.shape === "region";
  const textBox = {
    hasMoved: false,
    worldPosition: [0, 0, 0],
    worldBoundingBox: {
      topLeft: [0, 0, 0], topRight: [0, 0, 0], bottomLeft: [0, 0, 0], bottomRight: [0, 0, 0],
    },
  };
  return {
    annotationUID: record.uid,
    highlighted: false,
    isLocked: false,
    isVisible: true,
    invalidated: true,
    metadata: {
      toolName: TOOLS[record.shape].toolName,
      FrameOfReferenceUID: pixels,
      referencedImageId: id,
      viewPlaneNormal: [0, 0, -1],
      viewUp: [0, -1, 0],
    },
    data: {
      label: record.label,
      finding: record.finding,
      cachedStats: {},
      handles: { points: region ? [] : points, activeHandleIndex: null, textBox },
      ...(region ? { contour: { polyline: world, closed: true } } : {}),
    },
  } as unknown as Types.Annotation;
}
