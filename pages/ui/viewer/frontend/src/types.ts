// The messages between Python and the viewer, either way. See pages/ui/viewer/wire.py.

export type Point = [number, number];
/** Affine map [a, b, c, d, e, f] as in CanvasRenderingContext2D.setTransform. */
export type Affine = [number, number, number, number, number, number];

export type Curve = "LINEAR" | "LINEAR_EXACT" | "SIGMOID";

/** A look-up table in a film's bytes (PS3.3 C.11.2.1.1). */
export interface LutSpec {
  first: number;
  bits: number;
  size: number;
  offset: number; // bytes from the start of the pixels
}

/** One way to turn modality values to grey: a window, or a look-up table. */
export interface Grey {
  name: string;
  center: number;
  width: number;
  curve: Curve;
  lut?: LutSpec;
}

export interface FrameSpec {
  overlay: number | null; // bytes from the start of the pixels to the bits of the file's overlay
  slope: number;
  intercept: number;
  presets: Grey[]; // the file's own, first is the acquired presentation
  automatic: Grey;
  full: Grey;
}

export interface FilmHeader {
  kind: "film";
  halved: number; // how often the sent samples are halved: 0 for the film, more for a preview
  rows: number;
  columns: number;
  frames: FrameSpec[];
  totalFrames: number;
  order: number[]; // frames as they are gone through; everything else counts them as stored
  samples: 1 | 3;
  type: "uint8" | "int16" | "uint16";
  unit: string;
  monochrome1: boolean;
  aspect: number; // height of a pixel over its width
  spacing: Point | null; // row, column, in mm
  plane: string; // where lengths hold: "body", "detector", "film", "corrected" ...
  magnification: number | null; // the spacing is divided by it already
  directions: [string, string]; // towards the right edge, towards the bottom edge: "L", "F" ...
  modality: string;
  frameTime: number; // ms
  padding: [number, number] | null;
}

export interface OverlayHeader {
  kind: "overlay";
  rows: number;
  columns: number;
  limit: number;
  signed: boolean;
  colours: number[]; // 256 x RGB
}

export interface OverlaySpec {
  pixels: string;
  method: string;
  target: string;
  meaning: string;
  source: string;
  seen: Edges;
  shown: boolean; // from the start
  outline: [number, number][]; // around the strongest place, in fractions of the film
}

export interface PaneSpec {
  key: string;
  pixels: string;
  preview: string | null; // of a small packet that comes first
  sop: string;
  title: string;
  banner: [string, string][];
  marks: string[];
  notes: string[];
  overlay: OverlaySpec | null;
  regions: RegionSpec[]; // that were marked on it
  stack: StackSpec | null; // where it stands among the pictures of its series
}

/** A region that was marked on a film: left, top, right and bottom in fractions of it. */
export interface RegionSpec {
  box: [number, number, number, number];
  label: string; // side and answer
}

/** Top, left, bottom and right in fractions of a film. */
export type Edges = [number, number, number, number];

/** How the prior that hangs beside is laid over the film of the first pane. */
export interface ComparisonSpec {
  prior: string; // key of its pane, or empty where it does not hang
  lungs: [Edges, Edges] | null; // in the film and in the prior
  aligned: string; // what aligned them
  reason: string; // why there are no boxes
}

export interface StackSpec {
  series: string;
  at: number; // from 0
  count: number;
}

export type Shape =
  | "point" | "length" | "angle" | "rectangle" | "ellipse" | "ratio" | "region";

export interface AnnotationRecord {
  uid: string;
  sop: string;
  shape: Shape;
  points: Point[];
  frame: number;
  label: string;
  finding: string;
}

export interface PresentationRecord {
  sop: string;
  frame: number;
  center: number | null;
  width: number | null;
  curve: Curve;
  inverted: boolean;
  flipped: boolean;
  rotation: number;
  overlays: boolean; // the file's own overlay planes
}

export type Layout = "1" | "2" | "4";

export interface SceneSpec {
  panes: PaneSpec[];
  tickets: Record<string, string>; // to collect pixels with, by their name
  layout: Layout;
  linked: boolean;
  editable: boolean;
  generation: number;
  acts: number; // how many of what keys asked for were done
  comparison: ComparisonSpec | null; // of a patient with a prior
  name: string; // of this viewer, by which the page's question says whose key asked it
  annotations: AnnotationRecord[];
  presentations: PresentationRecord[];
  bindings: Record<string, string>;
  findings: Record<string, string>;
  words: Record<string, string>;
}

/** The arguments that Streamlit hands a component (v2). */
export interface Mount<T> {
  data: T;
  key: string;
  name: string;
  parentElement: HTMLElement | ShadowRoot;
  setStateValue: (name: string, value: unknown) => void;
  setTriggerValue: (name: string, value: unknown) => void;
}
